/**
 * Where a log starts. Kafka tells two offsets apart (KIP-405): readers may ask for everything from the log start
 * offset on; the local log start offset is the first that this replica stores itself, and what lies between the two
 * is in remote storage. There is no remote storage yet, so the two are equal, and {@link startingAt} is the only place
 * that says so: everything else asks for the one that it means.
 */

import type { FencingRow, ProducerBatch } from "../../contracts/replication.ts";

export interface LogStarts {
  /** The first offset that a reader may ask for. DeleteRecords and retention raise it. */
  readonly logStartOffset: number;
  /** The first offset in this replica's own rows; never below the log start. */
  readonly localStartOffset: number;
}

/** The starts of a log, all of which is stored by the replica itself. */
export function startingAt(offset: number): LogStarts {
  return { logStartOffset: offset, localStartOffset: offset };
}

/** Where a replica begins that shares nothing with the log that it is to copy. */
export interface Beginning {
  readonly offset: number;
  /** Byte position of `offset` in the log that is copied. */
  readonly position: number;
  /** Idempotent batches below `offset` that are still remembered. */
  readonly producers: readonly ProducerBatch[];
  /** The fencing token that is in force at `offset`, if there is one. */
  readonly fencing?: FencingRow;
}
