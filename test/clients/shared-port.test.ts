/** Proves that clients read and write everything also where all brokers share one port. */
import { describe, expect, test } from "vitest";
import { named, numbered, text } from "./features/run.ts";
import { startAll } from "./support/all.ts";
import { CLIENTS } from "./support/clients.ts";
import { newTopic } from "./support/http.ts";
import { WAYS } from "./support/ways.ts";

const PARTITIONS = 6;

const place = await WAYS["one port"]();
const drivers = await startAll(place);

describe.each(CLIENTS)("$name", (client) => {
  test("reads and writes partitions of every broker", async () => {
    const driver = drivers.get(client)!;
    const topic = `shared-${named(client.name)}`;
    await newTopic(place.http, topic, PARTITIONS);
    const { brokers } = await driver.ask("metadata", {});
    expect(brokers.map(({ id }) => id)).toEqual([1]);
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const records = numbered(3, partition * 10);
      await driver.ask("produce", {
        ...{ topic, partition, records },
        ...{ compression: "none", acks: -1, idempotent: false },
      });
      const read = await driver.ask("fetch", { topic, partition, offset: 0, count: 3 });
      expect(read.records.map(({ value }) => text(value))).toEqual(
        records.map(({ value }) => text(value)),
      );
    }
  });
});
