import fc from "fast-check";
import { expect, test } from "vitest";

import {
  assignOffsets,
  decodeBatch,
  encodeBatch,
  readBatchHeader,
  setMaxTimestamp,
  stampLogAppendTime,
  validateProducedBatch,
} from "../../../src/records/index.ts";
import { crc32c } from "../../../src/records/crc32c.ts";
import { plainRecord, recordsArbitrary, text } from "./support.ts";

function headerOf(bytes: Uint8Array, at = 0) {
  const read = readBatchHeader(bytes, at);
  if (!read.ok) throw new Error(read.message);
  return read.header;
}

test("assigned offsets and epochs leave the CRC right and the records untouched", () => {
  fc.assert(
    fc.property(
      recordsArbitrary,
      fc.nat({ max: Number.MAX_SAFE_INTEGER - 100 }),
      fc.nat({ max: 2 ** 31 - 1 }),
      (records, offset, epoch) => {
        const batch = Buffer.concat([Buffer.alloc(3), encodeBatch(records)]);
        assignOffsets(batch, 3, offset, epoch);
        const header = headerOf(batch, 3);
        expect([header.baseOffset, header.partitionLeaderEpoch]).toEqual([offset, epoch]);
        expect(validateProducedBatch(batch, header, { maxMessageBytes: 1e7 }).ok).toBe(true);
        const decoded = decodeBatch(batch, 3);
        if (!decoded.ok) throw new Error(decoded.message);
        expect(decoded.records.map((record) => record.offset)).toEqual(
          records.map((_, i) => offset + i),
        );
      },
    ),
    { numRuns: 50 },
  );
});

test("the append time is what every record has; base timestamp and deltas stay", () => {
  const records = [5, 9, 7].map((timestamp) => ({
    timestamp,
    key: null,
    value: text("v"),
    headers: [],
  }));
  const bytes = Buffer.concat([Buffer.alloc(2), encodeBatch(records), encodeBatch(records)]);
  const next = bytes.subarray(2 + encodeBatch(records).length).toString("hex");
  stampLogAppendTime(bytes, 2, 1_700_000_000_123);
  const header = headerOf(bytes, 2);
  expect(header).toMatchObject({
    timestampType: "LogAppendTime",
    maxTimestamp: 1_700_000_000_123,
    baseTimestamp: 5,
  });
  expect(crc32c(bytes, 2 + 21, 2 + header.sizeBytes)).toBe(header.crc);
  expect(bytes.subarray(2 + header.sizeBytes).toString("hex")).toBe(next);
  const decoded = decodeBatch(bytes, 2);
  if (!decoded.ok) throw new Error(decoded.message);
  for (const [i, record] of decoded.records.entries()) {
    expect(plainRecord(record)).toEqual(
      plainRecord({ ...records[i]!, timestamp: 1_700_000_000_123 }),
    );
  }
});

test("stamping keeps codec, transaction and producer", () => {
  const fields = { compression: "gzip", producerId: 9, producerEpoch: 1, baseSequence: 4 } as const;
  const record = { timestamp: 5, key: null, value: text("v"), headers: [] };
  const batch = encodeBatch([record], { ...fields, isTransactional: true });
  stampLogAppendTime(batch, 0, 77);
  const expected = { ...fields, isTransactional: true, timestampType: "LogAppendTime" };
  expect(headerOf(batch)).toMatchObject(expected);
});

test("a wrong maximum timestamp is found by validation and can be corrected", () => {
  const batch = encodeBatch([
    { timestamp: 100, key: null, value: null, headers: [] },
    { timestamp: 900, key: null, value: null, headers: [] },
  ]);
  setMaxTimestamp(batch, 0, 100);
  const judged = validateProducedBatch(batch, headerOf(batch), { maxMessageBytes: 1e6 });
  expect(judged).toEqual({ ok: true, maxTimestamp: 900 });
  setMaxTimestamp(batch, 0, 900);
  expect(validateProducedBatch(batch, headerOf(batch), { maxMessageBytes: 1e6 }).ok).toBe(true);
  expect(headerOf(batch)).toMatchObject({ maxTimestamp: 900, timestampType: "CreateTime" });
});
