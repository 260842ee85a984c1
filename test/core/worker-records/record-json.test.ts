/** Batches to JSON: whatever bytes were stored, what is written parses, and stands for them exactly. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeBatch, type Compression, type ProducerRecord } from "../../../src/records/index.ts";
import {
  RECORD_FORMATS,
  writeRecords,
  type RecordFormat,
  type RecordsQuery,
} from "../../../src/worker/json/record-json.ts";

const QUERY: RecordsQuery = {
  topic: "t",
  partition: 3,
  format: "json",
  offset: 0,
  frame: "array",
  maxRecords: 1_000,
  maxBytes: 1_000_000,
};

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

/** Legal JSON, text, and bytes that are neither. */
const data = fc.oneof(
  fc.constant(null),
  fc.json().map(bytesOf),
  fc.string({ unit: "grapheme" }).map(bytesOf),
  fc.string({ unit: "binary-ascii" }).map(bytesOf),
  fc.uint8Array({ maxLength: 40 }),
);

const record: fc.Arbitrary<ProducerRecord> = fc.record({
  timestamp: fc.integer({ min: 0, max: 2_000_000_000_000 }),
  key: data,
  value: data,
  headers: fc.array(
    fc.record({
      name: fc.string({ unit: "grapheme" }).map(bytesOf),
      value: fc.option(fc.uint8Array({ maxLength: 10 })),
    }),
    { maxLength: 3 },
  ),
});

interface Written {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: unknown;
  readonly key_encoding?: string;
  readonly value: unknown;
  readonly value_encoding?: string;
  readonly headers: { name: string; value: string | null }[];
}

function write(batches: Uint8Array, query: Partial<RecordsQuery> = {}) {
  const written = writeRecords(batches, { ...QUERY, ...query });
  if (!written.ok) throw new Error(written.message);
  return written;
}

const read = (bytes: Uint8Array): Written[] => JSON.parse(textOf(bytes)) as Written[];

/** The stored bytes that a written key or value stands for. */
function expectData(
  written: unknown,
  encoding: string | undefined,
  stored: Uint8Array | null,
  format: RecordFormat,
): void {
  if (stored === null) return expect([written, encoding]).toEqual([null, undefined]);
  switch (encoding ?? format) {
    case "json":
      return expect(written).toEqual(JSON.parse(textOf(stored)));
    case "string":
      return expect(bytesOf(written as string)).toEqual(stored);
    default:
      return expect(new Uint8Array(Buffer.from(written as string, "base64"))).toEqual(stored);
  }
}

describe("writing", () => {
  it("gives back every record in every format", () => {
    const records = fc.array(record, { minLength: 1, maxLength: 5 });
    const compression = fc.constantFrom<Compression>("none", "gzip", "snappy", "lz4", "zstd");
    fc.assert(
      fc.property(
        records,
        compression,
        fc.constantFrom(...RECORD_FORMATS),
        (all, codec, format) => {
          const batch = encodeBatch(all, { compression: codec, baseOffset: 10 });
          const written = write(batch, { format });
          expect(written).toMatchObject({ isWhole: true, records: all.length });
          expect(written.nextOffset).toBe(10 + all.length);
          read(written.bytes).forEach((got, i) => {
            const { key, value, headers, timestamp } = all[i]!;
            expect(got).toMatchObject({ topic: "t", partition: 3, offset: 10 + i, timestamp });
            expectData(got.key, got.key_encoding, key, format);
            expectData(got.value, got.value_encoding, value, format);
            expect(got.headers).toEqual(
              headers.map((header) => ({
                name: textOf(header.name),
                value: header.value && Buffer.from(header.value).toString("base64"),
              })),
            );
          });
        },
      ),
    );
  });

  it("names an encoding exactly where the value does not fit the format", () => {
    const one = (value: Uint8Array, format: RecordFormat) =>
      read(
        write(encodeBatch([{ timestamp: 0, key: null, value, headers: [] }]), { format }).bytes,
      )[0]!.value_encoding;
    expect(one(bytesOf("12"), "json")).toBeUndefined();
    expect(one(bytesOf("12 13"), "json")).toBe("string");
    expect(one(bytesOf("\ufeff1"), "json")).toBe("string");
    expect(one(new Uint8Array([0x22, 0xff, 0x22]), "json")).toBe("base64");
    expect(one(bytesOf("12 13"), "string")).toBeUndefined();
    expect(one(new Uint8Array([0xc0]), "string")).toBe("base64");
    expect(one(new Uint8Array([0xc0]), "binary")).toBeUndefined();
  });

  it("writes events whose lines hold together", () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 4 }), (all) => {
        const batch = encodeBatch(all, { baseOffset: 7 });
        const events = textOf(write(batch, { frame: "events" }).bytes).split("\n\n");
        expect(events.pop()).toBe("");
        expect(events.length).toBe(all.length);
        events.forEach((event, i) => {
          const lines = event.split(/[\r\n]/);
          expect(lines.length).toBe(2);
          expect(lines[0]).toBe(`id: ${7 + i + 1}`);
          expect(JSON.parse(lines[1]!.replace(/^data: /, ""))).toMatchObject({ offset: 7 + i });
        });
      }),
    );
  });
});

