/**
 * How one more chunk gets into a log: its row, and the facts of the segment that it closes. A leader decides where
 * segments end; a follower closes them where its leader did. Writes rows; the caller takes over the end returned.
 */
import type { EffectiveConfig } from "../../../base/config.ts";
import { joinBytes } from "../../../base/bytes.ts";
import { assert } from "../../../base/errors.ts";
import type { StoragePort } from "../../../base/ports.ts";
import type { ReplicatedChunk, ReplicatedFacts } from "../../contracts/replication.ts";
import type { PlannedChunk } from "../leader/flush.ts";
import { writeToken } from "./fencing.ts";
import { endAfter, type LogEnd } from "./log-end.ts";
import { insertChunk, insertSegment, maxTimestampWithin } from "./tables.ts";

/** Look-ups by time walk the rows of a segment: this bounds the walk if appends are tiny. */
const SEGMENT_CHUNKS_MAX = 65_536;

/** Writes chunks of one kind behind an end of the log. */
export interface ChunkWriter<T> {
  /** Whether the chunk is its own row and nothing else: it begins no new segment, and sets no fencing token. */
  isOneRow(end: LogEnd, chunk: T): boolean;
  /** Writes the chunk: the end after it, and the chunk as it is stored. */
  write(end: LogEnd, chunk: T): [end: LogEnd, stored: ReplicatedChunk];
}

/** Writes what a leader has planned. `highWatermark`: as the leader knows it, kept in each row. */
export function plannedChunkWriter(
  storage: StoragePort,
  config: EffectiveConfig,
  leaderEpoch: number,
  highWatermark: number,
  nowMs: number,
): ChunkWriter<PlannedChunk> {
  const rolls = (end: LogEnd, { sizeBytes }: PlannedChunk): boolean =>
    isSegmentFull(end, sizeBytes, config, nowMs);
  return {
    isOneRow: (end, chunk) => chunk.fencingToken === null && !rolls(end, chunk),
    write(at, chunk) {
      const end = rolls(at, chunk) ? closeSegment(storage, at, nowMs) : at;
      const row = { facts: factsOf(chunk, end, leaderEpoch, nowMs), data: joinBytes(chunk.parts) };
      return [addChunk(storage, end, row, highWatermark), row];
    },
  };
}

/** Writes a leader's chunks as they are. `highWatermark`: as the follower knows it. */
export function copiedChunkWriter(
  storage: StoragePort,
  highWatermark: number,
): ChunkWriter<ReplicatedChunk> {
  const rolls = ({ segment }: LogEnd, { facts }: ReplicatedChunk): boolean =>
    segment.chunks > 0 && segment.baseOffset !== facts.segment_base;
  return {
    isOneRow: (end, chunk) => chunk.facts.fencing_token === undefined && !rolls(end, chunk),
    write(at, chunk) {
      const { facts } = chunk;
      // The leader closed its segment when it wrote the first chunk of the next one.
      const end = rolls(at, chunk) ? closeSegment(storage, at, facts.segment_started_ms) : at;
      const known = Math.min(highWatermark, facts.last_offset + 1);
      return [addChunk(storage, end, chunk, known), chunk];
    },
  };
}

/** Whether a leader's chunk of this size begins a new segment. */
function isSegmentFull(
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

/** The facts of a chunk that a leader writes at this end. */
function factsOf(
  chunk: PlannedChunk,
  { position, segment }: LogEnd,
  leaderEpoch: number,
  nowMs: number,
): ReplicatedFacts {
  return {
    base_offset: chunk.baseOffset,
    last_offset: chunk.lastOffset,
    leader_epoch: leaderEpoch,
    max_timestamp: chunk.maxTimestamp,
    position,
    size_bytes: chunk.sizeBytes,
    segment_base: segment.baseOffset,
    segment_position: segment.position,
    // A segment begins with its first chunk: it does not age while nothing is appended.
    segment_started_ms: segment.chunks === 0 ? nowMs : segment.startedMs,
    segment_chunks: segment.chunks + 1,
    producers: chunk.producers.length > 0 ? JSON.stringify(chunk.producers) : null,
    ...(chunk.fencingToken !== null && { fencing_token: chunk.fencingToken }),
  };
}

/**
 * Writes the row of one more chunk.
 *
 * The ranges of offsets that rows cover adjoin each other, also where compaction has left no record for some of them.
 * Positions only rise: a log that is copied after it was compacted has fewer bytes than were ever appended to it.
 */
function addChunk(
  storage: StoragePort,
  end: LogEnd,
  { facts: { fencing_token: token, ...facts }, data }: ReplicatedChunk,
  highWatermark: number,
): LogEnd {
  assert(facts.base_offset === end.offset, "a chunk begins where the log ends");
  assert(facts.position >= end.position, "positions rise along a log");
  assert(facts.leader_epoch >= end.leaderEpoch, "leader epochs never decrease along a log");
  const producersFrom = end.producersFrom ?? (facts.producers === null ? null : facts.base_offset);
  const row = { ...facts, producers_from: producersFrom, high_watermark: highWatermark };
  insertChunk(storage, row, data);
  // rule: followers-keep-the-tokens-of-chunks
  if (token !== undefined) {
    writeToken(storage, { baseOffset: facts.base_offset, token }, highWatermark);
  }
  return endAfter(row);
}

/** Closes the active segment: writes its facts. The next segment begins at the end of the log. */
function closeSegment(storage: StoragePort, end: LogEnd, nowMs: number): LogEnd {
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
