/**
 * The rules under random faults: no invariant breaks in a fixed set of seeds, and the same seed gives the same trace,
 * twice in one process and in another one. `npm run sim` runs many more.
 */
import { expect, test } from "vitest";
import { combineHashes, runMany } from "./runner.ts";
import { runGroupSeed } from "./groups/run.ts";
import { runSeed, type RunResult } from "./run.ts";
import { scaled } from "../support/scale.ts";

const SEEDS = scaled({ short: 8, long: 16 });

const GROUP_SEEDS = scaled({ short: 40, long: 100 });

test("seeds of groups hold every invariant, with the same trace in another process", async () => {
  const results: RunResult[] = [];
  await runMany({
    seeds: Array.from({ length: GROUP_SEEDS }, (_, i) => ({ seed: i + 1, groups: true })),
    onResult: (result) => void results.push(result),
  });
  expect(results.filter(({ failure }) => failure !== null)).toEqual([]);
  console.log(`trace hash of groups 1 to ${GROUP_SEEDS}: ${results.reduce(combineHashes, "")}`);
  const [first] = results;
  for (let again = 0; again < 2; again++) {
    expect((await runGroupSeed(first!.seed)).traceHash).toBe(first!.traceHash);
  }
});

test("seeds hold every invariant, with the same trace in another process", async () => {
  const results: RunResult[] = [];
  await runMany({
    seeds: Array.from({ length: SEEDS }, (_, i) => ({ seed: i + 1 })),
    onResult: (result) => void results.push(result),
  });
  expect(results.filter(({ failure }) => failure !== null)).toEqual([]);
  // To compare two machines: `npm run sim -- --seeds N` prints the same hash.
  console.log(`trace hash of seeds 1 to ${SEEDS}: ${results.reduce(combineHashes, "")}`);
  const [first] = results;
  for (let again = 0; again < 2; again++) {
    expect((await runSeed(first!.seed)).traceHash).toBe(first!.traceHash);
  }
});
