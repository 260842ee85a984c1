/** kafkajs as an independent encoder and decoder of record batches, in both directions. */

import fc from "fast-check";
import { expect, test } from "vitest";

import {
  decodeBatch,
  encodeBatch,
  readBatchHeader,
  stampLogAppendTime,
  validateProducedBatch,
  type ProducerRecord,
} from "../../../src/records/index.ts";
import { kafkajs, plainRecord, recordArbitrary, text } from "./support.ts";

interface KafkajsRecord {
  readonly timestamp: string;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Record<string, Buffer | Buffer[] | null>;
  readonly isControlRecord: boolean;
}

interface KafkajsBatch {
  readonly firstOffset: string;
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly partitionLeaderEpoch: number;
  readonly inTransaction: boolean;
  readonly records: readonly KafkajsRecord[];
}

const Decoder = kafkajs<new (bytes: Buffer) => object>("protocol/decoder");
const decodeTheirs = kafkajs<(decoder: object) => Promise<KafkajsBatch>>(
  "protocol/recordBatch/v0/decoder",
);
const { RecordBatch } = kafkajs<{
  RecordBatch: (batch: object) => Promise<{ buffer: Buffer }>;
}>("protocol/recordBatch/v0");
const Record = kafkajs<(record: object) => object>("protocol/recordBatch/record/v0");

const NONE = 0;
const GZIP = 1;

/** kafkajs keeps headers in an object: names must differ, and it cannot encode null values. */
const forKafkajs = fc.array(
  recordArbitrary.map((record): ProducerRecord => ({
    ...record,
    headers: record.headers.map(({ value }, i) => ({
      name: text(`header-${i}-é`),
      value: value ?? new Uint8Array(0),
    })),
  })),
  { minLength: 1, maxLength: 12 },
);

const buffer = (bytes: Uint8Array | null): Buffer | null => bytes && Buffer.from(bytes);

async function encodeWithKafkajs(
  records: readonly ProducerRecord[],
  fields: object,
): Promise<Uint8Array> {
  const firstTimestamp = records[0]!.timestamp;
  const encoder = await RecordBatch({
    firstTimestamp,
    maxTimestamp: Math.max(...records.map((record) => record.timestamp)),
    lastOffsetDelta: records.length - 1,
    records: records.map(({ timestamp, key, value, headers }, offsetDelta) =>
      Record({
        offsetDelta,
        timestampDelta: timestamp - firstTimestamp,
        key: buffer(key),
        value: buffer(value),
        headers: Object.fromEntries(
          headers.map((header) => [Buffer.from(header.name).toString(), buffer(header.value)]),
        ),
      }),
    ),
    ...fields,
  });
  return new Uint8Array(encoder.buffer);
}

function recordOfTheirs(record: KafkajsRecord): unknown {
  return plainRecord({
    timestamp: Number(record.timestamp),
    key: record.key,
    value: record.value,
    headers: Object.entries(record.headers).flatMap(([name, values]) =>
      (Array.isArray(values) ? values : [values]).map((value) => ({ name: text(name), value })),
    ),
  });
}

test("what kafkajs encodes, plain or gzip, validates and decodes here", async () => {
  await fc.assert(
    fc.asyncProperty(forKafkajs, fc.constantFrom(NONE, GZIP), async (records, compression) => {
      const batch = await encodeWithKafkajs(records, { compression });
      const decoded = decodeBatch(batch, 0);
      if (!decoded.ok) throw new Error(decoded.message);
      expect(decoded.header.sizeBytes).toBe(batch.length);
      const judged = validateProducedBatch(batch, decoded.header, { maxMessageBytes: 1e7 });
      expect(judged).toMatchObject({ ok: true, maxTimestamp: decoded.header.maxTimestamp });
      expect(decoded.records.map(plainRecord)).toEqual(records.map(plainRecord));
    }),
    { numRuns: 150 },
  );
});

test("what is encoded here, plain or gzip, is decoded by kafkajs to the same", async () => {
  const fieldsArbitrary = fc.record({
    compression: fc.constantFrom("none" as const, "gzip" as const),
    baseOffset: fc.nat({ max: 2 ** 40 }),
    leaderEpoch: fc.nat({ max: 1000 }),
    producerId: fc.nat({ max: 2 ** 40 }),
    producerEpoch: fc.nat({ max: 32_767 }),
    baseSequence: fc.nat({ max: 2 ** 31 - 1 }),
    isTransactional: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(forKafkajs, fieldsArbitrary, async (records, fields) => {
      const batch = encodeBatch(records, fields);
      const theirs = await decodeTheirs(new Decoder(Buffer.from(batch)));
      expect(theirs).toMatchObject({
        firstOffset: String(fields.baseOffset),
        partitionLeaderEpoch: fields.leaderEpoch,
        producerId: String(fields.producerId),
        producerEpoch: fields.producerEpoch,
        firstSequence: fields.baseSequence,
        inTransaction: fields.isTransactional,
      });
      expect(theirs.records.map(recordOfTheirs)).toEqual(records.map(plainRecord));
      expect(theirs.records.map((record) => Number(record.offset))).toEqual(
        records.map((_, i) => fields.baseOffset + i),
      );
    }),
    { numRuns: 150 },
  );
});

test("kafkajs sees the append time on every record of a stamped batch", async () => {
  const record = { timestamp: 5, key: null, value: text("v"), headers: [] };
  const batch = encodeBatch([record, { ...record, timestamp: 9 }]);
  stampLogAppendTime(batch, 0, 1_700_000_000_000);
  const theirs = await decodeTheirs(new Decoder(Buffer.from(batch)));
  expect(theirs.records.map((each) => each.timestamp)).toEqual(["1700000000000", "1700000000000"]);
});

test("a producer that is not idempotent may write 0 for epoch and sequence, as kafkajs does", async () => {
  const record = { timestamp: 5, key: null, value: text("v"), headers: [] };
  const batch = await encodeWithKafkajs([record], { compression: NONE });
  const read = readBatchHeader(batch, 0);
  if (!read.ok) throw new Error(read.message);
  expect(read.header).toMatchObject({ producerId: -1, producerEpoch: 0, baseSequence: 0 });
  expect(validateProducedBatch(batch, read.header, { maxMessageBytes: 1e6 }).ok).toBe(true);
});
