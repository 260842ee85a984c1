/** An answer of several partitions: one array within its bounds, fairly shared, nothing twice and nothing passed over. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeBatch } from "../../../src/records/index.ts";
import { writeAnswer } from "../../../src/worker/consumers/poll-answer.ts";
import type { PollCursor } from "../../../src/worker/consumers/poll-cursor.ts";
import { evenShare, servingOrder } from "../../../src/worker/consumers/shares.ts";
import type { InstanceSpec } from "../../../src/objects/contracts/instances.ts";

const ENCODER = new TextEncoder();

interface Made {
  readonly partition: number;
  readonly offset: number;
  readonly sizes: readonly number[];
}

/** A partition of which one or two pages were read: records whose values are this long. */
function cursorOf({ partition, offset, sizes }: Made, parts = 1): PollCursor {
  const pages = [];
  let next = offset;
  for (let part = 0; part < parts; part++) {
    const from = Math.floor((sizes.length * part) / parts);
    const to = Math.floor((sizes.length * (part + 1)) / parts);
    if (from === to) continue;
    const records = sizes.slice(from, to).map((size) => ({
      timestamp: 1,
      key: null,
      value: ENCODER.encode("x".repeat(size)),
      headers: [],
    }));
    pages.push({ offset: next, batches: encodeBatch(records, { baseOffset: next }) });
    next += records.length;
  }
  const part = { topic: "t", partition, topicId: "", position: offset, reset: "none" };
  return { part, pages, records: sizes.length } as unknown as PollCursor;
}

const spec = (maxPollRecords: number): InstanceSpec =>
  ({ format: "string", maxPollRecords }) as InstanceSpec;

interface Written {
  readonly partition: number;
  readonly offset: number;
}

function write(cursors: readonly PollCursor[], records: number, bytes: number) {
  const answer = writeAnswer(cursors, spec(records), bytes);
  if (!answer.ok) throw new Error(answer.message);
  const written = JSON.parse(new TextDecoder().decode(answer.bytes)) as Written[];
  return { ...answer, written };
}

const partitions = fc
  .array(
    fc.record({
      offset: fc.integer({ min: 0, max: 1_000 }),
      sizes: fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 12 }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((all) => all.map((one, partition) => ({ ...one, partition })));

describe("an answer", () => {
  it("keeps its bounds, keeps order, and says exactly how far each partition has come", () => {
    const bounds = fc.record({
      records: fc.integer({ min: 1, max: 40 }),
      bytes: fc.integer({ min: 1, max: 6_000 }),
      pages: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(partitions, bounds, (made, bound) => {
        const cursors = made.map((one) => cursorOf(one, bound.pages));
        const { written, bytes, positions, records } = write(cursors, bound.records, bound.bytes);
        expect(written.length).toBe(records);
        expect(records).toBeGreaterThan(0);
        expect(records).toBeLessThanOrEqual(bound.records);
        if (records > 1) expect(bytes.length).toBeLessThanOrEqual(bound.bytes);
        for (const { partition, offset } of made) {
          const own = written.filter((record) => record.partition === partition);
          expect(own.map((record) => record.offset)).toEqual(own.map((_, i) => offset + i));
          const position = positions.find((one) => one.partition === partition);
          expect(position?.nextOffset).toBe(own.length === 0 ? undefined : offset + own.length);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("gives all that was read where there is room", () => {
    fc.assert(
      fc.property(partitions, fc.integer({ min: 1, max: 3 }), (made, pages) => {
        const cursors = made.map((one) => cursorOf(one, pages));
        const total = made.reduce((sum, { sizes }) => sum + sizes.length, 0);
        expect(write(cursors, total, 1_000_000).records).toBe(total);
      }),
      { numRuns: 200 },
    );
  });

  it("fills itself where one partition has much and the others little", () => {
    const made = [50, 1, 2].map((count, partition) => ({
      partition,
      offset: 0,
      sizes: Array.from({ length: count }, () => 1),
    }));
    const { written } = write(
      made.map((one) => cursorOf(one)),
      20,
      1_000_000,
    );
    const counts = [0, 1, 2].map((p) => written.filter(({ partition }) => partition === p).length);
    expect(counts).toEqual([17, 1, 2]);
  });

  it("passes over a partition that cannot be read, and refuses where nothing else is", () => {
    const good = cursorOf({ partition: 0, offset: 0, sizes: [1] });
    const bad = cursorOf({ partition: 1, offset: 0, sizes: [1] });
    bad.pages[0]!.batches.fill(0xff, 61);
    expect(write([bad, good], 10, 1_000).written.map(({ partition }) => partition)).toEqual([0]);
    expect(writeAnswer([bad], spec(10), 1_000)).toMatchObject({ ok: false });
  });

  it("of nothing is an empty array", () => {
    expect(write([], 10, 1_000)).toMatchObject({ written: [], positions: [] });
  });
});

describe("shares", () => {
  it("are even, and leave nothing that somebody could have had", () => {
    const available = fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 12 });
    fc.assert(
      fc.property(available, fc.integer({ min: 1, max: 300 }), (all, total) => {
        const order = servingOrder(all, total);
        let left = total;
        const shares = new Map<number, number>();
        order.forEach((at, i) => {
          const share = Math.min(all[at]!, evenShare(left, order.length - i));
          expect(share).toBeGreaterThan(0);
          shares.set(at, share);
          left -= share;
        });
        const sum = all.reduce((a, b) => a + b, 0);
        expect(total - left).toBe(Math.min(total, sum));
        // Who has less than another has had all there was of it.
        const most = Math.max(0, ...shares.values());
        for (const [at, share] of shares) if (share < most - 1) expect(share).toBe(all[at]);
      }),
    );
  });
});
