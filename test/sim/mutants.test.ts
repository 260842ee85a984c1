/**
 * The simulator notices when a rule is switched off: the mutants that few seeds notice, and two that
 * directed tests do. All of them are tried by `npm run sim -- --mutants`.
 */
import { expect, test } from "vitest";
import { failureOfTest } from "./mutant-tests.ts";
import { MUTANTS } from "./mutant-table.ts";
import { runMany, type Asked } from "./runner.ts";
import { scaled } from "../support/scale.ts";

/** Whose seed is a later one is left to the whole run. */
const SEED_MAX = scaled({ short: 1, long: 3 });
/** At most this many of them, spread over the table. */
const SEEDED_MAX = scaled({ short: 8, long: MUTANTS.length });
/** Where the seed that noticed does so no more, since the rules have changed, others are tried. */
const SEEDS_MAX = 200;
const TESTS_MAX = scaled({ short: 1, long: 2 });

function* seedsFrom(seed: number, groups: boolean): Generator<Asked> {
  yield { seed, groups };
  for (let other = 1; other <= SEEDS_MAX; other++) yield { seed: other, groups };
}

const noticed = MUTANTS.filter(({ seed }) => seed !== undefined && seed <= SEED_MAX);
const stride = Math.ceil(noticed.length / SEEDED_MAX);

for (const { name, breaks, seed, groups = false } of noticed.filter((_, i) => i % stride === 0)) {
  test(`${name}: ${breaks}`, async () => {
    let failure: string | null = null;
    await runMany({
      seeds: seedsFrom(seed!, groups),
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

for (const mutant of MUTANTS.filter((one) => one.test).slice(0, TESTS_MAX)) {
  test(`${mutant.name}: ${mutant.breaks}`, async () => {
    expect(await failureOfTest(mutant, mutant.test!)).not.toBeNull();
  });
}
