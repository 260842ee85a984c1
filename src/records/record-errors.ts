/**
 * Which records of a refused batch are to blame (KIP-467): a producer gives up these alone, and may send the
 * others again.
 */
import type { Refusal } from "../base/errors.ts";

/** `index`: its place among the records that were refused together, from 0 on. */
export interface RecordError {
  readonly index: number;
  readonly message: string;
}

/** A refusal of batches. Nothing of them was written; without `recordErrors` no single record is to blame. */
export interface RecordsRefusal extends Refusal {
  readonly recordErrors?: readonly RecordError[];
}

/** Errors that are told of one request to one partition; what is wrong with further records is not told. */
export const RECORD_ERRORS_MAX = 1_000;
