/** Writes the generated parts of docs/correctness.md: the last big run, and the mutants. */
import { readFileSync, writeFileSync } from "node:fs";
import { MUTANTS } from "./mutant-table.ts";
import type { Totals } from "./totals.ts";

/** How a mutant was noticed: after so many seeds (0 for a directed test). `failure` is null if it was not. */
export interface Caught {
  readonly name: string;
  readonly seeds: number;
  readonly failure: string | null;
}

interface Report {
  readonly totals?: Totals;
  readonly hash?: string;
  readonly from?: number;
  readonly caught?: readonly Caught[];
}

export function writeReport(file: string, { totals, hash, from, caught }: Report): void {
  let text = readFileSync(file, "utf8");
  if (totals) {
    const rows = [
      ...totals.summary,
      ["first seed", String(from)],
      ["trace hash of all", `\`${hash}\``],
      ...totals.counts.map(([kind, count]) => [kind.replace(/^: /, ""), String(count)]),
    ];
    text = replacePart(text, "run", table(["", "Last run"], rows));
  }
  if (caught) {
    text = replacePart(
      text,
      "mutants",
      table(["Mutant", "Switched off", "Noticed by", "Invariant"], caught.map(mutantRow)),
    );
  }
  writeFileSync(file, text);
}

function mutantRow({ name, seeds, failure }: Caught): string[] {
  const { breaks, test } = MUTANTS.find((mutant) => mutant.name === name)!;
  if (failure === null) return [name, breaks, "nobody", ""];
  if (test) return [name, breaks, `${test.file.replace(/^.*\//, "")}: ${test.name}`, ""];
  return [
    name,
    breaks,
    `${seeds} ${seeds === 1 ? "seed" : "seeds"}`,
    /^\w+/.exec(failure)?.[0] ?? "",
  ];
}

function replacePart(text: string, part: string, body: string): string {
  const begin = `<!-- ${part}: generated -->\n`;
  const end = `<!-- end of ${part} -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`there is no part ${part} in the report's file`);
  return `${text.slice(0, from)}${begin}\n${body}\n${text.slice(to)}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, head.map(() => "---"), ...rows];
  return all.map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}
