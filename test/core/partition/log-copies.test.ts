/**
 * A log and its copy over real storage: whatever is written, copied, truncated, deleted and restarted, the rows of the copy
 * are those of the original, the state of producers is the fold of the log, epochs end where a scan of every chunk says, and
 * the fencing token is the last one that a chunk has set.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { allSegments } from "../../../src/objects/partition/log/tables.ts";
import { offsetOfMaxTimestamp } from "../../../src/objects/partition/log/timestamps.ts";
import { batchOf } from "../../support/replica.ts";
import { LogPair, LoneLog } from "./log-pair.ts";

const share = fc.double({ min: 0, max: 0.999, noNaN: true });
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("write" as const),
      id: fc.integer({ min: 0, max: 3 }),
      count: fc.integer({ min: 1, max: 3 }),
      bump: fc.boolean(),
      times: fc.constantFrom(1, 1, 2, 9, 70),
      padding: fc.constantFrom(1, 100, 400),
      token: fc.constantFrom(undefined, undefined, "", "a", "b"),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("copy" as const),
      maxBytes: fc.constantFrom(1, 300, 2_000, 1_000_000),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("commit" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("elect" as const), share }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("raise" as const), share }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reset" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("restart" as const), leader: fc.boolean() }),
  },
);

function run(pair: LogPair, action: typeof step extends fc.Arbitrary<infer T> ? T : never): void {
  switch (action.do) {
    case "write":
      for (let i = 0; i < action.times; i++) {
        const token = i === 0 ? action.token : undefined;
        pair.write(action.id, action.count, action.bump && i === 0, action.padding, token);
      }
      return;
    case "copy":
      return pair.copy(action.maxBytes);
    case "commit":
      return pair.commit();
    case "elect":
      return pair.elect(action.share);
    case "raise":
      return pair.raise(action.share);
    case "reset":
      return pair.reset();
    case "restart":
      return (action.leader ? pair.leader : pair.follower).restart();
  }
}

it("the copy is the original, producers and the fencing token the fold of the log, epochs end where a scan says", () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 50, size: "max" }),
      fc.constantFrom(0, 2_000, 1_000_000),
      (script, tailBytes) => {
        const pair = new LogPair(tailBytes);
        for (const action of script) {
          run(pair, action);
          pair.check();
        }
      },
    ),
    { numRuns: 100 },
  );
});

it("after a cut at the end of a segment, that segment closes once more without a clash", () => {
  const pair = new LogPair(0);
  while (allSegments(pair.leader.storage).length < 2) pair.write(1, 1, false, 400);
  pair.leader.log.truncate(
    allSegments(pair.leader.storage)[1]!.last_offset + 1,
    pair.leader.persist,
  );
  for (let i = 0; i < 10; i++) pair.write(1, 1, false, 400);
  expect(allSegments(pair.leader.storage).length).toBeGreaterThan(3);
});

it("finds the newest record that readers may see, not one above the high watermark", () => {
  const lone = new LoneLog(0);
  [5, 9, 7, 20].forEach((at, i) => lone.write(batchOf(["x"], at), 0, i, at));
  const found = offsetOfMaxTimestamp(lone.storage, lone.log, 3);
  expect(found).toMatchObject({ offset: 1, timestampMs: 9 });
});

it("cut below what the snapshot of producers covers, it forgets exactly what is gone", () => {
  const pair = new LogPair(0);
  for (let i = 0; i < 200; i++) {
    pair.write(1 + (i % 2), 1, i % 31 === 0, 1);
    pair.copy(1_000_000);
    pair.commit();
  }
  for (const point of [100, 60, 5]) {
    for (const { log, persist } of [pair.leader, pair.follower]) log.truncate(point, persist);
    pair.chunks = pair.chunks.filter((chunk) => chunk.base < point);
    pair.check();
    pair.leader.restart();
    pair.follower.restart();
    pair.check();
  }
});

it("what was pushed out of memory above the high watermark counts again when that is cut off", () => {
  const pair = new LogPair(0);
  for (let i = 0; i < 5; i++) pair.write(1, 1, false, 1);
  pair.copy(1_000_000);
  pair.commit();
  pair.raise(0.999);
  expect(pair.leader.chunks()).toEqual([]);
  for (let i = 0; i < 150; i++) pair.write(1, 1, i === 100, 1);
  pair.reset();
  pair.elect(0);
  expect(pair.leader.log.endOffset).toBe(5);
  pair.check();
});

it("does not take deleted chunks for lost ones where it is cut back to a row from before the snapshot (seed 1039)", () => {
  const lone = new LoneLog(0);
  lone.write(batchOf(["x"], 1, { producerId: 1, producerEpoch: 0, baseSequence: 0 }), 0, 0, 1);
  for (let offset = 1; offset <= 4; offset++) lone.write(batchOf(["x"], offset), 0, offset, offset);
  for (const start of [1, 3]) {
    lone.log.raiseStart(start, lone.persist);
    lone.log.deleteBelowStart();
  }
  lone.log.truncate(4, lone.persist);
  expect(lone.log.producers.entries()).toHaveLength(1);
  lone.restart();
  expect(lone.log.producers.entries()).toHaveLength(1);
});

it("a log emptied at its end begins a segment there, asleep in between or not", () => {
  const lone = new LoneLog(0);
  lone.write(batchOf(["x"], 1), 0, 0, 1);
  lone.log.raiseStart(1, lone.persist);
  expect(lone.log.segment).toMatchObject({ baseOffset: 1, chunks: 0 });
  lone.restart();
});

it("an emptied log still knows its last epoch when it wakes up", () => {
  const lone = new LoneLog(0);
  lone.write(batchOf(["x"], 1), 4, 0, 1);
  lone.log.raiseStart(1, lone.persist);
  lone.log.deleteBelowStart();
  lone.restart();
  expect(lone.log.point()).toEqual({ offset: 1, leaderEpoch: 4 });
});
