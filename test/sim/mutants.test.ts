/** The simulator notices when a rule is switched off: each mutant within the seeds that the table says. */
import { expect, test } from "vitest";
import { MUTANTS } from "./mutant-table.ts";
import { runMany } from "./runner.ts";

for (const { name, breaks, seed } of MUTANTS) {
  test(`${name}: ${breaks}`, async () => {
    let failure: string | null = null;
    await runMany({
      seeds: [{ seed }],
      mutant: name,
      processes: 1,
      onResult: (result) => void (failure = result.failure),
    });
    expect(failure).not.toBeNull();
  });
}
