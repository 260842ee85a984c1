/** Proves that the checks of live histories work: each anomaly is made and found. */
import { expect, test } from "vitest";
import { assignOffsets, encodeBatch } from "../../src/records/index.ts";
import { LiveHistory, valueOf } from "./support/live-history.ts";

const IDEMPOTENT = new Set([0]);

function batchAt(offset: number, ...values: string[]): Uint8Array {
  const records = values.map((value) => ({
    timestamp: 0,
    key: null,
    value: Buffer.from(value),
    headers: [],
  }));
  const batch = encodeBatch(records);
  assignOffsets(batch, 0, offset, 0);
  return batch;
}

const [a0, a1, a2, b0] = [valueOf(0, 0), valueOf(0, 1), valueOf(0, 2), valueOf(1, 0)] as const;
const first = batchAt(0, a0, a1);

function history(): LiveHistory {
  const made = new LiveHistory({ topic: "t", partition: 0 });
  made.acknowledge(0, [a0, a1]);
  made.see(first, 0, "broker 1");
  return made;
}

test("a log of what was sent passes, with what nobody was told of", () => {
  history().check([first, batchAt(2, a2, b0)], IDEMPOTENT);
});

test.for([
  ["lost, acknowledged", [], /is not there|lost/],
  ["others at an offset that was shown", [batchAt(0, a0, a1, a2)], /is not there/],
  ["a gap", [first, batchAt(3, a2)], /offset 3 follows 1/],
  ["twice", [first, batchAt(2, a1)], /twice/],
  ["out of order", [first, batchAt(2, valueOf(0, 3), a2)], /0: 3 at 2/],
  ["skipped by an idempotent producer", [first, batchAt(2, valueOf(0, 3))], /0: 3 at 2/],
] as const)("%s: found", ([, log, message]) => {
  expect(() => history().check(log, IDEMPOTENT)).toThrow(message);
});

test("a plain producer's record, acknowledged, behind the one sent after it: found", () => {
  const made = history();
  made.acknowledge(3, [b0]);
  const log = [first, batchAt(2, valueOf(1, 1), b0)];
  expect(() => made.check(log, IDEMPOTENT)).toThrow(/1:0 comes behind 1/);
  // It was not acknowledged when the next one was sent: they may have overtaken each other.
  history().check(log, IDEMPOTENT);
});

test("an end below what was acknowledged or shown before the question: found", () => {
  const made = history();
  const visible = made.visibleEnd;
  expect(visible).toBe(2);
  made.ended(visible, 2, "reader");
  expect(() => made.ended(visible, 1, "reader")).toThrow(/ends at 1, and 2 was visible/);
  // Records acknowledged while the answer was on its way need not be in it.
  made.acknowledge(2, [a2]);
  made.ended(visible, 2, "reader");
  expect(() => made.ended(made.visibleEnd, 2, "reader")).toThrow(/ends at 2, and 3 was visible/);
  // Nor may an end that was reported go back.
  made.ended(made.visibleEnd, 5, "reader");
  expect(() => made.ended(made.visibleEnd, 4, "other")).toThrow(/ends at 4, and 5 was visible/);
});

test("a log that ends before what somebody was shown: found", () => {
  const made = history();
  made.ended(made.visibleEnd, 3, "reader");
  expect(() => made.check([first], IDEMPOTENT)).toThrow(/the log ends at 2, and 3 was visible/);
});

test("two readers that are shown other records at an offset, or other ones than lie there: found", () => {
  const made = history();
  made.show(1, a1, "events");
  expect(() => made.show(1, b0, "tail")).toThrow(/1:0 to tail and 0:1 to events/);
  made.show(2, b0, "tail");
  expect(() => made.check([first, batchAt(2, a2)], IDEMPOTENT)).toThrow(/1:0 to tail and is 0:2/);
});

test("refused, and there: found", () => {
  const made = history();
  made.refuse([b0]);
  expect(() => made.check([first, batchAt(2, b0)], IDEMPOTENT)).toThrow(/was refused/);
});

test("acknowledged, and others there: found", () => {
  const made = history();
  made.acknowledge(2, [a2]);
  expect(() => made.check([first, batchAt(2, b0)], IDEMPOTENT)).toThrow(/offset 2 is/);
  expect(() => made.check([first], IDEMPOTENT)).toThrow(/1 acknowledged records are lost/);
});

test("two answers, or two pages, that say different things of an offset: found", () => {
  expect(() => history().acknowledge(1, [b0])).toThrow(/was acknowledged for/);
  expect(() => history().see(batchAt(0, b0, a1), 0, "broker 2")).toThrow(/is not what broker 1/);
  expect(() => history().see(batchAt(3, b0), 2, "broker 2")).toThrow(/goes from 2 to 3/);
});
