/**
 * The rules of the source that mutants switch off. A rule is named by a comment on a line of its own, `// rule: a-name`,
 * right above the one statement that implements it. It is looked up by name in the whole of src, so that it may move. Where
 * a statement ends follows from the indentation that the formatter gives it.
 */
import { readdirSync, readFileSync } from "node:fs";

/** What becomes of a rule's statement. In each text `$` stands for what is replaced. */
export type Change =
  /** It is removed. */
  | { readonly without: true }
  /** The condition of an `if`. */
  | { readonly condition: string }
  /** The value that is returned, assigned, or declared. */
  | { readonly value: string }
  /** The whole statement, also to add something before or after it. */
  | { readonly statement: string };

/** By rule name. */
export type Changes = Readonly<Record<string, Change>>;

interface Rule {
  /** Below src/. */
  readonly file: string;
  /** The range of its statement in the file. */
  readonly from: number;
  readonly to: number;
}

export const SOURCES = new URL("../../src/", import.meta.url);

const MARKER = /^( *)\/\/ rule: (.*)\n/gm;
const NAME = /^[a-z]+(-[a-z]+)*$/;
/** A line at the statement's own indentation that begins like this continues the statement. */
const CONTINUES = /^(\}|\)|\]|else\b)/;

let known: ReadonlyMap<string, Rule> | null = null;

/** Every rule of the source, by name. Throws if a name occurs twice or is malformed. */
export function allRules(): ReadonlyMap<string, Rule> {
  known ??= readRules();
  return known;
}

function readRules(): ReadonlyMap<string, Rule> {
  const rules = new Map<string, Rule>();
  const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" });
  for (const file of files.filter((name) => name.endsWith(".ts")).toSorted()) {
    for (const [name, rule] of rulesIn(file, readFileSync(new URL(file, SOURCES), "utf8"))) {
      const other = rules.get(name);
      if (other) throw new Error(`rule ${name} is in ${other.file} and in ${file}`);
      rules.set(name, rule);
    }
  }
  return rules;
}

/** The changed files below src/ with their new text. Throws if a rule does not exist or cannot be changed in this way. */
export function changedSources(changes: Changes): ReadonlyMap<string, string> {
  const rules = allRules();
  const found = Object.entries(changes).map(([name, change]) => {
    const rule = rules.get(name);
    if (!rule) throw new Error(`no rule of src is called ${name}`);
    return { name, change, ...rule };
  });
  const texts = new Map<string, string>();
  // From the end of a file to its beginning, so that earlier positions stay valid.
  for (const { name, change, file, from, to } of found.toSorted((a, b) => b.from - a.from)) {
    const text = texts.get(file) ?? readFileSync(new URL(file, SOURCES), "utf8");
    const statement = changedStatement(text.slice(from, to), change);
    if (statement === null) throw new Error(`rule ${name}: its statement has no such part`);
    texts.set(file, `${text.slice(0, from)}${statement}${text.slice(to)}`);
  }
  return texts;
}

function* rulesIn(file: string, text: string): Generator<[string, Rule]> {
  for (const { 0: line, 1: indent = "", 2: name = "", index } of text.matchAll(MARKER)) {
    if (!NAME.test(name)) throw new Error(`${file}: "${name}" is no name of a rule`);
    const from = index + line.length;
    yield [name, { file, from, to: from + statementLength(text.slice(from), indent) }];
  }
}

/** Length of the statement at the beginning of a text, without its last line break. */
function statementLength(text: string, indent: string): number {
  const lines = text.split("\n");
  const isWithin = (line: string): boolean =>
    line === "" ||
    (line.startsWith(indent) &&
      (line[indent.length] === " " || CONTINUES.test(line.slice(indent.length))));
  const end = lines.findIndex((line, i) => i > 0 && !isWithin(line));
  return lines.slice(0, end).join("\n").trimEnd().length;
}

/** Null if the statement is of another kind. */
function changedStatement(statement: string, change: Change): string | null {
  if ("without" in change) return ";";
  if ("statement" in change) return change.statement.replaceAll("$", () => statement.trim());
  const part = "condition" in change ? conditionOf(statement) : valueOf(statement);
  if (part === null) return null;
  const text = "condition" in change ? change.condition : change.value;
  const [from, to] = part;
  const changed = text.replaceAll("$", () => `(${statement.slice(from, to)})`);
  return `${statement.slice(0, from)}${changed}${statement.slice(to)}`;
}

/** The range of the condition of an `if`. */
function conditionOf(statement: string): [number, number] | null {
  const from = statement.indexOf("(") + 1;
  if (!/^ *if $/.test(statement.slice(0, from - 1))) return null;
  let depth = 1;
  for (let at = from; at < statement.length; at++) {
    if (statement[at] === "(") depth += 1;
    if (statement[at] === ")") depth -= 1;
    if (depth === 0) return [from, at];
  }
  return null;
}

/** The range of the value that is returned, assigned, or declared. */
function valueOf(statement: string): [number, number] | null {
  const before = /^ *(return |[^"'`(=]*? (\?\?)?=\s)/.exec(statement);
  if (!before || !statement.endsWith(";")) return null;
  return [before[0].length, statement.length - 1];
}
