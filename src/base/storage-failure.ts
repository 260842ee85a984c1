/**
 * What the storage port throws when storage itself fails: an operating error, as opposed to an exception that shows a
 * broken assumption of this code.
 */

import { InvariantBroken, refuse, type Refusal } from "./errors.ts";

/** `corrupt`: stored data cannot be read, or is not what was written. `failed`: the operation could not be done. */
export type StorageFailureKind = "corrupt" | "failed";

export class StorageFailure extends Error {
  override readonly name: string = "StorageFailure";
  readonly kind: StorageFailureKind;
  /** What callers may be told; absent: the error table's text. */
  readonly shown?: string;

  constructor(kind: StorageFailureKind, what: string, options?: ErrorOptions) {
    super(what, options);
    this.kind = kind;
  }
}

/** SQLite's messages for faults of the statement rather than of the storage. */
const FAULT_OF_A_STATEMENT =
  /\bSQLITE_(ERROR|MISUSE|CONSTRAINT|MISMATCH|RANGE|TOOBIG|AUTH|SCHEMA)\b|not authorized/;
const UNREADABLE = /\bSQLITE_(CORRUPT|NOTADB|FORMAT)|disk image is malformed|not a database/;

/** The failure of storage that an error of the database stands for, or the error itself where it is none. */
export function storageFailureOf(error: unknown): unknown {
  if (error instanceof StorageFailure || isFaultOfCode(error)) return error;
  const text = String(error instanceof Error ? error.message : error);
  if (FAULT_OF_A_STATEMENT.test(text)) return error;
  return new StorageFailure(UNREADABLE.test(text) ? "corrupt" : "failed", text, { cause: error });
}

function isFaultOfCode(error: unknown): boolean {
  return (
    error instanceof InvariantBroken ||
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof ReferenceError
  );
}

/** Parses the JSON of a stored row; a row that does not parse is not what was written. */
export function parseStored(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new StorageFailure("corrupt", `${what} is not JSON`, { cause: error });
  }
}

const BROKEN =
  "The object met a state that cannot be and begins anew; whether the request took effect is not known.";

/** The answer to a caller where something was thrown. Whether the request took effect is not known. */
export function refusalOfThrown(error: unknown): Refusal {
  if (!(error instanceof StorageFailure)) return refuse("KAFKA_STORAGE_ERROR", BROKEN);
  return refuse("KAFKA_STORAGE_ERROR", error.shown);
}
