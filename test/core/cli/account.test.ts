/** Proves that the demo's account notices every fault that a log could have. */
import { expect, test } from "vitest";
import { Account } from "../../../src/cli/demo/account.ts";
import type { Read } from "../../../src/cli/demo/api.ts";
import type { NumberedFlight } from "../../../src/cli/demo/flights.ts";

const flight = (number: number): NumberedFlight => ({
  date: "2001/01/01 00:47",
  delay: 66,
  distance: 1750,
  origin: "DTW",
  destination: "LAS",
  number,
});

const SENT = [flight(0), flight(1), flight(2)];
const READ: readonly Read[] = SENT.map((value, offset) => ({
  partition: 0,
  offset,
  key: value.origin,
  value,
}));

function problemsOf(read: readonly Read[]): string[] {
  const account = new Account(2);
  for (const [offset, value] of SENT.entries()) {
    account.acknowledged({ partition: 0, offset }, value);
  }
  for (const record of read) account.read(record);
  return account.problems();
}

test("nothing is wrong when each record is read once, where it was acknowledged", () => {
  expect(problemsOf(READ)).toEqual([]);
});

test.each([
  ["a record that is missing", READ.slice(0, 2), "1 acknowledged records were not read"],
  ["a gap", [READ[0]!, READ[2]!], "offset 2: 1 was due"],
  ["a record read twice", [...READ, READ[2]!], "offset 2: 3 was due"],
  [
    "another value",
    [{ ...READ[0]!, value: { ...SENT[0]!, delay: 0 } }],
    "not what was acknowledged",
  ],
  ["another key", [{ ...READ[0]!, key: "LAX" }], "not what was acknowledged"],
  ["another partition", [{ ...READ[0]!, partition: 1 }], "not what was acknowledged"],
  [
    "records that changed places",
    [READ[0]!, { ...READ[1]!, value: SENT[2]! }, { ...READ[2]!, value: SENT[1]! }],
    "DTW 1 was due",
  ],
])("%s", (_, read, problem) => {
  expect(problemsOf(read).join("\n")).toContain(problem);
});
