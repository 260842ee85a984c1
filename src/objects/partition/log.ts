/**
 * The log of one replica: chunks in storage, the active segment, what is known of producers, the
 * hot tail. It writes what flush.ts decided, reads pages, and deletes from its start. It knows
 * nothing of leaders, waiting or replies.
 *
 * Waking up is constant work: the last chunk's small columns tell the end, the position and the
 * active segment; producers come from their snapshot and the few chunks since.
 */
import type { EffectiveConfig } from "../../base/config.ts";
import { joinBytes } from "../../base/bytes.ts";
import { assert } from "../../base/errors.ts";
import type { StoragePort } from "../../base/ports.ts";
import type { FlushPlan, PlannedChunk } from "./flush.ts";
import { Page } from "./page.ts";
import { ProducerStates, type ProducerBatch } from "./producers.ts";
import {
  chunkBaseAtOrBelow,
  deleteChunksBelow,
  deleteSegmentsBelow,
  firstChunk,
  insertChunk,
  insertSegment,
  lastChunk,
  lastChunkOfPage,
  maxTimestampWithin,
  readProducerBatches,
  writeProducerSnapshot,
  type ChunkFacts,
  type ReplicaState,
} from "./tables.ts";
import { HotTail, type HotChunk, type TailAccount } from "./tail-memory.ts";

/** The segment that appends go to. */
export interface ActiveSegment {
  readonly baseOffset: number;
  readonly position: number;
  readonly startedMs: number;
  readonly chunks: number;
}

/** Everything of a log that a flush changes; replaced as a whole once the flush is written. */
interface LogEnd {
  readonly offset: number;
  readonly position: number;
  readonly segment: ActiveSegment;
  readonly producersFrom: number | null;
  readonly chunksSinceProducers: number;
}

/** Look-ups by time walk a segment's rows: this bounds the walk where appends are tiny. */
const SEGMENT_CHUNKS_MAX = 65_536;
/** A snapshot of producers is due after so many chunks: what waking up reads beside the snapshot. */
const SNAPSHOT_CHUNKS_MIN = 64;
/** …or later where producers are many, since a snapshot rewrites all of them. */
const SNAPSHOT_CHUNKS_PER_PRODUCER = 1 / 8;
/** Chunks deleted in one go, so that an alarm stays short. */
const DELETED_CHUNKS_MAX = 1_000;

export class Log {
  readonly producers: ProducerStates;
  readonly #storage: StoragePort;
  readonly #config: () => EffectiveConfig;
  readonly #tail: HotTail;
  #end: LogEnd;
  #startOffset: number;

