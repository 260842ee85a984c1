/**
 * The end of a log as memory knows it, and the rows that move it: one more chunk, the facts of a
 * segment that closes. Everything here follows from the last chunk's row, so that waking up,
 * writing and truncating agree. Changes rows; the caller takes up the end that it returns.
 */
import type { EffectiveConfig } from "../../../base/config.ts";
import { assert } from "../../../base/errors.ts";
import type { StoragePort } from "../../../base/ports.ts";
import type { PlannedChunk } from "../leader/flush.ts";
import type { CopiedFacts, ReplicatedChunk } from "../../contracts/replication.ts";
import {
  chunkAtOrBelow,
  epochBelow,
  firstChunk,
  insertChunk,
  insertSegment,
  maxTimestampWithin,
  type ChunkFacts,
  type ReplicaState,
  type SegmentFacts,
} from "./tables.ts";

/** Look-ups by time walk a segment's rows: this bounds the walk where appends are tiny. */
const SEGMENT_CHUNKS_MAX = 65_536;

/** The segment that appends go to. */
export interface ActiveSegment {
  readonly baseOffset: number;
  readonly position: number;
  readonly startedMs: number;
  readonly chunks: number;
}

/** Everything of a log that a write changes; replaced as a whole once it is written. */
export interface LogEnd {
  readonly offset: number;
  readonly position: number;
  /** Of the last chunk, gone or not; -1 when there never was one. */
  readonly leaderEpoch: number;
  readonly segment: ActiveSegment;
  /** As the column of the same name. */
  readonly producersFrom: number | null;
}

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

/** The end of a log without chunks; the segment there has not begun. */
export function endOfEmpty(at: ReplicaState["emptyAt"]): LogEnd {
  const { offset, position, leaderEpoch = -1 } = at;
  const segment = { baseOffset: offset, position, startedMs: 0, chunks: 0 };
  return { offset, position, leaderEpoch, segment, producersFrom: null };
}

/**
 * The end of a log whose last rows storage has lost: another row tells of where it ended, and nothing
 * is written where they were. `last`: the last chunk that is left of it.
 */
export function endOfShort(
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

/** The end of a log that is cut off at `offset`, a boundary of chunks, and starts at `startOffset`. */
export function cutEnd(
  storage: StoragePort,
  offset: number,
  startOffset: number,
  endPosition: number,
): LogEnd {
  const below = chunkAtOrBelow(storage, offset - 1);
  if (below && below.last_offset >= startOffset) return endAfter(below);
  const position = firstChunk(storage, offset)?.position ?? endPosition;
  return endOfEmpty({ offset, position, leaderEpoch: epochBelow(storage, offset) });
}

/** Whether a leader's chunk of this size begins another segment. */
export function isSegmentFull(
  { segment, position }: LogEnd,
  sizeBytes: number,
  config: EffectiveConfig,
  nowMs: number,
): boolean {
  if (segment.chunks === 0) return false;
  return (
    position - segment.position + sizeBytes > config["segment.bytes"] ||
    nowMs - segment.startedMs >= config["segment.ms"] ||
    segment.chunks >= SEGMENT_CHUNKS_MAX
  );
}

/** What a leader's row of a chunk says, at this end. */
export function factsOf(
  chunk: PlannedChunk,
  { position, segment }: LogEnd,
  leaderEpoch: number,
  nowMs: number,
): CopiedFacts {
  return {
    base_offset: chunk.baseOffset,
    last_offset: chunk.lastOffset,
    leader_epoch: leaderEpoch,
    max_timestamp: chunk.maxTimestamp,
    position,
    size_bytes: chunk.sizeBytes,
    segment_base: segment.baseOffset,
    segment_position: segment.position,
    // A segment begins with its first chunk, so that an idle log does not age it.
    segment_started_ms: segment.chunks === 0 ? nowMs : segment.startedMs,
    segment_chunks: segment.chunks + 1,
    producers: chunk.producers.length > 0 ? JSON.stringify(chunk.producers) : null,
  };
}

/** Writes the row of one more chunk. */
export function addChunk(
  storage: StoragePort,
  end: LogEnd,
  { facts, data }: ReplicatedChunk,
  highWatermark: number,
): LogEnd {
  assert(facts.base_offset === end.offset, "a chunk begins where the log ends");
  assert(facts.position === end.position, "a chunk's position is the bytes before it");
  assert(facts.leader_epoch >= end.leaderEpoch, "leader epochs never decrease along a log");
  const producersFrom = end.producersFrom ?? (facts.producers === null ? null : facts.base_offset);
  const row = { ...facts, producers_from: producersFrom, high_watermark: highWatermark };
  insertChunk(storage, row, data);
  return endAfter(row);
}

/** Writes the facts of the active segment; the next one begins at the end. */
export function closeSegment(storage: StoragePort, end: LogEnd, nowMs: number): LogEnd {
  const { segment, offset, position } = end;
  insertSegment(storage, {
    base_offset: segment.baseOffset,
    last_offset: offset - 1,
    position: segment.position,
    size_bytes: position - segment.position,
    max_timestamp: maxTimestampWithin(storage, segment.baseOffset, offset - 1) ?? -1,
    closed_ms: nowMs,
  });
  return { ...end, segment: { baseOffset: offset, position, startedMs: nowMs, chunks: 0 } };
}
