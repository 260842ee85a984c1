/** Proves that what `npm run sim -- --report` writes is what `npm run format:check` wants: its table was refused before. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MUTANTS } from "./mutant-table.ts";
import { writeReport } from "./report.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "report-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("the table of mutants is written in columns, between its marks, and nothing else changes", async () => {
  const file = join(folder, "report.md");
  writeFileSync(
    file,
    "# A\n\n<!-- mutants: generated -->\n\n<!-- end of mutants -->\n\nThe end.\n",
  );
  const [mutant] = MUTANTS.filter(({ test: directed }) => directed === undefined);
  await writeReport(file, { caught: [{ name: mutant!.name, seeds: 3, failure: "I5: lost" }] });
  const [title, , mark, , head, rule, row, ...rest] = readFileSync(file, "utf8").split("\n");
  expect([title, mark]).toEqual(["# A", "<!-- mutants: generated -->"]);
  expect([head!.length, rule!.length]).toEqual([row!.length, row!.length]);
  expect(row).toMatch(/3 seeds +\| I5 +\|$/);
  expect(rest).toEqual(["", "<!-- end of mutants -->", "", "The end.", ""]);
});
