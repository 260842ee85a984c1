/** Writes the generated parts of docs/correctness.md: the last big run, and the mutants. */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { format, type FormatConfig } from "oxfmt";
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

/** Writes the parts of what is given, in the format that `npm run format:check` wants. */
export async function writeReport(file: string, report: Report): Promise<void> {
  writeFileSync(file, await formatted(file, withParts(readFileSync(file, "utf8"), report)));
}

async function formatted(file: string, text: string): Promise<string> {
  const settings = readFileSync(resolve(import.meta.dirname, "../../.oxfmtrc.json"), "utf8");
  const { code, errors } = await format(file, text, JSON.parse(settings) as FormatConfig);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]!.message}`);
  return code;
}

function withParts(before: string, { totals, hash, from, caught }: Report): string {
  let text = before;
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
  return text;
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
