import fc from "fast-check";
import { expect, test } from "vitest";

import {
  BATCH_OVERHEAD_BYTES,
  encodeBatch,
  readBatchHeader,
  splitBatches,
} from "../../../src/records/index.ts";
import { producerFieldsArbitrary, recordsArbitrary, text } from "./support.ts";

const ONE = { timestamp: 1000, key: null, value: text("v"), headers: [] };

function patched(at: number, ...values: number[]): Uint8Array {
  const bytes = encodeBatch([ONE]);
  bytes.set(values, at);
  return bytes;
}

function errorOf(bytes: Uint8Array): string {
  const read = readBatchHeader(bytes, 0);
  return read.ok ? "none" : read.error;
}

test("every field is read as it was written, wherever the batch lies", () => {
  fc.assert(
    fc.property(recordsArbitrary, producerFieldsArbitrary, fc.nat(5), (records, fields, shift) => {
      const batch = encodeBatch(records, fields);
      const bytes = new Uint8Array(shift + batch.length);
      bytes.set(batch, shift);
      const read = readBatchHeader(bytes, shift);
      expect(read).toMatchObject({
        ok: true,
        header: {
          position: shift,
          sizeBytes: batch.length,
          baseOffset: fields.baseOffset,
          batchLength: batch.length - 12,
          partitionLeaderEpoch: fields.leaderEpoch,
          magic: 2,
          compression: fields.compression,
          timestampType: "CreateTime",
          isTransactional: fields.isTransactional,
          isControl: false,
          lastOffsetDelta: records.length - 1,
          baseTimestamp: records[0]!.timestamp,
          maxTimestamp: Math.max(...records.map((record) => record.timestamp)),
          producerId: fields.producerId,
          producerEpoch: fields.producerEpoch,
          baseSequence: fields.baseSequence,
          recordCount: records.length,
        },
      });
    }),
  );
});

test("other message formats are refused as such, even when they are shorter than a header", () => {
  for (const magic of [0, 1, 3, 127, 255]) {
    expect(errorOf(patched(16, magic))).toBe("UNSUPPORTED_FOR_MESSAGE_FORMAT");
  }
  expect(errorOf(new Uint8Array(34))).toBe("UNSUPPORTED_FOR_MESSAGE_FORMAT");
});

test("impossible lengths and numbers are corrupt", () => {
  const corrupt = {
    "length 0": patched(8, 0, 0, 0, 0),
    "length 48": patched(8, 0, 0, 0, 48),
    "length -1": patched(8, 0xff, 0xff, 0xff, 0xff),
    "base offset 2^53": patched(0, 0, 0x20),
    "base offset -2^53": patched(0, 0xff, 0xe0, 0, 0, 0, 0, 0, 0),
    "base offset 2^53 - 1 and a delta of 1": patched(
      0,
      ...[0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, ...encodeBatch([ONE]).slice(8, 23)],
      ...[0, 0, 0, 1],
    ),
    "last offset delta -1": patched(23, 0xff, 0xff, 0xff, 0xff),
    "producer id": patched(43, 0x7f),
    "record count -1": patched(57, 0xff, 0xff, 0xff, 0xff),
    "61 bytes less one": encodeBatch([ONE]).slice(0, 60),
    nothing: new Uint8Array(0),
  };
  for (const [name, bytes] of Object.entries(corrupt)) {
    expect(errorOf(bytes), name).toBe("CORRUPT_MESSAGE");
  }
});

test("a timestamp that no clock will ever show is no corruption", () => {
  expect(errorOf(patched(27, 0x7f))).toBe("INVALID_TIMESTAMP");
  expect(errorOf(patched(35, 0x80))).toBe("INVALID_TIMESTAMP");
});

test("a header alone can be read; splitting asks for the whole batch", () => {
  const header = encodeBatch([ONE]).slice(0, BATCH_OVERHEAD_BYTES);
  expect(errorOf(header)).toBe("none");
  expect(splitBatches(header)).toMatchObject({ ok: false, error: "CORRUPT_MESSAGE" });
});

test("splitting finds every batch of a concatenation and refuses any cut of it", () => {
  fc.assert(
    fc.property(fc.array(recordsArbitrary, { minLength: 1, maxLength: 4 }), (groups) => {
      const batches = groups.map((records) => encodeBatch(records));
      const bytes = Buffer.concat(batches);
      const split = splitBatches(bytes);
      if (!split.ok) throw new Error(split.message);
      let position = 0;
      for (const [i, header] of split.batches.entries()) {
        expect([header.position, header.sizeBytes]).toEqual([position, batches[i]!.length]);
        position += header.sizeBytes;
      }
      expect(position).toBe(bytes.length);
      for (const cut of [1, 12, batches.at(-1)!.length - 1]) {
        expect(splitBatches(bytes.subarray(0, bytes.length - cut)).ok).toBe(false);
      }
      expect(splitBatches(Buffer.concat([bytes, Buffer.alloc(1)])).ok).toBe(false);
    }),
    { numRuns: 50 },
  );
  expect(splitBatches(new Uint8Array(0))).toEqual({ ok: true, batches: [] });
});
