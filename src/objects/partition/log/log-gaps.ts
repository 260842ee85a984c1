/**
 * Look-ups in a log's rows that notice where one is missing. The log start offset and the log end are
 * known without the rows, and chunks follow each other without gaps between them: so an offset within
 * that no row holds was lost by storage. Reads only; throws {@link CorruptLog}.
 */
import type { StoragePort } from "../../../base/ports.ts";
import { CorruptLog } from "./integrity.ts";
import { chunkAtOrBelow, epochBelow, firstChunk, type ChunkFacts } from "./tables.ts";

/** Where a log begins and ends, whatever rows there are. */
export interface Extent {
  readonly startOffset: number;
  readonly endOffset: number;
}

export function missing(firstOffset: number, lastOffset: number): CorruptLog {
  return new CorruptLog(firstOffset, lastOffset, "the stored chunk is missing");
}

/** What is missing from `offset` on, which no row holds, up to the next row, or to `below` where there is none. */
export function missingFrom(storage: StoragePort, offset: number, below: number): CorruptLog {
  return missing(offset, (firstChunk(storage, offset)?.base_offset ?? below) - 1);
}

/** The chunk that holds `offset`, which lies within the log. */
export function chunkHolding(storage: StoragePort, log: Extent, offset: number): ChunkFacts {
  const chunk = chunkAtOrBelow(storage, offset);
  // rule: a-log-begins-at-its-start
  if (chunk && chunk.last_offset >= offset) return chunk;
  const next = firstChunk(storage, offset)?.base_offset ?? log.endOffset;
  throw missing(Math.max(log.startOffset, (chunk?.last_offset ?? -1) + 1), next - 1);
}

/** Leader epoch of the record before `offset`; -1 where the log holds none, and no row tells of it. */
export function epochBefore(storage: StoragePort, log: Extent, offset: number): number {
  const isWithin = offset > log.startOffset && offset <= log.endOffset;
  if (isWithin) return chunkHolding(storage, log, offset - 1).leader_epoch;
  return epochBelow(storage, offset);
}

/**
 * Where a log is cut off so that it ends at `offset` or, where a chunk reaches over it, before that
 * chunk. What is left of the log ends in a chunk that is there.
 */
export function cutBelow(storage: StoragePort, log: Extent, offset: number): number {
  if (offset < log.startOffset) {
    const holding = chunkAtOrBelow(storage, offset);
    return holding && holding.last_offset >= offset ? holding.base_offset : offset;
  }
  const cut = chunkHolding(storage, log, offset).base_offset;
  if (cut > log.startOffset) chunkHolding(storage, log, cut - 1);
  return cut;
}
