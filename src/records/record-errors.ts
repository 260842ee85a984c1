/** Which records of a refused batch are invalid (KIP-467): a producer fails only these, and may send the others again. */
import type { Refusal } from "../base/errors.ts";

export interface RecordError {
  /** Index of the record among those that were refused together, from 0 on. */
  readonly index: number;
  readonly message: string;
}

/** A refusal of batches, none of which was written. Without `recordErrors`, no single record is the cause. */
export interface RecordsRefusal extends Refusal {
  readonly recordErrors?: readonly RecordError[];
}

/** How many errors are listed for one request to one partition; those of further records are left out. */
export const RECORD_ERRORS_MAX = 1_000;
