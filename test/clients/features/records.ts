/** Features of records: written, found and read without a group. */
import { expect } from "vitest";
import { eventually } from "../../e2e/support/client.ts";
import { fetchOverHttp, newTopic, produceOverHttp, storedCodec } from "../support/http.ts";
import type { Codec, RecordToWrite } from "../support/protocol.ts";
import { base64, numbered, text, type Run } from "./run.ts";

const PLAIN = { compression: "none", acks: -1, idempotent: false } as const;

export async function metadata({ driver, http, target, name }: Run): Promise<void> {
  await newTopic(http, name, 3);
  const { brokers, topics } = await driver.ask("metadata", {});
  const [host, port] = target.bootstrap.split(":") as [string, string];
  expect(brokers.toSorted((a, b) => a.id - b.id)).toEqual(
    [1, 2, 3].map((id) => ({ id, host, port: Number(port) + id - 1 })),
  );
  expect(topics[name]).toBe(3);
}

export async function produce({ driver, http, name }: Run): Promise<void> {
  await newTopic(http, name, 2);
  const records: RecordToWrite[] = [
    { key: base64("a"), value: base64("first"), headers: [["h", base64("x")]], timestamp: null },
    { key: null, value: base64("no key"), headers: [], timestamp: null },
  ];
  const told = await driver.ask("produce", { topic: name, partition: 1, records, ...PLAIN });
  expect(told.offsets).toEqual([0, 1]);
  const read = await fetchOverHttp(http, name, 1);
  expect(read.map(({ key, value, headers }) => ({ key, value, headers }))).toEqual(
    records.map(({ key, value, headers }) => ({ key, value, headers })),
  );
  expect(await fetchOverHttp(http, name, 0)).toEqual([]);
}

/** With each of them it is written; without a leader's answer (0) the client cannot tell where. */
export async function acks({ driver, http, name }: Run): Promise<void> {
  await newTopic(http, name);
  for (const [turn, level] of ([0, 1, -1] as const).entries()) {
    const takes = { topic: name, partition: 0, records: numbered(1, turn), ...PLAIN, acks: level };
    const { offsets } = await driver.ask("produce", takes);
    if (level !== 0) expect(offsets).toEqual([turn]);
    await eventually(`record ${turn}`, async () => {
      const read = await fetchOverHttp(http, name);
      return read.length === turn + 1 ? true : undefined;
    });
  }
  expect((await fetchOverHttp(http, name)).map(({ value }) => text(value))).toEqual([
    "0",
    "1",
    "2",
  ]);
}

export async function idempotence({ driver, http, name }: Run): Promise<void> {
  await newTopic(http, name, 1, 3);
  for (const from of [0, 50]) {
    const records = numbered(50, from);
    const takes = { topic: name, partition: 0, records, ...PLAIN, idempotent: true };
    expect((await driver.ask("produce", takes)).offsets).toEqual(
      Array.from({ length: 50 }, (_, i) => from + i),
    );
  }
  const read = await fetchOverHttp(http, name);
  expect(read.map(({ value }) => text(value))).toEqual(numbered(100).map((r) => text(r.value)));
}

/** Written with a codec, stored with it, and read back. */
export function codec(compression: Codec): (run: Run) => Promise<void> {
  return async ({ driver, http, name }) => {
    await newTopic(http, name);
    const records = numbered(100).map((record) => ({ ...record, value: base64("abc".repeat(99)) }));
    await driver.ask("produce", { topic: name, partition: 0, records, ...PLAIN, compression });
    expect(await storedCodec(http, name)).toBe(compression);
    const read = await driver.ask("fetch", { topic: name, partition: 0, offset: 0, count: 100 });
    expect(read.records.map(({ key, value }) => ({ key, value }))).toEqual(
      records.map(({ key, value }) => ({ key, value })),
    );
  };
}

export async function fetch({ driver, http, name }: Run): Promise<void> {
  await newTopic(http, name, 2);
  await produceOverHttp(http, name, numbered(20), 1);
  const takes = { topic: name, partition: 1, offset: 7, count: 5 };
  const { records } = await driver.ask("fetch", takes);
  expect(records.map(({ offset, value }) => [offset, text(value)])).toEqual(
    [7, 8, 9, 10, 11].map((offset) => [offset, String(offset)]),
  );
  const ends = await driver.ask("watermarks", { topic: name, partition: 1 });
  expect(ends).toMatchObject({ low: 0, high: 20 });
}

export async function seekByTime({ driver, http, name }: Run): Promise<void> {
  await newTopic(http, name);
  const start = Date.now() - 60_000;
  const at = (turn: number): number => start + turn * 1_000;
  const records = numbered(5).map((record, i) => ({ ...record, timestamp: at(i) }));
  // One by one: in a batch of their own each, as producers write them over time.
  for (const record of records) await produceOverHttp(http, name, [record]);
  const seek = async (timestamp: number): Promise<number | null> =>
    (await driver.ask("offsetForTime", { topic: name, partition: 0, timestamp })).offset;
  expect(await seek(at(3))).toBe(3);
  expect(await seek(at(1) + 1)).toBe(2);
  expect(await seek(at(0) - 5_000)).toBe(0);
}
