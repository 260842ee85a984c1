/**
 * The log of one replica: the chunks in storage, the active segment, the state of idempotent producers, the newest
 * chunks in memory. A leader writes the flushes that flush.ts has planned, a follower the rows of its leader; both
 * delete from the start and truncate at the end. Reading is log-reader.ts. Knows nothing of roles or of who waits.
 *
 * Waking up is constant work, whatever the size of the log: the small columns of the last chunk give the end, the
 * position and the active segment; producers come from their snapshot and the few chunks since.
 */
import type { EffectiveConfig } from "../../../base/config.ts";
import { assert } from "../../../base/errors.ts";
import type { StoragePort } from "../../../base/ports.ts";
import { StorageFailure } from "../../../base/storage-failure.ts";
import type { LogPoint, ReplicatedChunk } from "../../contracts/replication.ts";
import type { FlushPlan } from "../leader/flush.ts";
import { HotTail, type TailBudget } from "../reads/tail-memory.ts";
import { Integrity } from "./integrity.ts";
import { Fencing } from "./fencing.ts";
import { copiedChunkWriter, plannedChunkWriter, type ChunkWriter } from "./chunk-writers.ts";
import {
  endOfEmpty,
  recoveredEnd,
  truncatedEnd,
  type ActiveSegment,
  type LogEnd,
} from "./log-end.ts";
import { LogReader } from "./log-reader.ts";
import { cutBelow } from "./missing-chunks.ts";
import {
  parseProducers,
  producersBelow,
  recoverProducers,
  snapshotProducers,
  writeProducerSnapshot,
} from "./producer-snapshot.ts";
import { ProducerStates } from "./producers.ts";
import { startingAt, type Beginning, type LogStarts } from "./starts.ts";
import {
  chunkBaseAtOrBelow,
  deleteChunksBelow,
  deleteChunksFrom,
  deleteSegmentsBelow,
  deleteSegmentsFrom,
  firstChunk,
  type ReplicaState,
} from "./tables.ts";

/** A snapshot of producers is due after so many chunks: what waking up reads in addition to the snapshot. */
const SNAPSHOT_CHUNKS_MIN = 64;
/** With many producers it is due later, since a snapshot rewrites the state of all of them. */
const SNAPSHOT_CHUNKS_PER_PRODUCER = 1 / 8;
/** Chunks that are deleted in one step, so that an alarm stays short. */
const DELETED_CHUNKS_MAX = 1_000;

/** The state of a log in memory. It is replaced as a whole, or not at all. */
interface LogMemory extends LogStarts {
  readonly end: LogEnd;
  readonly producers: ProducerStates;
}

export class Log {
  readonly reader: LogReader;
  readonly fencing: Fencing;
  /** The high watermark that the last chunk's row remembers, or the local start if that is higher. */
  readonly recoveredHighWatermark: number;
  /** Rows were found to be missing when the log was opened. */
  readonly isRecoveredCorrupt: boolean;
  readonly #storage: StoragePort;
  readonly #config: () => EffectiveConfig;
  readonly #tail: HotTail;
  readonly #integrity = new Integrity();
  readonly #foundCorrupt: () => void;
  #memory: LogMemory;
  /** At most so many chunks have entries of producers that the snapshot lacks. */
  #chunksSinceSnapshot = 0;

