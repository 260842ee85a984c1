/**
 * Look-ups that notice a row which storage has lost. The local start and the end of a log are known without its
 * chunks, and the offset ranges of chunks adjoin: an offset between the two that no row covers was lost. Reads only;
 * throws {@link CorruptLog}.
 *
 * It is the ranges of rows that adjoin, not the records in them: a row may cover offsets of which no record is left.
 */
import type { StoragePort } from "../../../base/ports.ts";
import { CorruptLog } from "./integrity.ts";
import { chunkAtOrBelow, epochBelow, firstChunk, type ChunkFacts } from "./tables.ts";

/** The offsets that a replica stores, whatever rows there are: [localStartOffset, endOffset). */
export interface Extent {
  readonly localStartOffset: number;
  readonly endOffset: number;
}

/** The error for offsets [firstOffset, lastOffset], which no row covers. */
export function missing(firstOffset: number, lastOffset: number): CorruptLog {
  return new CorruptLog(firstOffset, lastOffset, "the stored chunk is missing");
}

/** The error for an `offset` that no row covers: up to the next row, or below `below` if there is none. */
export function missingFrom(storage: StoragePort, offset: number, below: number): CorruptLog {
  return missing(offset, (firstChunk(storage, offset)?.base_offset ?? below) - 1);
}

/** The chunk that holds `offset`, which lies within the extent. */
export function chunkHolding(storage: StoragePort, log: Extent, offset: number): ChunkFacts {
  const chunk = chunkAtOrBelow(storage, offset);
  // rule: a-log-begins-at-its-start
  if (chunk && chunk.last_offset >= offset) return chunk;
  const next = firstChunk(storage, offset)?.base_offset ?? log.endOffset;
  throw missing(Math.max(log.localStartOffset, (chunk?.last_offset ?? -1) + 1), next - 1);
}

/** Leader epoch of the record before `offset`; -1 if the log holds none there and no row states it. */
export function epochBefore(storage: StoragePort, log: Extent, offset: number): number {
  const isWithin = offset > log.localStartOffset && offset <= log.endOffset;
  if (isWithin) return chunkHolding(storage, log, offset - 1).leader_epoch;
  return epochBelow(storage, offset);
}

/**
 * The chunk boundary at which a log is truncated to end at `offset`: `offset` itself, or the base offset of the chunk
 * that reaches over it. The chunk before the boundary exists.
 */
export function cutBelow(storage: StoragePort, log: Extent, offset: number): number {
  if (offset < log.localStartOffset) {
    const holding = chunkAtOrBelow(storage, offset);
    return holding && holding.last_offset >= offset ? holding.base_offset : offset;
  }
  const cut = chunkHolding(storage, log, offset).base_offset;
  if (cut > log.localStartOffset) chunkHolding(storage, log, cut - 1);
  return cut;
}
