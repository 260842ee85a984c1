/** Records that come in pieces: the same as in one, however they are cut, and none is waited for that is there. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Refusal } from "../../../src/base/errors.ts";
import { decodeBatch } from "../../../src/records/index.ts";
import { RecordPieces } from "../../../src/worker/records/record-pieces.ts";
import { RequestRecords, type ProducePlan } from "../../../src/worker/records/request-records.ts";

const PLAN: ProducePlan = {
  batchBytesMax: 10_000_000,
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
  random: () => 0,
};

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | null): string | null =>
  bytes && new TextDecoder().decode(bytes);

/** What is read of a body that comes in these pieces: by piece, the values or the codes of refused records. */
function readPieces(pieces: readonly Uint8Array[]): {
  readonly byPiece: (string | null)[][];
  readonly failure: Refusal | null;
} {
  const reading = new RecordPieces();
  const byPiece: (string | null)[][] = [];
  const readNow = (): Refusal | null => {
    const values: (string | null)[] = [];
    byPiece.push(values);
    for (;;) {
      const records = new RequestRecords(PLAN);
      const failure = reading.read(records);
      // Read again, it is the same.
      const again = new RequestRecords(PLAN);
      expect(reading.read(again)).toEqual(failure);
      expect(again.count).toBe(records.count);
      reading.advance();
      for (let i = 0; i < records.count; i++) {
        if (records.refusals.has(i)) values.push(records.refusals.get(i)!.error);
      }
      const batches = records.parts.get(0)?.batches();
      if (batches instanceof Uint8Array) {
        const decoded = decodeBatch(batches, 0);
        if (!decoded.ok) throw new Error(decoded.message);
        values.push(...decoded.records.map(({ value }) => textOf(value)));
      }
      if (failure !== null || records.count === 0) return failure;
    }
  };
  for (const piece of pieces) {
    reading.push(piece);
    const failure = readNow();
    if (failure !== null) return { byPiece, failure };
  }
  reading.finish();
  const failure = readNow();
  expect(failure !== null || reading.isDone).toBe(true);
  return { byPiece, failure };
}

function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length];
  places.sort((a, b) => a - b);
  return places
    .slice(1)
    .map((to, i) => bytes.slice(places[i], to))
    .filter(({ length }) => length > 0);
}

const value = fc.oneof(
  fc.jsonValue().map((data) => JSON.stringify({ value: { type: "JSON", data } })),
  fc
    .string({ unit: "grapheme" })
    .map((data) => JSON.stringify({ value: { data, type: "STRING" } })),
  fc.constantFrom(
    "{}",
    '{"value":null}',
    '{"value":{"type":"JSON","data":"\\u00e9\\\\"}}',
    "17",
    '"s"',
    "[1]",
  ),
);
const body = fc
  .tuple(fc.array(value, { minLength: 1, maxLength: 6 }), fc.constantFrom("\n", " ", "\r\n\t "))
  .map(([values, space]) => values.join(space));

const GOOD = '{"value":{"type":"STRING","data":"ä"}}';

describe("a body in pieces", () => {
  it("gives the records of the whole, wherever it is cut", () => {
    fc.assert(
      fc.property(body, fc.array(fc.nat(), { maxLength: 8 }), (text, cuts) => {
        const bytes = bytesOf(text);
        const whole = readPieces([bytes]);
        const cut = readPieces(cutAt(bytes, cuts));
        expect(whole.failure).toBeNull();
        expect(cut.failure).toBeNull();
        const sorted = (values: (string | null)[][]) => values.flat().map(String).sort();
        expect(sorted(cut.byPiece)).toEqual(sorted(whole.byPiece));
      }),
      { numRuns: 1_000 },
    );
  });

  it("gives each record with the piece that completes it", () => {
    const bytes = bytesOf(GOOD);
    const pieces = [...bytes, ...bytes].map((byte) => new Uint8Array([byte]));
    const { byPiece } = readPieces(pieces);
    const complete = byPiece.flatMap((values, i) => (values.length > 0 ? [i] : []));
    expect(complete).toEqual([bytes.length - 1, 2 * bytes.length - 1]);
  });

  it("answers what is good before a broken tail (issue 11)", () => {
    const tails = [
      '{"value":',
      "{bad}",
      '{"value":{"type":"STRING","data":"\\x"}}',
      `{"value":{"type":"JSON","data":${"[".repeat(100)}`,
      "}",
      ",{}",
    ];
    for (const tail of tails) {
      const bytes = bytesOf(GOOD + GOOD + tail + GOOD);
      for (const pieces of [[bytes], cutAt(bytes, [10, 50, 77, 80]), cutAt(bytes, [76])]) {
        const { byPiece, failure } = readPieces(pieces);
        expect(byPiece.flat(), tail).toEqual(["ä", "ä"]);
        expect(failure, tail).toMatchObject({ error: "INVALID_REQUEST" });
        const at = Number(/byte (\d+)/.exec(failure!.message)![1]);
        expect(at, tail).toBeGreaterThanOrEqual(bytesOf(GOOD + GOOD).length);
      }
    }
  });

  it("finds bytes that are not UTF-8 in the record that has them, and the others good", () => {
    const bad = bytesOf(GOOD);
    bad[bad.indexOf(0xc3)] = 0xff;
    const bytes = new Uint8Array([...bytesOf(GOOD), ...bytesOf(GOOD), ...bad, ...bytesOf(GOOD)]);
    for (const cuts of [[], [60], [30, 70, 100, 130]]) {
      const { byPiece, failure } = readPieces(cutAt(bytes, cuts));
      expect(byPiece.flat()).toEqual(["ä", "ä"]);
      expect(failure).toMatchObject({ error: "INVALID_REQUEST" });
    }
  });

  it("tells what is broken when it comes, and does not wait for the end of it", () => {
    const reading = new RecordPieces();
    reading.push(bytesOf(`${GOOD}{"value" 1`));
    const records = new RequestRecords(PLAN);
    expect(reading.read(records)).toMatchObject({ error: "INVALID_REQUEST" });
    expect(records.count).toBe(1);
  });

  it("has no limit, but a record has", () => {
    const many = readPieces(Array.from({ length: 12 }, () => bytesOf("{}".repeat(10_001))));
    expect(many.failure).toBeNull();
    expect(many.byPiece.flat()).toHaveLength(12 * 10_001);
    const piece = bytesOf("x".repeat(100_000));
    const large = readPieces([
      bytesOf(`${GOOD}{"value":{"type":"STRING","data":"`),
      ...Array.from({ length: 90 }, () => piece),
    ]);
    expect(large.byPiece.flat()).toEqual(["ä"]);
    expect(large.failure).toMatchObject({ error: "MESSAGE_TOO_LARGE" });
  });

  it("is noise, cut anywhere: never thrown, and never read further than it is good", () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      body.map(bytesOf),
      fc.tuple(body, fc.nat(), fc.nat(255)).map(([text, at, byte]) => {
        const bytes = bytesOf(text);
        bytes[at % bytes.length] = byte;
        return bytes;
      }),
    );
    fc.assert(
      fc.property(noise, fc.array(fc.nat(), { maxLength: 6 }), (bytes, cuts) => {
        const whole = readPieces([bytes]);
        const cut = readPieces(cutAt(bytes, cuts));
        expect(cut.failure === null).toBe(whole.failure === null);
        expect(cut.byPiece.flat().length).toBe(whole.byPiece.flat().length);
      }),
      { numRuns: 3_000 },
    );
  });
});
