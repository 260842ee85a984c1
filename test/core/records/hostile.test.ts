/** Random, truncated and mutated bytes at every entry point are refused: no exception, no hang, no large allocation. */

import fc from "fast-check";
import { expect, test } from "vitest";

import { ERRORS } from "../../../src/base/errors.ts";
import {
  decodeBatch,
  encodeBatch,
  readBatchHeader,
  recordsFrom,
  splitBatches,
  validateProducedBatch,
} from "../../../src/records/index.ts";
import { crc32c } from "../../../src/records/crc32c.ts";
import { producerFieldsArbitrary, recordsArbitrary } from "./support.ts";

const LIMITS = { maxMessageBytes: 1e6, maxDecompressedBytes: 1e6 };

function expectKnown(result: { readonly ok: boolean }): void {
  if (!result.ok) expect(Object.keys(ERRORS)).toContain((result as { error?: string }).error);
}

/** Calls everything that reads bytes: it has to return. */
function readEverything(bytes: Uint8Array, at: number): void {
  const read = readBatchHeader(bytes, at);
  expectKnown(read);
  expectKnown(splitBatches(bytes));
  const decoded = decodeBatch(bytes, at, { maxDecompressedBytes: 1e6 });
  expectKnown(decoded);
  let count = 0;
  for (const item of recordsFrom(bytes, 0, { maxDecompressedBytes: 1e6, skipBatch: () => false })) {
    expectKnown(item);
    count++;
  }
  // A record has at least 7 bytes, and nothing decompresses to more than its bound.
  expect(count).toBeLessThanOrEqual(1 + (bytes.length / 61) * (1e6 / 7));
  if (!read.ok) return;
  const judged = validateProducedBatch(bytes, read.header, LIMITS);
  expectKnown(judged);
  // Whatever is accepted can be decoded.
  if (judged.ok) expect(decoded.ok).toBe(true);
}

test("random bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(80), (bytes, at) => {
      readEverything(bytes, Math.min(at, bytes.length));
    }),
    { numRuns: 3000 },
  );
});

test("random bytes behind a header that is plausible, with the right CRC", () => {
  fc.assert(
    fc.property(
      recordsArbitrary,
      producerFieldsArbitrary,
      fc.uint8Array({ maxLength: 200 }),
      (records, fields, payload) => {
        const batch = Buffer.concat([encodeBatch(records, fields).subarray(0, 61), payload]);
        batch.writeInt32BE(batch.length - 12, 8);
        batch.writeUInt32BE(crc32c(batch, 21), 17);
        readEverything(batch, 0);
      },
    ),
    { numRuns: 1000 },
  );
});

test("valid batches with some bytes changed, sealed anew, or cut", () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(
      recordsArbitrary,
      producerFieldsArbitrary,
      changes,
      fc.nat(),
      fc.boolean(),
      (records, fields, edits, cut, seal) => {
        const batch = Buffer.from(encodeBatch(records, fields));
        for (const [where, byte] of edits) batch[where % batch.length] = byte;
        if (seal) batch.writeUInt32BE(crc32c(batch, 21), 17);
        readEverything(batch, 0);
        readEverything(batch.subarray(0, cut % batch.length), 0);
      },
    ),
    { numRuns: 2000 },
  );
});

test("a count of 2^31 - 1 records ends at once", () => {
  const record = { timestamp: 1, key: null, value: null, headers: [] };
  const batch = Buffer.from(encodeBatch([record]));
  batch.writeInt32BE(0x7fff_fffe, 23);
  batch.writeInt32BE(0x7fff_ffff, 57);
  batch.writeUInt32BE(crc32c(batch, 21), 17);
  expect(decodeBatch(batch, 0)).toMatchObject({ ok: false, error: "CORRUPT_MESSAGE" });
  readEverything(batch, 0);
});
