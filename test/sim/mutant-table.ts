/** The mutants: one rule of replication, elections or durability each, and how it is switched off. */

export interface Mutant {
  readonly name: string;
  /** What the rule is for. */
  readonly breaks: string;
  /** Below src/. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** It has to be caught within so many seeds, from 1 on. */
  readonly seeds: number;
}

export const MUTANTS: readonly Mutant[] = [];
