import fc from "fast-check";
import { expect, test } from "vitest";

import type { Refusal } from "../../../src/base/errors.ts";
import {
  BatchBuilder,
  decodeBatch,
  encodeBatch,
  readBatchHeader,
  recordsFrom,
  validateProducedBatch,
  type BatchFields,
  type LogRecord,
  type ProducerRecord,
} from "../../../src/records/index.ts";
import {
  COMPRESSIONS,
  golden,
  goldenRecords,
  plainRecord,
  producerFieldsArbitrary,
  recordsArbitrary,
  text,
} from "./support.ts";

const LIMITS = { maxMessageBytes: 1e7 };

/** All records; a refusal fails the test. */
function records(items: Iterable<LogRecord | Refusal>): LogRecord[] {
  return [...items].map((item) => {
    if (!item.ok) throw new Error(item.message);
    return item;
  });
}

function simple(count: number, fields: BatchFields = {}): Uint8Array {
  const record = { timestamp: 1, key: null, value: text("v"), headers: [] };
  return encodeBatch(
    Array.from({ length: count }, () => record),
    fields,
  );
}

const offsets = (items: readonly LogRecord[]): number[] => items.map((item) => item.offset);

test("what is encoded validates and decodes to the same records, with every codec", () => {
  fc.assert(
    fc.property(recordsArbitrary, producerFieldsArbitrary, (given, fields) => {
      const batch = encodeBatch(given, fields);
      const decoded = decodeBatch(batch, 0);
      if (!decoded.ok) throw new Error(decoded.message);
      expect(validateProducedBatch(batch, decoded.header, LIMITS)).toEqual({
        ok: true,
        maxTimestamp: Math.max(...given.map((record) => record.timestamp)),
      });
      expect(decoded.records.map(plainRecord)).toEqual(given.map(plainRecord));
      expect(offsets(decoded.records)).toEqual(given.map((_, i) => fields.baseOffset! + i));
    }),
    { numRuns: 300 },
  );
});

test("batches of kafka-python, in every codec, validate and decode to what went in", () => {
  for (const codec of COMPRESSIONS) {
    const batch = golden(`batch-${codec}.bin`);
    const decoded = decodeBatch(batch, 0);
    if (!decoded.ok) throw new Error(`${codec}: ${decoded.message}`);
    expect(decoded.header.compression).toBe(codec);
    expect(validateProducedBatch(batch, decoded.header, LIMITS).ok, codec).toBe(true);
    expect(decoded.records.map(plainRecord)).toEqual(goldenRecords().map(plainRecord));
  }
});

test("the uncompressed batch of kafka-python is, byte for byte, what is encoded here", () => {
  const ours = encodeBatch(goldenRecords());
  const theirs = golden("batch-none.bin");
  // Clients write different leader epochs, which the CRC does not cover.
  ours.set(theirs.subarray(12, 16), 12);
  expect(ours).toEqual(theirs);
});

test("uncompressed records are views of the given bytes", () => {
  const batch = simple(1);
  const decoded = decodeBatch(batch, 0);
  if (!decoded.ok) throw new Error(decoded.message);
  expect(decoded.records[0]!.value!.buffer).toBe(batch.buffer);
});

