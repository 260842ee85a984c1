/** What a mutant is: rules switched off, and what notices. */
import type { Changes } from "./rules.ts";

export interface Mutant {
  readonly name: string;
  /** What the rule is for. */
  readonly breaks: string;
  /** Most often one rule; several where they back each other up. */
  readonly off: Changes;
  /** A seed that notices: the first from 1 on when the table was last filled. */
  readonly seed?: number;
  /** Noticed by seeds of consumer groups. */
  readonly groups?: true;
  /** The directed test that notices, where no seed is to: the rule's case is rare, or another rule covers for it. */
  readonly test?: NoticingTest;
}

/** A test of test/core or of the scenarios, by its own name (without those of what it stands in). */
export interface NoticingTest {
  readonly file: string;
  readonly name: string;
}
