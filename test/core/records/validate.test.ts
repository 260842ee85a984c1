import fc from "fast-check";
import { expect, test } from "vitest";

import {
  BatchBuilder,
  encodeBatch,
  readBatchHeader,
  validateProducedBatch,
  type BatchFields,
  type ProducerRecord,
} from "../../../src/records/index.ts";
import { crc32c } from "../../../src/records/crc32c.ts";
import { producerFieldsArbitrary, recordsArbitrary, text } from "./support.ts";

const LIMITS = { maxMessageBytes: 1_000_000 };

const record = (fields: Partial<ProducerRecord> = {}): ProducerRecord => ({
  timestamp: 1_700_000_000_000,
  key: text("k"),
  value: text("v"),
  headers: [],
  ...fields,
});

const THREE = [record(), record(), record()];

function judge(batch: Uint8Array, limits: Parameters<typeof validateProducedBatch>[2] = LIMITS) {
  const read = readBatchHeader(batch, 0);
  return read.ok ? validateProducedBatch(batch, read.header, limits) : read;
}

function errorOf(batch: Uint8Array, limits = LIMITS): string {
  const judged = judge(batch, limits);
  return judged.ok ? "none" : judged.error;
}

/** A batch with changed bytes and a valid CRC. */
function forged(
  patches: Readonly<Record<number, readonly number[]>>,
  records: readonly ProducerRecord[] = THREE,
  fields: BatchFields = {},
): Uint8Array {
  const batch = encodeBatch(records, fields);
  for (const [at, bytes] of Object.entries(patches)) batch.set(bytes, Number(at));
  return sealed(batch);
}

function sealed(batch: Uint8Array): Uint8Array {
  new DataView(batch.buffer, batch.byteOffset).setUint32(17, crc32c(batch, 21));
  return batch;
}

const MINUS_ONE_I64 = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const MINUS_TWO_I64 = [...MINUS_ONE_I64.slice(1), 0xfe];

test("refusals of the header, each by its own error", () => {
  const idempotent = { producerId: 5, producerEpoch: 1, baseSequence: 0 };
  const cases: [string, Uint8Array, string][] = [
    ["a wrong CRC", encodeBatch(THREE).fill(0, 17, 21), "CORRUPT_MESSAGE"],
    ["control", forged({ 22: [0x20] }), "INVALID_RECORD"],
    ["transactional without a producer", forged({ 22: [0x10] }), "INVALID_RECORD"],
    ["a delete horizon", forged({ 22: [0x40] }), "INVALID_RECORD"],
    ["reserved bit 7", forged({ 22: [0x80] }), "INVALID_RECORD"],
    ["reserved bit 15", forged({ 21: [0x80] }), "INVALID_RECORD"],
    ["append time", forged({ 22: [0x08] }), "INVALID_TIMESTAMP"],
    ["codec 5", forged({ 22: [5] }), "UNSUPPORTED_COMPRESSION_TYPE"],
    ["codec 7", forged({ 22: [7] }), "UNSUPPORTED_COMPRESSION_TYPE"],
    ["one record more than offsets", forged({ 60: [4] }), "INVALID_RECORD"],
    ["one offset more than records", forged({ 26: [3] }), "INVALID_RECORD"],
    ["no records", forged({ 26: [0], 60: [0] }), "INVALID_RECORD"],
    ["a producer id of -2", forged({ 43: MINUS_TWO_I64 }), "INVALID_RECORD"],
    [
      "a producer without an epoch",
      forged({ 51: [0xff, 0xff] }, THREE, idempotent),
      "INVALID_RECORD",
    ],
    ["a producer without a sequence", forged({ 53: [0xff] }, THREE, idempotent), "INVALID_RECORD"],
    ["max timestamp -2", forged({ 35: MINUS_TWO_I64 }), "INVALID_TIMESTAMP"],
    ["base timestamp -2", forged({ 27: MINUS_TWO_I64 }), "INVALID_TIMESTAMP"],
    ["max timestamp beyond Date", forged({ 35: [0, 0x1f] }), "INVALID_TIMESTAMP"],
    ["bytes behind the last record", forged({ 26: [1], 60: [2] }), "CORRUPT_MESSAGE"],
    ["fewer records than it says", forged({ 26: [3], 60: [4] }), "CORRUPT_MESSAGE"],
    ["more records than bytes", forged({ 24: [1, 0, 0], 58: [1, 0, 1] }), "CORRUPT_MESSAGE"],
  ];
  for (const [name, batch, error] of cases) expect(errorOf(batch), name).toBe(error);
  expect(errorOf(encodeBatch(THREE).subarray(0, 70))).toBe("CORRUPT_MESSAGE");
  expect(errorOf(encodeBatch(THREE, { ...idempotent, isTransactional: true }))).toBe("none");
});

