/** Proves that the checks of readers and groups work: each anomaly is made and found. */
import { expect, test } from "vitest";
import { LiveHistory } from "./support/live-history.ts";
import { GroupHistory, ReaderHistory } from "./support/reader-history.ts";

const place = { topic: "t", partition: 0 };
const value = (n: number): string => `0:${n}:`;

function reader(): ReaderHistory {
  const made = new ReaderHistory(new LiveHistory(place), "reader");
  made.take(0, value(0));
  made.take(1, value(1));
  return made;
}

function group(): GroupHistory {
  const made = new GroupHistory(new LiveHistory(place), "g");
  for (let n = 0; n < 5; n++) made.give(n, value(n), 0, "one");
  return made;
}

test("a reader that goes on passes, and what it was shown is visible", () => {
  const made = reader();
  made.take(2, value(2));
  expect(made.next).toBe(3);
  expect(made.history.visibleEnd).toBe(3);
});

test.for([
  ["a skipped poll", 3],
  ["a poll that goes back", 1],
] as const)("%s: found", ([, offset]) => {
  expect(() => reader().take(offset, value(offset))).toThrow(`given ${offset} after 1`);
});

test("a reader that is shown another record than others: found", () => {
  const made = reader();
  const other = new ReaderHistory(made.history, "other");
  expect(() => other.take(0, value(7))).toThrow(/0:7 to other of t\/0 and 0:0 to reader/);
});

test("a group in which a member goes on behind a commit of another passes", () => {
  const made = group();
  made.commit(3, 10);
  made.give(3, value(3), made.committed(20), "two");
  made.give(4, value(4), made.committed(20), "two");
  made.give(5, value(5), made.committed(20), "two");
  expect(made.givenEnd).toBe(6);
});

test("a record that no member is given: found", () => {
  expect(() => group().give(6, value(6), 0, "two")).toThrow(/two was given 6, nobody 5/);
});

test("a record that comes again after its commit: found", () => {
  const made = group();
  made.commit(3, 10);
  expect(() => made.give(2, value(2), made.committed(20), "two")).toThrow(
    /two was given 2 after a commit of 3/,
  );
  // It may be given again to a member that asked before, or that may still hold what it fetched.
  made.give(2, value(2), made.committed(9), "two");
  made.give(2, value(2), made.committed(20, 15), "two");
});

test("a commit of what nobody was given: found", () => {
  expect(() => group().commit(6, 10)).toThrow(/6 is committed, 5 not given/);
});

test("an offset told lower than it was committed: found", () => {
  const made = group();
  made.commit(4, 10);
  made.told(4, made.committed(20));
  expect(() => made.told(3, made.committed(20))).toThrow(/its offset is 3, after a commit of 4/);
});
