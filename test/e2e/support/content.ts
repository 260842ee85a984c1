/**
 * Records that can be made again from two numbers, so that a test need not keep what it expects. Sizes from one byte
 * to 900 KB, most of them small; text in several scripts, emoji, binary, JSON; empty and missing keys and values;
 * headers.
 */
import type { ProducerRecord } from "../../../src/records/index.ts";

type DataType = "BINARY" | "STRING" | "JSON";

export interface MadeRecord extends ProducerRecord {
  readonly keyType: DataType;
  readonly valueType: DataType;
}

const VALUE_BYTES_MAX = 900_000;
const TIMESTAMP_BASE_MS = 1_700_000_000_000;

/** Numbers in [0, 1) that depend on the seed alone (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const below = (random: () => number, bound: number): number => Math.floor(random() * bound);

const ALPHABETS = [
  [...'abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 "\\/\t\n{}[],:'],
  [..."道可道非常道名可名非常名無名天地之始有名萬物之母"],
  ["😀", "👩‍🚀", "🇩🇪", "🐉", "é", "e\u0301", "𝒳", "\u2028", "ß", "İ"],
] as const;

/** Nine in ten are below 200 bytes, one in ten thousand is the largest. */
function sizeOf(random: () => number, i: number): number {
  if (i % 10_000 === 4_321) return VALUE_BYTES_MAX;
  const dice = random();
  if (dice < 0.88) return 1 + below(random, 200);
  if (dice < 0.98) return 200 + below(random, 2_000);
  if (dice < 0.999) return 2_000 + below(random, 18_000);
  return 20_000 + below(random, 180_000);
}

const utf8 = new TextEncoder();

function text(random: () => number, bytes: number): Uint8Array {
  const alphabet = ALPHABETS[below(random, ALPHABETS.length)]!;
  let made = "";
  let left = bytes;
  while (left > 0) {
    const character = alphabet[below(random, alphabet.length)]!;
    made += character;
    left -= Buffer.byteLength(character);
  }
  return utf8.encode(made);
}

function binary(random: () => number, bytes: number): Uint8Array {
  const made = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) made[i] = random() * 256;
  return made;
}

function json(random: () => number, bytes: number): Uint8Array {
  const note = Buffer.from(text(random, Math.max(1, bytes - 40))).toString();
  return utf8.encode(JSON.stringify({ n: below(random, 1e9), note, deep: [[null, true, 0.5]] }));
}

function typed(random: () => number, bytes: number): [DataType, Uint8Array] {
  const dice = random();
  if (dice < 0.4) return ["BINARY", binary(random, bytes)];
  if (dice < 0.8) return ["STRING", text(random, bytes)];
  return ["JSON", json(random, bytes)];
}

/** Record `i` of a stream: the same bytes whenever it is asked for. */
export function recordOf(stream: number, i: number): MadeRecord {
  const random = randomFrom(Math.imul(stream + 1, 0x9e3779b1) ^ Math.imul(i + 1, 0x85ebca6b));
  const [valueType, value] = typed(random, sizeOf(random, i));
  const [keyType, key] = typed(random, below(random, 24));
  const headers = Array.from({ length: random() < 0.3 ? 1 + below(random, 3) : 0 }, (_, n) => ({
    name: utf8.encode(`header-${n}-日`),
    value: random() < 0.2 ? null : binary(random, below(random, 16)),
  }));
  return {
    timestamp: TIMESTAMP_BASE_MS + i,
    key: random() < 0.3 ? null : key,
    value: random() < 0.04 ? null : value,
    headers,
    keyType,
    valueType,
  };
}

export function recordsOf(stream: number, from: number, count: number): MadeRecord[] {
  return Array.from({ length: count }, (_, n) => recordOf(stream, from + n));
}

function field(type: DataType, bytes: Uint8Array | null): unknown {
  if (bytes === null) return { type, data: null };
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (type === "BINARY") return { type, data: raw.toString("base64") };
  return { type, data: type === "STRING" ? raw.toString() : JSON.parse(raw.toString()) };
}

/** The record as v3 produce routes take it. A null is a BINARY null: a JSON null is the text `null`. */
export function asJson(record: MadeRecord): Record<string, unknown> {
  return {
    key: field(record.key === null ? "BINARY" : record.keyType, record.key),
    value: field(record.value === null ? "BINARY" : record.valueType, record.value),
    headers: record.headers.map(({ name, value }) => ({
      name: Buffer.from(name).toString(),
      value: value === null ? null : Buffer.from(value).toString("base64"),
    })),
    timestamp: record.timestamp,
  };
}

/** Whether two records carry the same bytes; says where they differ, or null. */
export function difference(read: ProducerRecord, expected: ProducerRecord): string | null {
  if (read.timestamp !== expected.timestamp) return "timestamp";
  if (!sameBytes(read.key, expected.key)) return "key";
  if (!sameBytes(read.value, expected.value)) return "value";
  if (read.headers.length !== expected.headers.length) return "number of headers";
  for (const [n, header] of expected.headers.entries()) {
    const other = read.headers[n]!;
    if (!sameBytes(other.name, header.name) || !sameBytes(other.value, header.value)) {
      return `header ${n}`;
    }
  }
  return null;
}

function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  return Buffer.compare(a, b) === 0;
}
