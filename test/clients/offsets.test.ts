/** Proves that a group's offsets are the same whichever way they were committed: by a client of Kafka's, over HTTP. */
import { describe, expect, test } from "vitest";
import { joining, named, numbered } from "./features/run.ts";
import { startAll } from "./support/all.ts";
import { CLIENTS } from "./support/clients.ts";
import { newTopic, produceOverHttp } from "./support/http.ts";
import { WAYS } from "./support/ways.ts";

const JSON_V2 = "application/vnd.kafka.v2+json";

const place = await WAYS.TCP();
const drivers = await startAll(place);

const committing = CLIENTS.filter((client) => drivers.get(client)!.features.has("commit"));

/** An instance over HTTP reads this many records, commits them, and leaves. */
async function readOverHttp(group: string, topic: string, count: number): Promise<number[]> {
  const { http } = place;
  const headers = { "content-type": JSON_V2 };
  const spec = { name: "one", format: "binary", "auto.offset.reset": "earliest" };
  await http.post(`/consumers/${group}`, spec, headers);
  const instance = `/consumers/${group}/instances/one`;
  await http.post(`${instance}/subscription`, { topics: [topic] }, headers);
  const offsets: number[] = [];
  while (offsets.length < count) {
    const answer = await http.ask(`${instance}/records?timeout=1000`, {
      headers: { accept: "application/vnd.kafka.binary.v2+json" },
    });
    expect(answer.status).toBe(200);
    offsets.push(...answer.json<{ offset: number }[]>().map(({ offset }) => offset));
  }
  await http.ask(`${instance}/offsets`, { method: "POST", headers });
  await http.ask(instance, { method: "DELETE" });
  return offsets;
}

describe.each(committing)("$name", (client) => {
  test("goes on where HTTP has committed, and HTTP where it has", async () => {
    const name = `offsets-${named(client.name)}`;
    const member = drivers.get(client)!;
    await newTopic(place.http, name);
    await produceOverHttp(place.http, name, numbered(10));
    expect(await readOverHttp(name, name, 10)).toEqual(numbered(10).map((_, i) => i));
    await produceOverHttp(place.http, name, numbered(5, 10));
    await member.ask("subscribe", joining(name));
    await member.until("5 are read", () => member.records.length >= 5);
    expect(member.records.map(({ offset }) => offset)).toEqual([10, 11, 12, 13, 14]);
    await member.ask("commit", {});
    await member.ask("unsubscribe", {});
    await produceOverHttp(place.http, name, numbered(3, 15));
    expect(await readOverHttp(name, name, 3)).toEqual([15, 16, 17]);
  });
});
