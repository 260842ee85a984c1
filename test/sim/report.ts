/** Writes the generated parts of docs/correctness.md: the last big run, and the mutants. */
import { readFileSync, writeFileSync } from "node:fs";
import { MUTANTS } from "./mutant-table.ts";
import type { Totals } from "./totals.ts";

interface Report {
  readonly totals?: Totals;
  readonly hash?: string;
  readonly from?: number;
  readonly caught?: readonly {
    readonly name: string;
    readonly seeds: number;
    readonly failure: string;
  }[];
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
    const rows = caught.map(({ name, seeds, failure }) => {
      const breaks = MUTANTS.find((mutant) => mutant.name === name)?.breaks ?? "";
      const by = /^\w+/.exec(failure)?.[0] ?? "";
      return [name, breaks, failure === "" ? "not caught" : String(seeds), by];
    });
    text = replacePart(
      text,
      "mutants",
      table(["Mutant", "Switched off", "Seeds", "Invariant"], rows),
    );
  }
  writeFileSync(file, text);
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
