/**
 * Proves that groups of real clients survive their members: three share, one is killed, two take over; and that a
 * member which shares no assignor with its group is refused, as by Kafka.
 */
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "../e2e/support/client.ts";
import { joining, named, numbered, text } from "./features/run.ts";
import { clientNamed, type ClientProgram } from "./support/clients.ts";
import { Driver } from "./support/driver.ts";
import { newTopic, produceOverHttp } from "./support/http.ts";
import { WAYS } from "./support/ways.ts";

const PARTITIONS = 6;

const place = await WAYS.TCP();
afterAll(() => place.stop());

async function member(client: ClientProgram, group: string): Promise<Driver> {
  const driver = await Driver.start(client, place.target);
  onTestFinished(() => driver.kill());
  await driver.ask("subscribe", joining(group));
  return driver;
}

const shares = (members: readonly Driver[]): number[] =>
  members.map(({ assigned }) => assigned?.length ?? 0);

const present = (...names: string[]): ClientProgram[] =>
  names.flatMap((name) => clientNamed(name) ?? []);

test.each(present("kcat", "kafkajs", "confluent-kafka", "kafka-clients (Java)"))(
  "$name: three share, one is killed, two go on",
  async (client) => {
    const group = `three-${named(client.name)}`;
    await newTopic(place.http, group, PARTITIONS);
    const members = await Promise.all([1, 2, 3].map(() => member(client, group)));
    const [killed, ...others] = members as [Driver, Driver, Driver];
    await killed.until("three share", () => shares(members).every((share) => share === 2));
    expect(new Set(members.flatMap(({ assigned }) => assigned)).size).toBe(PARTITIONS);
    await killed.kill();
    await others[0].until("two share", () => shares(others).every((share) => share === 3));
    expect(new Set(others.flatMap(({ assigned }) => assigned)).size).toBe(PARTITIONS);
    for (let partition = 0; partition < PARTITIONS; partition++) {
      await produceOverHttp(place.http, group, numbered(5, partition * 5), partition);
    }
    await others[0].until("two read all", () => {
      const read = others.flatMap(({ records }) => records.map(({ value }) => text(value)));
      return new Set(read).size === PARTITIONS * 5;
    });
  },
);

const pairs = present("kafkajs").flatMap((first) =>
  present("confluent-kafka", "kafka-clients (Java)").flatMap((second) => [
    { inside: first, outside: second, names: `${second.name} in a group of ${first.name}` },
    { inside: second, outside: first, names: `${first.name} in a group of ${second.name}` },
  ]),
);

describe.runIf(pairs.length > 0)("no assignor in common", () => {
  test.each(pairs)("$names is refused, and the group goes on", async ({ inside, outside }) => {
    const group = named(`no-${inside.name}-${outside.name}`);
    await newTopic(place.http, group, 2);
    const holder = await member(inside, group);
    await holder.until("the group stands", () => holder.assigned?.length === 2);
    const other = await Driver.start(outside, place.target);
    onTestFinished(() => other.kill());
    const refused = other.ask("subscribe", joining(group)).then(
      () =>
        other.until("it is refused", ({ failure }) => failure !== null).then(() => other.failure),
      (error: unknown) => String(error),
    );
    expect(await refused).toMatch(/inconsistent|incompatible|protocol/i);
    expect(other.assigned ?? []).toEqual([]);
    await produceOverHttp(place.http, group, numbered(3));
    await eventually("the group reads on", async () =>
      holder.records.length === 3 ? true : undefined,
    );
  });
});