test("the builder appends slices of any source, and grows and resets without a trace", () => {
  const builder = new BatchBuilder({ capacityBytes: 61 });
  fc.assert(
    fc.property(recordsArbitrary, fc.nat(7), (given, shift) => {
      const inside = (bytes: Uint8Array): Uint8Array =>
        Buffer.concat([Buffer.alloc(shift, 0xaa), bytes, Buffer.alloc(3, 0xbb)]);
      builder.reset();
      for (const { timestamp, key, value, headers } of given) {
        const appended = builder.append(
          timestamp,
          key && inside(key),
          shift,
          shift + (key?.length ?? 0),
          value && inside(value),
          shift,
          shift + (value?.length ?? 0),
          headers.length === 0 ? null : headers,
        );
        expect(appended).toBe(true);
      }
      const expected = encodeBatch(given);
      expect(builder.count).toBe(given.length);
      expect(builder.sizeBytes).toBe(expected.length);
      expect(builder.finish()).toEqual(expected);
      expect(builder.finish()).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});

test("a finished batch is its taker's: a later one does not touch it", () => {
  const builder = new BatchBuilder();
  const append = (value: string): boolean =>
    builder.append(1, null, 0, 0, text(value), 0, value.length, null);
  append("first");
  const first = builder.finish();
  const before = first.slice();
  builder.reset();
  append("other");
  builder.finish();
  expect(first).toEqual(before);
});

test("the builder refuses what would pass its bound, and writes nothing then", () => {
  const value = text("v".repeat(100));
  const one = encodeBatch([{ timestamp: 1, key: null, value, headers: [] }]).length;
  const builder = new BatchBuilder({ maxBytes: one });
  const append = (): boolean => builder.append(1, null, 0, 0, value, 0, value.length, null);
  expect([append(), append(), builder.count, builder.sizeBytes]).toEqual([true, false, 1, one]);
  builder.reset();
  expect(append()).toBe(true);
  const tooSmall = new BatchBuilder({ maxBytes: one - 1 });
  expect(tooSmall.append(1, null, 0, 0, value, 0, value.length, null)).toBe(false);
  expect(tooSmall.count).toBe(0);
});

test("reading starts at an offset, inside a batch or at its edge, across batches with gaps", () => {
  const bytes = Buffer.concat([
    simple(3, { baseOffset: 10 }),
    simple(2, { baseOffset: 20, compression: "lz4" }),
    simple(1, { baseOffset: 30 }),
  ]);
  const from = (offset: number): number[] => offsets(records(recordsFrom(bytes, offset)));
  expect(from(0)).toEqual([10, 11, 12, 20, 21, 30]);
  expect(from(12)).toEqual([12, 20, 21, 30]);
  expect(from(13)).toEqual([20, 21, 30]);
  expect(from(21)).toEqual([21, 30]);
  expect(from(31)).toEqual([]);
});

test("control batches are skipped unless they are asked for, and then marked", () => {
  const bytes = Buffer.concat([
    simple(1, { baseOffset: 0 }),
    simple(1, { baseOffset: 1, isControl: true, isTransactional: true, producerId: 7 }),
    simple(1, { baseOffset: 2, producerId: 7 }),
  ]);
  expect(offsets(records(recordsFrom(bytes, 0)))).toEqual([0, 2]);
  const all = records(recordsFrom(bytes, 0, { skipBatch: () => false }));
  expect(all.map((record) => record.isControl)).toEqual([false, true, false]);
  const others = recordsFrom(bytes, 0, { skipBatch: (header) => header.producerId === 7 });
  expect(offsets(records(others))).toEqual([0]);
});

test("batches that end before the wanted offset are not opened", () => {
  const broken = simple(3, { baseOffset: 0 });
  broken.fill(0xff, 61);
  const bytes = Buffer.concat([broken, simple(1, { baseOffset: 3 })]);
  expect(offsets(records(recordsFrom(bytes, 3)))).toEqual([3]);
  expect([...recordsFrom(bytes, 2)]).toMatchObject([{ ok: false, error: "CORRUPT_MESSAGE" }]);
});

test("an empty batch, as compaction leaves it, has no records and is no error", () => {
  const batch = simple(1, { baseOffset: 4 }).slice(0, 61);
  batch.set([0, 0, 0, 49], 8);
  batch.set([0, 0, 0, 0], 57);
  expect(readBatchHeader(batch, 0)).toMatchObject({ ok: true, header: { recordCount: 0 } });
  expect(decodeBatch(batch, 0)).toMatchObject({ ok: true, records: [] });
});

test("a compacted batch keeps the offsets of the records that are left", () => {
  const given: ProducerRecord[] = Array.from({ length: 3 }, (_, i) => ({
    timestamp: i,
    key: null,
    value: text(`${i}`),
    headers: [],
  }));
  const whole = encodeBatch(given, { baseOffset: 100 });
  const sizes = 8;
  // Records have 8 bytes each: removes the second, and states that two are left.
  expect(whole.length).toBe(61 + 3 * sizes);
  const left = Buffer.concat([whole.subarray(0, 61 + sizes), whole.subarray(61 + 2 * sizes)]);
  left.writeInt32BE(left.length - 12, 8);
  left.writeInt32BE(2, 57);
  const decoded = decodeBatch(left, 0);
  if (!decoded.ok) throw new Error(decoded.message);
  expect(offsets(decoded.records)).toEqual([100, 102]);
});
