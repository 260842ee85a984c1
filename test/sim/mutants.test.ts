/** The simulator notices when a rule is switched off: each mutant of the table is caught. */
import { expect, test } from "vitest";
import { MUTANTS } from "./mutant-table.ts";
import { runMany, type Asked } from "./runner.ts";

/** Where the seed that noticed does so no more, since the rules have changed, others are tried. */
const SEEDS_MAX = 200;

function* seedsFrom(seed: number, groups: boolean): Generator<Asked> {
  yield { seed, groups };
  for (let other = 1; other <= SEEDS_MAX; other++) yield { seed: other, groups };
}

for (const { name, breaks, seed, groups = false } of MUTANTS) {
  test(`${name}: ${breaks}`, async () => {
    let failure: string | null = null;
    await runMany({
      seeds: seedsFrom(seed, groups),
      mutant: name,
      processes: 1,
      onResult: (result) => {
        failure = result.failure;
        return failure !== null;
      },
    });
    expect(failure).not.toBeNull();
  });
}
