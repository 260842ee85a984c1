/** The newest chunks of logs stay within each log's limit and within the isolate's budget. */
import { expect, it } from "vitest";
import { HotTail, TailBudget } from "../../../src/objects/partition/reads/tail-memory.ts";

const chunk = (baseOffset: number, bytes: number, producers: string | null = null) => ({
  facts: {
    base_offset: baseOffset,
    last_offset: baseOffset,
    leader_epoch: 0,
    max_timestamp: 0,
    position: 0,
    size_bytes: bytes,
    segment_base: 0,
    segment_position: 0,
    segment_started_ms: 0,
    segment_chunks: 1,
    producers,
  },
  data: new Uint8Array(bytes),
});

it("keeps the newest chunks within its own limit", () => {
  const tail = new HotTail(new TailBudget(1_000), () => 250);
  for (let offset = 0; offset < 5; offset++) tail.push(chunk(offset, 100));
  expect(tail.from(2)).toBeNull();
  expect(tail.from(3)!.map(({ facts }) => facts.base_offset)).toEqual([3, 4]);
  expect(tail.from(5)).toEqual([]);
});

it("drops the chunks of the log that was written longest ago when the budget is exceeded", () => {
  const account = new TailBudget(250);
  const [first, second, third] = [0, 1, 2].map(() => new HotTail(account, () => 1_000));
  first!.push(chunk(0, 100));
  second!.push(chunk(0, 100));
  first!.push(chunk(1, 10));
  third!.push(chunk(0, 100));
  expect(second!.from(0)).toBeNull();
  expect(first!.from(0)).toHaveLength(2);
  expect(third!.from(0)).toHaveLength(1);
});

it("releases what it held when it is cleared, and drops its own chunks when they exceed the budget alone", () => {
  const account = new TailBudget(250);
  const large = new HotTail(account, () => 1_000);
  large.push(chunk(0, 300));
  expect(large.from(0)).toBeNull();
  large.push(chunk(1, 200));
  large.clear();
  const other = new HotTail(account, () => 1_000);
  other.push(chunk(0, 200));
  expect(other.from(0)).toHaveLength(1);
});
