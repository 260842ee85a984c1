/** Produce requests: what is read is what JSON.parse would read, and nothing that comes in throws. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ERRORS } from "../../../src/base/errors.ts";
import { decodeBatch, partitionForKey } from "../../../src/records/index.ts";
import {
  readConcatenated,
  readEntries,
  readRecordsV2,
  readRecordsV3,
  type RequestReader,
} from "../../../src/worker/records/read-request.ts";
import { RequestRecords, type ProducePlan } from "../../../src/worker/records/request-records.ts";

const PLAN: ProducePlan = {
  batchBytesMax: 1_000_000,
  compression: "none",
  stamp: null,
  partitions: 1,
  partition: -1,
  nowMs: 1_700_000_000_000,
  bodyBytes: 100,
  allOrNothing: false,
  malformedRefusesAll: false,
  keysRequired: false,
  unknownPartition: "UNKNOWN_PARTITION",
  random: (below) => below - 1,
};

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function read(reader: RequestReader, body: string | Uint8Array, plan: Partial<ProducePlan> = {}) {
  const records = new RequestRecords({ ...PLAN, ...plan });
  const refusal = reader(typeof body === "string" ? bytesOf(body) : body, records);
  return { records, refusal: refusal ?? records.refusal };
}

/** What a partition would be sent. */
function sent(records: RequestRecords, partition = 0) {
  const batches = records.parts.get(partition)!.batches();
  if (!(batches instanceof Uint8Array)) throw new Error(batches.message);
  const decoded = decodeBatch(batches, 0);
  if (!decoded.ok) throw new Error(decoded.message);
  return decoded;
}

const typed = fc.oneof(
  fc.constant(null),
  fc.jsonValue().map((data) => ({ type: "JSON", data })),
  fc.string({ unit: "grapheme" }).map((data) => ({ type: "STRING", data })),
  fc
    .uint8Array({ maxLength: 20 })
    .map((bytes) => ({ type: "BINARY", data: Buffer.from(bytes).toString("base64") })),
  // The type behind the data.
  fc.jsonValue().map((data) => ({ data, type: "JSON" })),
);

/** The bytes that a key or value is stored as, as far as its JSON is written by JSON.stringify. */
function storedBytes(field: { type: string; data: unknown } | null): Uint8Array | null {
  if (field === null || field.data === null) return null;
  if (field.type === "STRING") return bytesOf(field.data as string);
  if (field.type === "BINARY") return new Uint8Array(Buffer.from(field.data as string, "base64"));
  return bytesOf(JSON.stringify(field.data));
}

const plainBytes = (bytes: Uint8Array | null) => bytes && new Uint8Array(bytes);

describe("v3", () => {
  const record = fc.record({
    key: typed,
    value: typed,
    timestamp: fc.option(fc.integer({ min: 0, max: 8_640_000_000_000_000 })),
    headers: fc.array(
      fc.record({
        name: fc.string({ unit: "grapheme" }),
        value: fc.option(fc.uint8Array().map((bytes) => Buffer.from(bytes).toString("base64"))),
      }),
      { maxLength: 3 },
    ),
  });

  it("reads concatenated records as they are meant", () => {
    const between = fc.constantFrom("", " \n");
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 4 }), between, (all, space) => {
        const body = all.map((one) => JSON.stringify(one)).join(space);
        const { records, refusal } = read(readConcatenated, body);
        expect(refusal).toBeNull();
        expect(records.count).toBe(all.length);
        expect(records.refusals.size).toBe(0);
        sent(records).records.forEach((got, i) => {
          const { key, value, timestamp, headers } = all[i]!;
          expect(plainBytes(got.key)).toEqual(storedBytes(key));
          expect(plainBytes(got.value)).toEqual(storedBytes(value));
          expect(got.timestamp).toBe(timestamp ?? PLAN.nowMs);
          expect(
            got.headers.map((header) => ({
              name: Buffer.from(header.name).toString(),
              value: header.value && Buffer.from(header.value).toString("base64"),
            })),
          ).toEqual(headers);
        });
      }),
    );
  });

  it("takes the last of fields that stand there twice, as JSON.parse does", () => {
    const body =
      '{"value":{"type":"JSON","data":1},"value":{"data":2,"data":"AQ==","type":"STRING","type":"BINARY"},"key":{"type":"STRING","data":"k"},"key":null}';
    const [got] = sent(read(readConcatenated, body).records).records;
    expect([plainBytes(got!.key), plainBytes(got!.value)]).toEqual([null, new Uint8Array([1])]);
  });

  it("reads RFC 3339 times", () => {
    for (const [text, expected] of [
      ["2021-02-05T19:14:42Z", 1_612_552_482_000],
      ["2021-02-05T19:14:42.123456789Z", 1_612_552_482_123],
      ["2021-02-05T21:14:42+02:00", 1_612_552_482_000],
      ["1970-01-01T00:00Z", 0],
    ] as const) {
      const body = JSON.stringify({ timestamp: text });
      expect(sent(read(readConcatenated, body).records).records[0]!.timestamp).toBe(expected);
    }
  });
});