describe("paging", () => {
  const batches = [3, 1, 4].map((count, i) =>
    encodeBatch(
      Array.from({ length: count }, (_, j) => ({
        timestamp: 0,
        key: null,
        value: bytesOf(`"${i} ${j}"`),
        headers: [],
      })),
      { baseOffset: [0, 3, 4][i]!, compression: i === 2 ? "gzip" : "none" },
    ),
  );
  const all = new Uint8Array(Buffer.concat(batches));

  it("by offset, count and bytes passes over nothing and repeats nothing", () => {
    const limits = fc.record({
      maxRecords: fc.integer({ min: 1, max: 9 }),
      maxBytes: fc.integer({ min: 1, max: 900 }),
    });
    fc.assert(
      fc.property(limits, fc.integer({ min: 0, max: 8 }), (limit, start) => {
        const seen: number[] = [];
        for (let offset = start; offset < 8;) {
          const page = write(all, { ...limit, offset });
          expect(page.records).toBeGreaterThan(0);
          seen.push(...read(page.bytes).map((got) => got.offset));
          offset = page.nextOffset;
        }
        expect(seen).toEqual(Array.from({ length: 8 - start }, (_, i) => start + i));
      }),
    );
  });

  it("goes on behind batches whose records are not for readers", () => {
    const marker = encodeBatch([{ timestamp: 0, key: bytesOf("k"), value: null, headers: [] }], {
      baseOffset: 8,
      isControl: true,
      isTransactional: true,
      producerId: 1,
      producerEpoch: 0,
    });
    const page = write(new Uint8Array(Buffer.concat([...batches, marker])), { offset: 7 });
    expect(page).toMatchObject({ records: 1, nextOffset: 9 });
    expect(write(marker, { offset: 8 })).toMatchObject({ records: 0, nextOffset: 9 });
  });

  it("ends before what cannot be read, and refuses when that comes first", () => {
    const broken = batches[2]!.slice();
    broken.fill(0xff, 70);
    const page = write(new Uint8Array(Buffer.concat([batches[0]!, batches[1]!, broken])));
    expect(page).toMatchObject({ records: 4, nextOffset: 4, isWhole: false });
    expect(writeRecords(broken, QUERY)).toMatchObject({ ok: false });
    expect(writeRecords(all.subarray(0, 100), QUERY)).toMatchObject({ ok: false });
  });

  it("of nothing is empty", () => {
    expect(textOf(write(new Uint8Array(0), { offset: 5 }).bytes)).toBe("[]");
    expect(write(new Uint8Array(0), { offset: 5 }).nextOffset).toBe(5);
  });
});
