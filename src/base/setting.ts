/**
 * What a setting is: its kinds, how a row of the config table is written, and how its text is parsed. The settings
 * themselves are in `config/`.
 */
import { INT_MAX } from "./limits.ts";

export const DAY_MS = 86_400_000;
export const INT32_MAX = 2_147_483_647;

/** Begins the text of a setting that is accepted for compatibility only; the reason follows. */
export const NO_EFFECT = "Accepted and described, but without effect:";
export const NO_COMPACTION = `${NO_EFFECT} topics are not compacted yet.`;

export type Kind = "boolean" | "integer" | "long" | "double" | "text" | "choice" | "list";
export type Value = boolean | number | string | readonly string[];

export interface Setting<T extends Value> {
  readonly kind: Kind;
  readonly scope: Scope;
  readonly fallback: T;
  /** Bounds of an integer, both included. */
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  /** The form of every element of a list without choices. */
  readonly element?: { readonly pattern: RegExp; readonly expected: string };
  /** Kafka's name for the default on brokers, where it differs. */
  readonly broker?: string;
  /** Why no value but the default is accepted. */
  readonly only?: string;
  readonly doc: string;
}

/** Of a topic, of the service as a whole (from its environment), or of one broker. */
export type Scope = "topic" | "service" | "broker";

type More = Pick<Setting<Value>, "broker" | "only">;

export const bool = (
  scope: Scope,
  fallback: boolean,
  doc: string,
  more: More = {},
): Setting<boolean> => ({
  kind: "boolean",
  scope,
  fallback,
  doc,
  ...more,
});
export const int = (
  scope: Scope,
  fallback: number,
  min: number,
  max: number,
  doc: string,
  more: More = {},
): Setting<number> => ({ kind: "integer", scope, fallback, min, max, doc, ...more });
/**
 * For topics, up to Kafka's Long.MAX_VALUE: values above {@link INT_MAX} count as INT_MAX, and keep their text. As a
 * default, INT_MAX is written as Long.MAX_VALUE.
 */
export const long = (
  fallback: number,
  min: number,
  doc: string,
  more: More = {},
): Setting<number> => ({
  kind: "long",
  scope: "topic",
  fallback,
  min,
  max: INT_MAX,
  doc,
  ...more,
});
export const list = (
  fallback: readonly string[],
  legal: Pick<Setting<Value>, "choices" | "element">,
  doc: string,
  more: More = {},
): Setting<readonly string[]> => ({
  kind: "list",
  scope: "topic",
  fallback,
  doc,
  ...legal,
  ...more,
});
export const text = (scope: Scope, fallback: string, doc: string): Setting<string> => ({
  kind: "text",
  scope,
  fallback,
  doc,
});
export const choice = <C extends readonly string[]>(
  scope: Scope,
  choices: C,
  fallback: C[number],
  doc: string,
  more: More = {},
): Setting<C[number]> => ({ kind: "choice", scope, fallback, choices, doc, ...more });

export interface Read {
  readonly value: Value;
  readonly text: string;
}

const TEXT_LENGTH_MAX = 1_024;
/** Tools list the partition and broker of every replica of a topic. */
const LIST_LENGTH_MAX = 65_536;
export const LONG_MAX = 9_223_372_036_854_775_807n;

/** The value, or what was expected instead. */
export function parseValue(setting: Setting<Value>, written: string): Read | string {
  const { min = 0, max = INT_MAX } = setting;
  switch (setting.kind) {
    case "boolean": {
      const lower = written.trim().toLowerCase();
      if (lower !== "true" && lower !== "false") return "true or false";
      return { value: lower === "true", text: lower };
    }
    case "integer": {
      const value = /^\s*-?\d{1,16}\s*$/.test(written) ? Number(written) : Number.NaN;
      if (!(value >= min && value <= max)) return `a whole number of ${min} to ${max}`;
      return { value, text: String(value) };
    }
    case "long": {
      const whole = /^\s*-?\d{1,19}\s*$/.test(written) ? BigInt(written.trim()) : null;
      if (whole === null || whole < BigInt(min) || whole > LONG_MAX) {
        return `a whole number of ${min} to ${LONG_MAX}`;
      }
      return { value: Math.min(Number(whole), INT_MAX), text: String(whole) };
    }
    case "double": {
      const value = /^\s*\d{1,4}(?:\.\d{0,16})?\s*$/.test(written) ? Number(written) : Number.NaN;
      if (!(value >= min && value <= max)) return `a number of ${min} to ${max}`;
      return { value, text: String(value) };
    }
    case "choice": {
      if (!setting.choices?.includes(written)) return `one of ${setting.choices?.join(", ")}`;
      return { value: written, text: written };
    }
    case "list":
      return parseList(setting, written);
    case "text":
      if (written.length > TEXT_LENGTH_MAX) return `at most ${TEXT_LENGTH_MAX} characters`;
      return { value: written, text: written };
  }
}

function parseList({ choices, element }: Setting<Value>, written: string): Read | string {
  if (written.length > LIST_LENGTH_MAX) return `at most ${LIST_LENGTH_MAX} characters`;
  const value = listElements(written);
  const isLegal = (one: string): boolean =>
    choices ? choices.includes(one) : (element?.pattern.test(one) ?? true);
  if (!value.every(isLegal) || new Set(value).size < value.length) {
    const expected = choices ? choices.join(" and ") : (element?.expected ?? "elements");
    return `a list of ${expected} separated by commas, none twice,`;
  }
  return { value, text: value.join(",") };
}

/** The elements of a list in its text form; an empty text has none. */
export function listElements(written: string): string[] {
  if (written.trim() === "") return [];
  return written.split(",").map((one) => one.trim());
}