describe("v2", () => {
  it("reads values of the request's type", () => {
    const rows = fc.array(fc.record({ key: fc.jsonValue(), value: fc.jsonValue() }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(rows, (all) => {
        const body = JSON.stringify({ key_schema_id: null, records: all });
        const { records, refusal } = read(readRecordsV2("JSON"), body);
        expect(refusal).toBeNull();
        sent(records).records.forEach((got, i) => {
          const { key, value } = all[i]!;
          expect(plainBytes(got.key)).toEqual(storedBytes({ type: "JSON", data: key }));
          expect(plainBytes(got.value)).toEqual(storedBytes({ type: "JSON", data: value }));
        });
      }),
    );
  });
});

describe("partitions", () => {
  it("follow from the key's bytes; the rest of a request goes to one", () => {
    const body = ["a", "b", "c"]
      .map((key) => `{"key":{"type":"STRING","data":"${key}"}}{"value":null}`)
      .join("");
    const { records } = read(readConcatenated, body, { partitions: 13 });
    const expected = ["a", "b", "c"].flatMap((key) => [partitionForKey(bytesOf(key), 13), 12]);
    expect(records.partitions).toEqual(expected);
  });

  it("with a producer id are a function of the request, and batches are numbered by their first record", () => {
    const stamp = {
      ok: true,
      producerId: 9_007_199_254_740_991,
      producerEpoch: 3,
      sequence: 2_147_483_647,
    } as const;
    const body = '{"partition_id":0}{"value":null}{"partition_id":0}{"partition_id":6}';
    const plan = { stamp, partitions: 7 };
    const first = read(readConcatenated, body, plan).records;
    const keyless = (Number(9_007_199_254_740_991n % 7n) + (2_147_483_647 % 7)) % 7;
    expect(first.partitions).toEqual([0, keyless, 0, 6]);
    expect(read(readConcatenated, body, plan).records.partitions).toEqual(first.partitions);
    const base = (partition: number) => sent(first, partition).header.baseSequence;
    // Sequences end at 2^31 - 1 and begin anew.
    expect([base(0), base(6)]).toEqual([2_147_483_647, 2]);
  });

  it("a record that is refused takes no place", () => {
    const body = `{"value":{"type":"STRING","data":1}}{"value":{"type":"STRING","data":"y"}}`;
    const stamp = { ok: true, producerId: 1, producerEpoch: 0, sequence: 10 } as const;
    const { records, refusal } = read(readConcatenated, body, { stamp });
    expect(refusal).toBeNull();
    expect(records.partitions).toEqual([-1, 0]);
    expect(sent(records).header).toMatchObject({ baseSequence: 11, recordCount: 1 });
  });
});

describe("input that is not what it should be", () => {
  const readers: RequestReader[] = [
    readConcatenated,
    readRecordsV3,
    readRecordsV2("JSON"),
    readRecordsV2("BINARY"),
    readEntries,
  ];
  const good = bytesOf(
    '{"records":[{"key":{"type":"JSON","data":{"a":[1,null]}},"value":{"type":"BINARY","data":"AAAA"},"partition":0,"timestamp":"2021-02-05T19:14:42Z","headers":[{"name":"h","value":"AA=="}]}],"entries":[{"id":"a","value":{"data":"x","type":"STRING"}}]}',
  );

  /** Either whole or refused by an error of the table; never thrown, never half done. */
  function check(body: Uint8Array): void {
    for (const reader of readers) {
      const { records, refusal } = read(reader, body);
      if (refusal !== null) expect(ERRORS[refusal.error].http).toBeLessThan(500);
      expect(records.partitions.length).toBe(records.count);
      expect(records.places.length).toBe(records.count);
      for (const part of records.parts.values()) expect(part.records).toBeGreaterThan(0);
    }
  }

  it("is refused when it is noise", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), check), { numRuns: 2_000 });
    fc.assert(fc.property(fc.json().map(bytesOf), check), { numRuns: 2_000 });
  });

  it("is refused or read when a good request was cut or changed", () => {
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 4 }), fc.nat(good.length), (changes, length) => {
        const body = good.slice(0, length);
        for (const [at, byte] of changes) if (at < length) body[at] = byte;
        check(body);
      }),
      { numRuns: 3_000 },
    );
    for (let length = 0; length <= good.length; length++) check(good.subarray(0, length));
  });
});
