/**
 * The end of a log in memory. All of it is derived from the last chunk's row (or, without one, from the state row), so
 * that waking up, writing and truncating agree. Writes nothing; the caller replaces its own end by the one returned.
 */
import type { StoragePort } from "../../../base/ports.ts";
import {
  allSegments,
  chunkAtOrBelow,
  epochBelow,
  firstChunk,
  lastChunk,
  type ChunkFacts,
  type ReplicaState,
  type SegmentFacts,
} from "./tables.ts";

/** The segment that appends go to. */
export interface ActiveSegment {
  readonly baseOffset: number;
  readonly position: number;
  readonly startedMs: number;
  readonly chunks: number;
}

/** Everything about a log that a write changes; replaced as a whole once the write has succeeded. */
export interface LogEnd {
  /** The offset that the next record gets. */
  readonly offset: number;
  /** Bytes of batches ever appended: where the next chunk begins. */
  readonly position: number;
  /** Leader epoch of the last chunk, deleted or not; -1 if there never was one. */
  readonly leaderEpoch: number;
  readonly segment: ActiveSegment;
  /** See the column of the same name in tables.ts. */
  readonly producersFrom: number | null;
}

/** The end of a log whose last chunk is `last`. */
export function endAfter(last: ChunkFacts): LogEnd {
  return {
    offset: last.last_offset + 1,
    position: last.position + last.size_bytes,
    leaderEpoch: last.leader_epoch,
    segment: {
      baseOffset: last.segment_base,
      position: last.segment_position,
      startedMs: last.segment_started_ms,
      chunks: last.segment_chunks,
    },
    producersFrom: last.producers_from,
  };
}

/** The end of a log without chunks; its active segment has not begun. */
export function endOfEmpty(at: ReplicaState["emptyAt"]): LogEnd {
  const { offset, position, leaderEpoch = -1 } = at;
  const segment = { baseOffset: offset, position, startedMs: 0, chunks: 0 };
  return { offset, position, leaderEpoch, segment, producersFrom: null };
}

/** What storage tells about the end of a log when its object wakes up. */
interface RecoveredEnd {
  readonly end: LogEnd;
  /** The high watermark in the last chunk's row; 0 if there is none. */
  readonly highWatermark: number;
  /** The last rows of the log were lost. */
  readonly isShort: boolean;
}

/** The end of a stored log. Chunks below `localStartOffset` count as deleted. */
export function recoveredEnd(
  storage: StoragePort,
  { emptyAt }: ReplicaState,
  localStartOffset: number,
): RecoveredEnd {
  const stored = lastChunk(storage);
  const highWatermark = stored?.high_watermark ?? 0;
  const last = stored && stored.last_offset >= localStartOffset ? stored : null;
  // Whatever truncates a log writes the state row too: the log never ends before the end that it states.
  // rule: a-log-does-not-end-early
  const isShort = (last ? last.last_offset + 1 : localStartOffset) < emptyAt.offset;
  if (isShort) {
    const end = endOfShort(emptyAt, last, allSegments(storage).at(-1) ?? null);
    return { end, highWatermark, isShort };
  }
  return { end: last ? endAfter(last) : endOfEmpty(emptyAt), highWatermark, isShort };
}

/**
 * The end of a log whose last rows storage has lost. The state row says where it ended, and the offsets of the lost rows
 * are never written again.
 *
 * @param at where the log ended, by the state row
 * @param last the last chunk that is left
 * @param closed the last closed segment
 */
function endOfShort(
  at: ReplicaState["emptyAt"],
  last: ChunkFacts | null,
  closed: SegmentFacts | null,
): LogEnd {
  const end = endOfEmpty(at);
  if (!last) return end;
  const isOpen = !closed || closed.last_offset < last.last_offset;
  const segment = isOpen
    ? endAfter(last).segment
    : {
        baseOffset: closed.last_offset + 1,
        position: closed.position + closed.size_bytes,
        startedMs: closed.closed_ms,
        chunks: closed.last_offset + 1 < end.offset ? 1 : 0,
      };
  return { ...end, segment, producersFrom: last.producers_from };
}

/**
 * The end of a log that is truncated at `offset`, a chunk boundary. Chunks below `localStartOffset` count as deleted.
 *
 * @param endPosition the position of the end before
 */
export function truncatedEnd(
  storage: StoragePort,
  offset: number,
  localStartOffset: number,
  endPosition: number,
): LogEnd {
  const below = chunkAtOrBelow(storage, offset - 1);
  if (below && below.last_offset >= localStartOffset) return endAfter(below);
  const position = firstChunk(storage, offset)?.position ?? endPosition;
  return endOfEmpty({ offset, position, leaderEpoch: epochBelow(storage, offset) });
}