  constructor(
    storage: StoragePort,
    state: ReplicaState,
    config: () => EffectiveConfig,
    account: TailAccount,
  ) {
    this.#storage = storage;
    this.#config = config;
    this.#tail = new HotTail(account, () => config()["tail.memory.bytes"]);
    this.producers = new ProducerStates(() => config()["producer.id.expiration.ms"]);
    this.#startOffset = state.logStartOffset;
    const last = lastChunk(storage);
    this.#end = last ? endAfter(last) : endOfEmpty(state);
    const take = (batch: ProducerBatch): void => this.producers.apply(batch);
    const chunksSinceProducers = readProducerBatches(storage, this.#end.producersFrom, take);
    this.#end = { ...this.#end, chunksSinceProducers };
  }

  get startOffset(): number {
    return this.#startOffset;
  }

  /** The offset that the next record gets. */
  get endOffset(): number {
    return this.#end.offset;
  }

  /** Bytes of batches ever appended. */
  get endPosition(): number {
    return this.#end.position;
  }

  get segment(): ActiveSegment {
    return this.#end.segment;
  }

  /** Bytes of batches in storage, those below the start in a chunk that reaches above it included. */
  get sizeBytes(): number {
    const first = firstChunk(this.#storage);
    return first ? this.#end.position - first.position : 0;
  }

  /**
   * Writes a flush: one row a chunk, and where a segment or the producers' deltas have grown to
   * their bound, the rows that close them. All or nothing; throws what storage throws.
   */
  write(plan: FlushPlan, leaderEpoch: number, highWatermark: number, nowMs: number): void {
    const hot: HotChunk[] = [];
    const write = (): LogEnd => {
      let at = this.#end;
      for (const chunk of plan.chunks) {
        const data = joinBytes(chunk.parts);
        at = this.#writeChunk(at, chunk, data, leaderEpoch, highWatermark, nowMs);
        hot.push({ baseOffset: chunk.baseOffset, lastOffset: chunk.lastOffset, data });
      }
      return at;
    };
    // One statement is a transaction already, and most flushes are one.
    const { chunks } = plan;
    const isOneRow =
      chunks.length === 1 && !this.#isSegmentFull(this.#end, chunks[0]!.sizeBytes, nowMs);
    const end = isOneRow ? write() : this.#storage.transaction(write);
    assert(end.offset === plan.endOffset, "a flush ends where it was planned to");
    this.#end = end;
    for (const chunk of plan.chunks)
      chunk.producers.forEach((batch) => this.producers.apply(batch));
    for (const chunk of hot) this.#tail.push(chunk);
    this.#snapshotWhenDue(nowMs);
  }

  /** Whole batches of [offset, below) from the one that holds `offset` on: see {@link Page}. */
  read(offset: number, below: number, maxBytes: number): Uint8Array {
    const page = new Page(offset, maxBytes);
    if (offset >= below) return page.bytes();
    const hot = this.#tail.from(offset);
    if (hot) {
      for (const chunk of hot) {
        if (chunk.baseOffset >= below || page.isFull) break;
        page.add(chunk);
      }
      return page.bytes();
    }
    const base = chunkBaseAtOrBelow(this.#storage, offset) ?? offset;
    const last = lastChunkOfPage(this.#storage, base, below, maxBytes);
    this.#storage.each<{ base_offset: number; last_offset: number; data: ArrayBuffer }>(
      `SELECT base_offset, last_offset, data FROM chunks
       WHERE base_offset BETWEEN ? AND ? ORDER BY base_offset`,
      [base, last],
      (row) => {
        const { base_offset: baseOffset, last_offset: lastOffset } = row;
        if (lastOffset >= offset)
          page.add({ baseOffset, lastOffset, data: new Uint8Array(row.data) });
        return !page.isFull;
      },
    );
    return page.bytes();
  }

  /** One stored chunk's batches. */
  chunkData(baseOffset: number): Uint8Array {
    const sql = "SELECT data FROM chunks WHERE base_offset = ?";
    return new Uint8Array(this.#storage.all<{ data: ArrayBuffer }>(sql, baseOffset)[0]!.data);
  }

  /** Closes the active segment, so that retention may act on it. */
  roll(nowMs: number): void {
    if (this.#end.segment.chunks === 0) return;
    const end = this.#storage.transaction(() => this.#closeSegment(this.#end, nowMs));
    this.#end = end;
  }

  /**
   * Raises the start offset; `persist` writes the replica's state row. The rows below go in
   * steps: see {@link deleteBelowStart}.
   */
  raiseStart(offset: number, persist: (log: Log) => void): void {
    assert(
      offset > this.#startOffset && offset <= this.#end.offset,
      "the start moves up within the log",
    );
    const before = this.#startOffset;
    this.#startOffset = offset;
    try {
      this.#storage.transaction(() => {
        // The entries of chunks that go must live on in the snapshot.
        if (this.#end.producersFrom !== null) {
          writeProducerSnapshot(this.#storage, this.#end.offset, this.producers.entries());
        }
        deleteSegmentsBelow(this.#storage, offset);
        persist(this);
      });
      this.#end = { ...this.#end, producersFrom: null, chunksSinceProducers: 0 };
    } catch (error) {
      this.#startOffset = before;
      throw error;
    }
  }

  /** Deletes rows wholly below the start, a bounded number; true when more are left. */
  deleteBelowStart(): boolean {
    if (this.#startOffset === this.#end.offset) this.#tail.clear();
    return (
      deleteChunksBelow(this.#storage, this.#startOffset, DELETED_CHUNKS_MAX) === DELETED_CHUNKS_MAX
    );
  }

  close(): void {
    this.#tail.clear();
  }

  #writeChunk(
    end: LogEnd,
    chunk: PlannedChunk,
    data: Uint8Array,
    leaderEpoch: number,
    highWatermark: number,
    nowMs: number,
  ): LogEnd {
    const at = this.#isSegmentFull(end, chunk.sizeBytes, nowMs)
      ? this.#closeSegment(end, nowMs)
      : end;
    // A segment begins with its first chunk, so that an idle log does not age it.
    const startedMs = at.segment.chunks === 0 ? nowMs : at.segment.startedMs;
    const segment = { ...at.segment, startedMs, chunks: at.segment.chunks + 1 };
    const hasProducers = chunk.producers.length > 0;
    const producersFrom = at.producersFrom ?? (hasProducers ? chunk.baseOffset : null);
    insertChunk(
      this.#storage,
      {
        base_offset: chunk.baseOffset,
        last_offset: chunk.lastOffset,
        leader_epoch: leaderEpoch,
        max_timestamp: chunk.maxTimestamp,
        position: at.position,
        size_bytes: chunk.sizeBytes,
        segment_base: segment.baseOffset,
        segment_position: segment.position,
        segment_started_ms: segment.startedMs,
        segment_chunks: segment.chunks,
        producers_from: producersFrom,
        producers: hasProducers ? JSON.stringify(chunk.producers) : null,
        high_watermark: highWatermark,
      },
      data,
    );
    return {
      offset: chunk.lastOffset + 1,
      position: at.position + chunk.sizeBytes,
      segment,
      producersFrom,
      chunksSinceProducers: producersFrom === null ? 0 : at.chunksSinceProducers + 1,
    };
  }

  #isSegmentFull({ segment, position }: LogEnd, sizeBytes: number, nowMs: number): boolean {
    if (segment.chunks === 0) return false;
    const config = this.#config();
    return (
      position - segment.position + sizeBytes > config["segment.bytes"] ||
      nowMs - segment.startedMs >= config["segment.ms"] ||
      segment.chunks >= SEGMENT_CHUNKS_MAX
    );
  }

  #closeSegment(end: LogEnd, nowMs: number): LogEnd {
    const { segment } = end;
    insertSegment(this.#storage, {
      base_offset: segment.baseOffset,
      last_offset: end.offset - 1,
      position: segment.position,
      size_bytes: end.position - segment.position,
      max_timestamp: maxTimestampWithin(this.#storage, segment.baseOffset, end.offset - 1) ?? -1,
      closed_ms: nowMs,
    });
    return {
      ...end,
      segment: { baseOffset: end.offset, position: end.position, startedMs: nowMs, chunks: 0 },
    };
  }

  /** Bounds what waking up reads: the deltas since the snapshot. */
  #snapshotWhenDue(nowMs: number): void {
    const due = Math.max(SNAPSHOT_CHUNKS_MIN, this.producers.size * SNAPSHOT_CHUNKS_PER_PRODUCER);
    if (this.#end.producersFrom === null || this.#end.chunksSinceProducers < due) return;
    this.producers.expire(nowMs);
    writeProducerSnapshot(this.#storage, this.#end.offset, this.producers.entries());
    this.#end = { ...this.#end, producersFrom: null, chunksSinceProducers: 0 };
  }
}

function endAfter(last: ChunkFacts): LogEnd {
  return {
    offset: last.last_offset + 1,
    position: last.position + last.size_bytes,
    segment: {
      baseOffset: last.segment_base,
      position: last.segment_position,
      startedMs: last.segment_started_ms,
      chunks: last.segment_chunks,
    },
    producersFrom: last.producers_from,
    chunksSinceProducers: 0,
  };
}

function endOfEmpty({ emptyAt: { offset, position } }: ReplicaState): LogEnd {
  const segment = { baseOffset: offset, position, startedMs: 0, chunks: 0 };
  return { offset, position, segment, producersFrom: null, chunksSinceProducers: 0 };
}