  /** @param foundCorrupt called when something stored is found not to be what was written */
  constructor(
    storage: StoragePort,
    state: ReplicaState,
    config: () => EffectiveConfig,
    budget: TailBudget,
    foundCorrupt: () => void,
  ) {
    this.#foundCorrupt = foundCorrupt;
    this.#storage = storage;
    this.#config = config;
    this.#tail = new HotTail(budget, () => config()["tail.memory.bytes"]);
    this.fencing = new Fencing(storage);
    this.reader = new LogReader(this, storage, this.#tail, this.#integrity, foundCorrupt);
    const starts = startingAt(state.logStartOffset);
    const { localStartOffset } = starts;
    const { end, highWatermark, isShort } = recoveredEnd(storage, state, localStartOffset);
    const producers = new ProducerStates(() => config()["producer.id.expiration.ms"]);
    this.#memory = { ...starts, end, producers };
    this.isRecoveredCorrupt = !this.#recoverProducers() || isShort;
    this.recoveredHighWatermark = Math.max(localStartOffset, highWatermark);
    if (localStartOffset > end.offset) {
      throw new StorageFailure(
        "corrupt",
        `the log starts at ${localStartOffset} and ends at ${end.offset}`,
      );
    }
  }

  /** The first offset that a reader may ask for. */
  get logStartOffset(): number {
    return this.#memory.logStartOffset;
  }

  /** The first offset that this replica stores itself: see {@link LogStarts}. */
  get localStartOffset(): number {
    return this.#memory.localStartOffset;
  }

  /** The log end offset: the offset that the next record gets. */
  get endOffset(): number {
    return this.#memory.end.offset;
  }

  /** Bytes of batches ever appended. */
  get endPosition(): number {
    return this.#memory.end.position;
  }

  /** Leader epoch of the last chunk, deleted or not; -1 if none is known. */
  get lastEpoch(): number {
    return this.#memory.end.leaderEpoch;
  }

  get segment(): ActiveSegment {
    return this.#memory.end.segment;
  }

  get producers(): ProducerStates {
    return this.#memory.producers;
  }

  /** Bytes of batches in storage; a chunk that reaches over the local start counts as a whole. */
  get sizeBytes(): number {
    const first = firstChunk(this.#storage);
    return first ? this.endPosition - first.position : 0;
  }

  /** The end of the log, as replicas compare it. */
  point(): LogPoint {
    return { offset: this.endOffset, leaderEpoch: this.lastEpoch };
  }

  /** Where a replica begins that holds nothing of this log: at the first chunk. */
  beginning(): Beginning {
    const { end } = this.#memory;
    const first = this.reader.firstChunk();
    const offset = first?.base_offset ?? end.offset;
    const position = first?.position ?? end.position;
    const producers = producersBelow(this.#storage, offset);
    const fencing = this.fencing.below(offset);
    return { offset, position, producers, ...(fencing && { fencing }) };
  }

  /**
   * Writes a flush: one row for each chunk, and where a segment is full or a snapshot of producers is due, the rows of
   * these. All or nothing; throws what storage throws.
   *
   * @param highWatermark as the replica knows it now: kept in the row
   */
  write(plan: FlushPlan, leaderEpoch: number, highWatermark: number, nowMs: number): void {
    this.#snapshotWhenDue(highWatermark, nowMs);
    const config = this.#config();
    this.#append(
      plan.chunks,
      plannedChunkWriter(this.#storage, config, leaderEpoch, highWatermark, nowMs),
    );
    assert(this.endOffset === plan.endOffset, "a flush ends where it was planned to");
    const { producers } = this.#memory;
    for (const chunk of plan.chunks) chunk.producers.forEach((batch) => producers.apply(batch));
  }

  /**
   * Writes chunks of the leader at the end. Segments are closed where the leader closed them, by the facts that the
   * chunks carry. All or nothing; throws what storage throws.
   */
  appendCopies(chunks: readonly ReplicatedChunk[], highWatermark: number): void {
    const last = chunks.at(-1);
    if (!last) return;
    this.#snapshotWhenDue(highWatermark, last.facts.segment_started_ms);
    this.#append(chunks, copiedChunkWriter(this.#storage, highWatermark));
    const { producers } = this.#memory;
    for (const { facts } of chunks) {
      for (const batch of parseProducers(facts.producers)) producers.apply(batch);
    }
  }

  /**
   * Raises the log start. At the end of the log, the next chunk begins a segment. The rows below are deleted in steps:
   * see {@link deleteBelowStart}.
   *
   * @param persist writes the replica's state row, in the same transaction
   */
  raiseStart(offset: number, persist: (log: Log) => void): void {
    const { logStartOffset, localStartOffset, end } = this.#memory;
    assert(offset > logStartOffset && offset <= end.offset, "the start rises within the log");
    const isEmpty = offset === end.offset;
    const raised = isEmpty ? endOfEmpty(end) : end;
    this.#replace({ ...this.#memory, ...startingAt(offset), end: raised }, () => {
      // The snapshot takes over the producers' entries of the chunks that are deleted.
      if (end.producersFrom !== null && end.producersFrom < offset) {
        this.#snapshot(offset, 0, localStartOffset);
      }
      deleteSegmentsBelow(this.#storage, offset);
      persist(this);
    });
  }

  /** Deletes rows that lie wholly below the local start, a bounded number; true if more are left. */
  deleteBelowStart(): boolean {
    const { localStartOffset } = this;
    if (localStartOffset === this.endOffset) this.#tail.clear();
    const deleted = deleteChunksBelow(this.#storage, localStartOffset, DELETED_CHUNKS_MAX);
    return deleted === DELETED_CHUNKS_MAX;
  }

  /**
   * Truncates the log at `offset`; a chunk that reaches over it is deleted as a whole. The state of producers becomes
   * what the rest of the log tells.
   *
   * @param persist writes the replica's state row, in the same transaction: the log may be empty now
   */
  truncate(offset: number, persist: (log: Log) => void): void {
    const { logStartOffset, localStartOffset, end, producers } = this.#memory;
    assert(offset >= 0 && offset <= end.offset, "a log is truncated within its bounds");
    if (offset === end.offset) return;
    const storage = this.#storage;
    const cut = this.reader.noticing(offset, () => cutBelow(storage, this, offset));
    const starts = cut < localStartOffset ? startingAt(cut) : { logStartOffset, localStartOffset };
    const start = starts.localStartOffset;
    const next = truncatedEnd(storage, cut, start, end.position);
    // rule: truncation-forgets-producers
    const states = producers.fresh();
    this.#replace({ ...starts, end: next, producers: states }, () => {
      deleteChunksFrom(storage, cut);
      this.fencing.truncate(cut);
      // The segment that the log now ends in is the active one again, which has no row.
      deleteSegmentsFrom(storage, start < cut ? next.segment.baseOffset : 0);
      // rule: truncation-recovers-producers
      if (!this.#recoverProducers()) this.#foundCorrupt();
      persist(this);
    });
    this.#tail.truncate(cut);
    this.#integrity.forget();
  }

  /**
   * Gives up the whole log and starts as an empty one at another replica's beginning, with the producers that it
   * remembers. The rows below are deleted in steps: see {@link deleteBelowStart}.
   *
   * @param persist writes the replica's state row, in the same transaction
   */
  truncateFullyAndStartAt(
    { offset, position, producers, fencing }: Beginning,
    persist: (log: Log) => void,
  ): void {
    // rule: a-new-beginning-forgets-producers
    const states = this.producers.fresh();
    for (const batch of producers) states.apply(batch);
    const end = endOfEmpty({ offset, position, leaderEpoch: -1 });
    this.#replace({ ...startingAt(offset), end, producers: states }, () => {
      // Also the chunk that ends at `offset`: it may differ from the leader's, and must not be taken for it.
      deleteChunksFrom(this.#storage, chunkBaseAtOrBelow(this.#storage, offset - 1) ?? offset);
      deleteSegmentsFrom(this.#storage, 0);
      writeProducerSnapshot(this.#storage, offset, states.entries());
      this.fencing.beginWith(fencing ?? null);
      persist(this);
    });
    this.#tail.clear();
    this.#integrity.forget();
  }

  /** Releases memory: the replica's storage is about to be deleted. */
  close(): void {
    this.#tail.clear();
  }

  /** Folds what storage tells of producers into the empty state in memory; false if rows are missing. */
  #recoverProducers(): boolean {
    const { localStartOffset, end, producers } = this.#memory;
    const recovered = recoverProducers(this.#storage, localStartOffset, end, producers);
    this.#chunksSinceSnapshot = recovered.chunks;
    this.#memory = { ...this.#memory, end: { ...end, producersFrom: recovered.producersFrom } };
    return recovered.isWhole;
  }

  /** Replaces the memory and writes the rows that go with it; if writing fails, neither changes. */
  #replace(next: LogMemory, write: () => void): void {
    const before = this.#memory;
    this.#memory = next;
    try {
      this.#storage.transaction(write);
    } catch (error) {
      this.#memory = before;
      throw error;
    }
  }

  #append<T>(chunks: readonly T[], writer: ChunkWriter<T>): void {
    const rows: ReplicatedChunk[] = [];
    const write = (): LogEnd => {
      let at = this.#memory.end;
      for (const chunk of chunks) {
        const [end, row] = writer.write(at, chunk);
        at = end;
        rows.push(row);
      }
      return at;
    };
    // A single statement is atomic as it is, and most writes are one.
    const isOneRow = chunks.length === 1 && writer.isOneRow(this.#memory.end, chunks[0]!);
    const end = isOneRow ? write() : this.#storage.transaction(write);
    this.#memory = { ...this.#memory, end };
    if (end.producersFrom !== null) this.#chunksSinceSnapshot += rows.length;
    for (const row of rows) {
      this.#tail.push(row);
      const { fencing_token: token } = row.facts;
      if (token !== undefined) this.fencing.written(token);
    }
  }

  /** Bounds the chunks that waking up reads: those since the snapshot. */
  #snapshotWhenDue(highWatermark: number, nowMs: number): void {
    const { producers, end } = this.#memory;
    const due = Math.max(SNAPSHOT_CHUNKS_MIN, producers.size * SNAPSHOT_CHUNKS_PER_PRODUCER);
    if (end.producersFrom === null || this.#chunksSinceSnapshot < due) return;
    producers.expire(nowMs);
    this.#storage.transaction(() => this.#snapshot(highWatermark, nowMs));
    // Reset even if the high watermark allowed no snapshot: not every write tries again.
    this.#chunksSinceSnapshot = 0;
  }

  /** @param start the local start: chunks from there on are stored */
  #snapshot(committed: number, nowMs: number, start = this.#memory.localStartOffset): void {
    const { end, producers } = this.#memory;
    const snapshot = snapshotProducers(this.#storage, start, end, producers, committed, nowMs);
    const { producersFrom } = snapshot;
    this.#memory = { ...this.#memory, end: { ...end, producersFrom } };
    if (!snapshot.isWhole) this.#foundCorrupt();
  }
}
