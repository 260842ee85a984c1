/** What a mutant is: rules that are switched off, and what notices it. */
import type { Changes } from "./rules.ts";

export interface Mutant {
  readonly name: string;
  /** What the rule is for. */
  readonly breaks: string;
  /** Usually one rule; several if each covers for the other. */
  readonly off: Changes;
  /** A seed that notices: the first from 1 on, when the table was last updated. */
  readonly seed?: number;
  /** The seeds are those of consumer groups. */
  readonly groups?: true;
  /** The directed test that notices, if seeds do not: the case of the rule is rare, or another rule covers for it. */
  readonly test?: NoticingTest;
}

/** A test of test/core or of the scenarios, by its own name (without those of its describe blocks). */
export interface NoticingTest {
  readonly file: string;
  readonly name: string;
}