test("refusals of the records, plain and compressed", () => {
  // A record: length, attributes, timestamp delta, offset delta, key length, key, …
  const plain = encodeBatch([
    record({ headers: [{ name: text("h"), value: text("x") }] }),
    record(),
  ]);
  expect([...plain.subarray(61, 75)]).toEqual([24, 0, 0, 0, 2, 107, 2, 118, 2, 2, 104, 2, 120, 16]);
  const cases: [string, Record<number, number[]>, string][] = [
    ["a record too long", { 61: [26] }, "CORRUPT_MESSAGE"],
    ["a record too short", { 61: [22] }, "CORRUPT_MESSAGE"],
    ["an empty record", { 61: [0] }, "CORRUPT_MESSAGE"],
    ["a negative length", { 61: [1] }, "CORRUPT_MESSAGE"],
    ["a length of more than 32 bits", { 61: [0xff, 0xff, 0xff, 0xff, 0x7f] }, "CORRUPT_MESSAGE"],
    ["offset delta 1 first", { 64: [2] }, "INVALID_RECORD"],
    ["offset delta -1", { 64: [1] }, "INVALID_RECORD"],
    ["offset delta 0 again", { 77: [0] }, "INVALID_RECORD"],
    ["a key longer than the record", { 65: [0x7e] }, "CORRUPT_MESSAGE"],
    ["a key that swallows the value", { 65: [4] }, "CORRUPT_MESSAGE"],
    ["a negative header count", { 69: [1] }, "CORRUPT_MESSAGE"],
    ["more headers than bytes", { 69: [0x7e] }, "CORRUPT_MESSAGE"],
    ["a header without a name", { 70: [1] }, "CORRUPT_MESSAGE"],
    ["a header value too long", { 72: [4] }, "CORRUPT_MESSAGE"],
  ];
  for (const [name, patches, error] of cases) {
    const batch = plain.slice();
    for (const [at, bytes] of Object.entries(patches)) batch.set(bytes, Number(at));
    expect(errorOf(sealed(batch)), name).toBe(error);
    expect(errorOf(recompressed(batch)), `${name}, compressed`).toBe(error);
  }
  expect(errorOf(plain)).toBe("none");
});

/** The same records compressed with snappy: one literal, since nothing long enough repeats. */
function recompressed(batch: Uint8Array): Uint8Array {
  const payload = batch.subarray(61);
  const packed = Buffer.concat([
    batch.subarray(0, 61),
    Uint8Array.of(payload.length, (payload.length - 1) << 2),
    payload,
  ]);
  packed.writeInt32BE(packed.length - 12, 8);
  packed[22] = 2;
  return sealed(packed);
}

test("a length that is right only modulo 2^32 is no length", () => {
  const plain = encodeBatch([record()]);
  const spelled = (...length: number[]): Uint8Array => {
    const batch = Buffer.concat([
      plain.subarray(0, 61),
      Uint8Array.from(length),
      plain.subarray(62),
    ]);
    batch.writeInt32BE(batch.length - 12, 8);
    return sealed(batch);
  };
  const right = plain[61]!;
  expect(errorOf(spelled(right))).toBe("none");
  expect(errorOf(spelled(right | 0x80, 0x80, 0x80, 0x80, 0x00))).toBe("none");
  expect(errorOf(spelled(right | 0x80, 0x80, 0x80, 0x80, 0x10))).toBe("CORRUPT_MESSAGE");
  expect(errorOf(spelled(right | 0x80, 0x80, 0x80, 0x80, 0x80, 0x00))).toBe("CORRUPT_MESSAGE");
});

test("a record's own timestamp is judged, and -1 means that it has none", () => {
  const at = (timestamp: number): Uint8Array =>
    forged({ 35: [0, 0, 0, 0, 0, 0, 0, 1] }, [record({ timestamp: 0 }), record({ timestamp })]);
  expect(errorOf(at(-1))).toBe("none");
  expect(errorOf(at(-2))).toBe("INVALID_TIMESTAMP");
  expect(errorOf(at(8_640_000_000_000_000))).toBe("none");
  expect(errorOf(at(8_640_000_000_000_001))).toBe("INVALID_TIMESTAMP");
  expect(errorOf(at(Number.MAX_SAFE_INTEGER))).toBe("INVALID_TIMESTAMP");
  const none = encodeBatch([record({ timestamp: -1 })]);
  expect(judge(none)).toEqual({ ok: true, maxTimestamp: -1 });
});

test("sizes: of the batch as it is, and of what it unfolds to", () => {
  const zeros = [record({ value: new Uint8Array(50_000) })];
  const plain = encodeBatch(zeros);
  expect(errorOf(plain, { maxMessageBytes: plain.length })).toBe("none");
  expect(errorOf(plain, { maxMessageBytes: plain.length - 1 })).toBe("MESSAGE_TOO_LARGE");
  for (const compression of ["gzip", "snappy", "lz4", "zstd"] as const) {
    const batch = encodeBatch(zeros, { compression });
    const limits = { maxMessageBytes: 40_000, maxDecompressedBytes: plain.length - 61 };
    expect(errorOf(batch, limits), compression).toBe("none");
    const less = { ...limits, maxDecompressedBytes: plain.length - 62 };
    expect(errorOf(batch, less), compression).toBe("MESSAGE_TOO_LARGE");
  }
});

test("no change of a byte under the CRC goes unnoticed; base offset and epoch are not under it", () => {
  fc.assert(
    fc.property(
      recordsArbitrary,
      producerFieldsArbitrary,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (records, fields, where, flip) => {
        const batch = encodeBatch(records, fields);
        const limits = { maxMessageBytes: 1e7 };
        const at = where % batch.length;
        batch[at]! ^= flip;
        const ok = judge(batch, limits).ok;
        const free = at < 8 || (at >= 12 && at < 16);
        // Only a base offset may exceed the safe integers; apart from that, the batch is accepted or refused as before.
        if (!free) expect(ok).toBe(false);
        else if (at >= 12) expect(ok).toBe(true);
      },
    ),
    { numRuns: 2000 },
  );
});

test("validation walks a batch of many records wherever it lies in the buffer", () => {
  const builder = new BatchBuilder();
  for (let i = 0; i < 10_000; i++) builder.append(i, null, 0, 0, null, 0, 0, null);
  const bytes = Buffer.concat([Buffer.alloc(5), builder.finish(), Buffer.alloc(5)]);
  const read = readBatchHeader(bytes, 5);
  if (!read.ok) throw new Error(read.message);
  expect(validateProducedBatch(bytes, read.header, LIMITS)).toEqual({
    ok: true,
    maxTimestamp: 9999,
  });
});
