/** Shared by the tests of the record codec: arbitraries, known data, and kafkajs as an oracle. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import fc from "fast-check";

import type {
  BatchFields,
  Compression,
  ProducerRecord,
  RecordHeader,
} from "../../../src/records/index.ts";

const require = createRequire(import.meta.url);

/** A module of kafkajs by its path below `src`. */
export function kafkajs<T>(path: string): T {
  return require(`kafkajs/src/${path}`) as T;
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);

export function golden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`./golden/${name}`, import.meta.url)));
}

/** The bytes in the golden blocks and frames, generated as in `golden/generate.py`. */
export function goldenPlain(): Uint8Array {
  let state = 1;
  const noise = Array.from({ length: 300 }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >> 16) & 0xff;
  });
  const out: number[] = [...noise];
  for (let i = 0; out.length < 150_000; i++) {
    if (i % 97 === 0) for (let zero = 0; zero < 500; zero++) out.push(0);
    else out.push(...noise.slice(7 * ((i * i) % 40), 7 * ((i * i) % 40) + 7));
  }
  return Uint8Array.from(out.slice(0, 150_000));
}

/** The records in the golden batches. */
export function goldenRecords(): ProducerRecord[] {
  return Array.from({ length: 20 }, (_, i) => ({
    timestamp: 1_700_000_000_000 + (((i * 37) % 11) - 5) * 1000,
    key: i % 3 === 0 ? null : text(`key-${i}`),
    value: i % 7 === 6 ? null : text("value ".repeat(i)),
    headers: Array.from({ length: i % 4 }, (_unused, j) => ({
      name: text(`h${j}`),
      value: j === 1 ? null : text("x".repeat(j)),
    })),
  }));
}

export const COMPRESSIONS: readonly Compression[] = ["none", "gzip", "snappy", "lz4", "zstd"];

/** Bytes with lengths on both sides of the limits of varints and of the copy loops. */
const bytesArbitrary: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 80 }) },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(8191, 8192, 8193, 20_000), fc.nat(255))
      .map(([length, byte]) => new Uint8Array(length).fill(byte)),
  },
);

const nullable = (arbitrary: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array | null> =>
  fc.option(arbitrary, { nil: null, freq: 4 });

const headerArbitrary: fc.Arbitrary<RecordHeader> = fc.record({
  name: fc.string({ maxLength: 12 }).map(text),
  value: nullable(fc.uint8Array({ maxLength: 20 })),
});

/** Timestamps: close to each other, usual ones, and as far apart as possible. */
const timestampArbitrary = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 8_640_000_000_000_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 2 ** 31, 2 ** 32, 2 ** 48) },
);

export const recordArbitrary: fc.Arbitrary<ProducerRecord> = fc.record({
  timestamp: timestampArbitrary,
  key: nullable(bytesArbitrary),
  value: nullable(bytesArbitrary),
  headers: fc.array(headerArbitrary, { maxLength: 4 }),
});

export const recordsArbitrary = fc.array(recordArbitrary, { minLength: 1, maxLength: 20 });

export const producerFieldsArbitrary: fc.Arbitrary<BatchFields> = fc.record({
  compression: fc.constantFrom(...COMPRESSIONS),
  baseOffset: fc.nat({ max: Number.MAX_SAFE_INTEGER - 100 }),
  leaderEpoch: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
  producerId: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  producerEpoch: fc.nat({ max: 32_767 }),
  baseSequence: fc.nat({ max: 2 ** 31 - 1 }),
  isTransactional: fc.boolean(),
});

/** Bytes as plain arrays, so that comparisons ignore the class of the bytes. */
export function plainRecord(record: ProducerRecord): unknown {
  const plain = (bytes: Uint8Array | null): number[] | null => (bytes === null ? null : [...bytes]);
  return {
    timestamp: record.timestamp,
    key: plain(record.key),
    value: plain(record.value),
    headers: record.headers.map((header) => [plain(header.name), plain(header.value)]),
  };
}
