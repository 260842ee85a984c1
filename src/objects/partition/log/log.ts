/**
 * The log of one replica: chunks in storage, the active segment, what is known of producers, the
 * hot tail. A leader writes what flush.ts decided, a follower the leader's rows; both read pages,
 * delete from the start and cut off the end. It knows nothing of leaders, waiting or replies.
 *
 * Waking up is constant work: the last chunk's small columns tell the end, the position and the
 * active segment; producers come from their snapshot and the few chunks since.
 */
import type { EffectiveConfig } from "../../../base/config.ts";
import { joinBytes } from "../../../base/bytes.ts";
import { assert } from "../../../base/errors.ts";
import type { StoragePort } from "../../../base/ports.ts";
import { StorageFailure } from "../../../base/storage-failure.ts";
import { endOfEpoch } from "./epochs.ts";
import type { FlushPlan, PlannedChunk } from "../leader/flush.ts";
import {
  addChunk,
  closeSegment,
  cutEnd,
  endAfter,
  endOfEmpty,
  endOfShort,
  factsOf,
  isSegmentFull,
  type ActiveSegment,
  type LogEnd,
} from "./log-end.ts";
import { CorruptLog, Integrity } from "./integrity.ts";
import { chunkHolding, cutBelow, epochBefore } from "./log-gaps.ts";
import { copyChunks, readPage, verifyChunks } from "./log-reads.ts";
import type { LogPoint, ProducerBatch, ReplicatedChunk } from "../../contracts/replication.ts";
import {
  parseProducers,
  producersBelow,
  recoverProducers,
  snapshotProducers,
  writeProducerSnapshot,
} from "./producer-snapshot.ts";
import { ProducerStates } from "./producers.ts";
import {
  allSegments,
  chunkBaseAtOrBelow,
  chunksWithin,
  deleteChunksBelow,
  deleteChunksFrom,
  deleteSegmentsBelow,
  deleteSegmentsFrom,
  firstChunk,
  positionOfChunk,
  lastChunk,
  type ChunkFacts,
  type ReplicaState,
} from "./tables.ts";
import { HotTail, type TailAccount } from "../reads/tail-memory.ts";

/** A snapshot of producers is due after so many chunks: what waking up reads beside the snapshot. */
const SNAPSHOT_CHUNKS_MIN = 64;
/** …or later where producers are many, since a snapshot rewrites all of them. */
const SNAPSHOT_CHUNKS_PER_PRODUCER = 1 / 8;
/** Chunks deleted in one go, so that an alarm stays short. */
const DELETED_CHUNKS_MAX = 1_000;

/** What a replica begins with that has nothing of what another still holds. */
export interface Beginning {
  readonly offset: number;
  readonly position: number;
  /** Idempotent batches below `offset` that are remembered still. */
  readonly producers: readonly ProducerBatch[];
}

/** Memory of a log that is replaced as a whole, or not at all. */
interface LogMemory {
  readonly startOffset: number;
  readonly end: LogEnd;
  readonly producers: ProducerStates;
}

export class Log {
  /** The high watermark that the last chunk's row tells of; the start offset where it tells of less. */
  readonly wokenHighWatermark: number;
  /** Rows were found missing when it woke up. */
  readonly wokeCorrupt: boolean;
  readonly #storage: StoragePort;
  readonly #config: () => EffectiveConfig;
  readonly #tail: HotTail;
  readonly #integrity = new Integrity();
  readonly #foundCorrupt: () => void;
  #memory: LogMemory;
  /** Chunks with or since the first that the snapshot of producers lacks, at most. */
  #chunksSinceProducers = 0;

  constructor(
    storage: StoragePort,
    state: ReplicaState,
    config: () => EffectiveConfig,
    account: TailAccount,
    foundCorrupt: () => void,
  ) {
    this.#foundCorrupt = foundCorrupt;
    this.#storage = storage;
    this.#config = config;
    this.#tail = new HotTail(account, () => config()["tail.memory.bytes"]);
    const startOffset = state.logStartOffset;
    const stored = lastChunk(storage);
    // Chunks below the start are as good as gone.
    const last = stored && stored.last_offset >= startOffset ? stored : null;
    const { emptyAt } = state;
    // Whatever cuts a log off writes the state row too: the log never ends before where that says.
    // rule: a-log-does-not-end-early
    const isShort = (last ? last.last_offset + 1 : startOffset) < emptyAt.offset;
    const end = isShort
      ? endOfShort(emptyAt, last, allSegments(storage).at(-1) ?? null)
      : last
        ? endAfter(last)
        : endOfEmpty(emptyAt);
    const producers = new ProducerStates(() => config()["producer.id.expiration.ms"]);
    this.#memory = { startOffset, end, producers };
    this.wokeCorrupt = !this.#recoverProducers() || isShort;
    this.wokenHighWatermark = Math.max(startOffset, stored?.high_watermark ?? 0);
    if (startOffset > end.offset) {
      throw new StorageFailure(
        "corrupt",
        `the log starts at ${startOffset} and ends at ${end.offset}`,
      );
    }
  }

  get startOffset(): number {
    return this.#memory.startOffset;
  }

  /** The offset that the next record gets. */
  get endOffset(): number {
    return this.#memory.end.offset;
  }

  /** Bytes of batches ever appended. */
  get endPosition(): number {
    return this.#memory.end.position;
  }

  /** Leader epoch of the last chunk, gone or not; -1 when none is known. */
  get lastEpoch(): number {
    return this.#memory.end.leaderEpoch;
  }

  get segment(): ActiveSegment {
    return this.#memory.end.segment;
  }

  get producers(): ProducerStates {
    return this.#memory.producers;
  }

  /** Bytes of batches in storage, those below the start in a chunk that reaches above it included. */
  get sizeBytes(): number {
    const first = firstChunk(this.#storage);
    return first ? this.endPosition - first.position : 0;
  }

  point(): LogPoint {
    return { offset: this.endOffset, leaderEpoch: this.lastEpoch };
  }

  /** See {@link endOfEpoch}. */
  endOfEpoch(epoch: number): LogPoint {
    return this.#reading(this.startOffset, () => endOfEpoch(this.#storage, this, epoch));
  }

  /** See {@link epochBefore}. */
  epochBefore(offset: number): number {
    return this.#reading(offset, () => epochBefore(this.#storage, this, offset));
  }

  /** Bytes of batches before the chunk that begins at `offset`, or before the end; null between them. */
  positionAt(offset: number): number | null {
    return offset === this.endOffset ? this.endPosition : positionOfChunk(this.#storage, offset);
  }

  /** Base offset of the chunk that holds the log start; the end where the log is empty. */
  get beginOffset(): number {
    return this.#first()?.base_offset ?? this.endOffset;
  }

  /** Where whoever has nothing of this log begins: at {@link beginOffset}. */
  beginning(): Beginning {
    const { end } = this.#memory;
    const first = this.#first();
    const offset = first?.base_offset ?? end.offset;
    const position = first?.position ?? end.position;
    return { offset, position, producers: producersBelow(this.#storage, offset) };
  }

  /**
   * Writes a flush: one row a chunk, and where a segment or the producers' deltas have grown to
   * their bound, the rows that close them. All or nothing; throws what storage throws.
   */
  write(plan: FlushPlan, leaderEpoch: number, highWatermark: number, nowMs: number): void {
    this.#snapshotWhenDue(highWatermark, nowMs);
    const rolls = (end: LogEnd, { sizeBytes }: PlannedChunk): boolean =>
      isSegmentFull(end, sizeBytes, this.#config(), nowMs);
    const add = (at: LogEnd, chunk: PlannedChunk): [LogEnd, ReplicatedChunk] => {
      const end = rolls(at, chunk) ? closeSegment(this.#storage, at, nowMs) : at;
      const row = { facts: factsOf(chunk, end, leaderEpoch, nowMs), data: joinBytes(chunk.parts) };
      return [addChunk(this.#storage, end, row, highWatermark), row];
    };
    this.#append(plan.chunks, rolls, add);
    assert(this.endOffset === plan.endOffset, "a flush ends where it was planned to");
    const { producers } = this.#memory;
    for (const chunk of plan.chunks) chunk.producers.forEach((batch) => producers.apply(batch));
  }

  /** See {@link copyChunks}. */
  copyChunks(from: number, maxBytes: number): readonly ReplicatedChunk[] {
    return this.#reading(from, () =>
      copyChunks(this.#storage, this.#tail, this.#integrity, from, this.endOffset, maxBytes),
    );
  }

  /**
   * Writes a leader's chunks at the end. Segments close where the leader's did, by the facts that
   * the chunks carry. All or nothing; throws what storage throws.
   */
  appendCopies(chunks: readonly ReplicatedChunk[], highWatermark: number): void {
    const last = chunks.at(-1);
    if (!last) return;
    this.#snapshotWhenDue(highWatermark, last.facts.segment_started_ms);
    const rolls = ({ segment }: LogEnd, { facts }: ReplicatedChunk): boolean =>
      segment.chunks > 0 && segment.baseOffset !== facts.segment_base;
    const add = (at: LogEnd, chunk: ReplicatedChunk): [LogEnd, ReplicatedChunk] => {
      const { facts } = chunk;
      // The leader closed its segment when it wrote the next one's first chunk.
      const end = rolls(at, chunk) ? closeSegment(this.#storage, at, facts.segment_started_ms) : at;
      const known = Math.min(highWatermark, facts.last_offset + 1);
      return [addChunk(this.#storage, end, chunk, known), chunk];
    };
    this.#append(chunks, rolls, add);
    const { producers } = this.#memory;
    for (const { facts } of chunks) {
      for (const batch of parseProducers(facts.producers)) producers.apply(batch);
    }
  }

  /** See {@link readPage}. */
  read(offset: number, below: number, maxBytes: number): Uint8Array {
    return this.#reading(offset, () =>
      readPage(this.#storage, this.#tail, this.#integrity, offset, below, maxBytes),
    );
  }

  /** See {@link verifyChunks}. */
  verify(from: number, maxBytes: number): number {
    return this.#reading(from, () =>
      verifyChunks(this.#storage, this.#integrity, from, this.endOffset, maxBytes),
    );
  }

  /** Tells of what was found corrupt, then throws {@link CorruptLog}. */
  #reading<T>(offset: number, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof StorageFailure) || error.kind !== "corrupt") throw error;
      this.#foundCorrupt();
      if (error instanceof CorruptLog) throw error;
      throw new CorruptLog(offset, offset, "the database is damaged there");
    }
  }

  /** One stored chunk's batches. */
  chunkData(baseOffset: number): Uint8Array {
    return this.#reading(baseOffset, () => {
      const chunk = chunksWithin(this.#storage, baseOffset, baseOffset)[0];
      assert(chunk, "a chunk that was found is read");
      this.#integrity.check(chunk.facts, chunk.data);
      return chunk.data;
    });
  }

  /**
   * Raises the start offset; `persist` writes the replica's state row. At the end of the log, the
   * next chunk begins a segment. The rows below go in steps: see {@link deleteBelowStart}.
   */
  raiseStart(offset: number, persist: (log: Log) => void): void {
    const { startOffset, end } = this.#memory;
    assert(offset > startOffset && offset <= end.offset, "the start moves up within the log");
    const isEmpty = offset === end.offset;
    const raised = isEmpty ? endOfEmpty(end) : end;
    this.#replace({ ...this.#memory, startOffset: offset, end: raised }, () => {
      // The entries of chunks that go must live on in the snapshot.
      if (end.producersFrom !== null && end.producersFrom < offset) this.#snapshot(offset, 0);
      deleteSegmentsBelow(this.#storage, offset);
      persist(this);
    });
  }

  /** Deletes rows wholly below the start, a bounded number; true when more are left. */
  deleteBelowStart(): boolean {
    const { startOffset } = this;
    if (startOffset === this.endOffset) this.#tail.clear();
    return deleteChunksBelow(this.#storage, startOffset, DELETED_CHUNKS_MAX) === DELETED_CHUNKS_MAX;
  }

  /**
   * Cuts the log off at `offset`; a chunk that reaches over it goes whole. What is known of producers
   * is what is left tells of. `persist` writes the replica's state row: the log may be empty after.
   */
  truncate(offset: number, persist: (log: Log) => void): void {
    const { startOffset, end, producers } = this.#memory;
    assert(offset >= 0 && offset <= end.offset, "a log is cut off within");
    if (offset === end.offset) return;
    const storage = this.#storage;
    const cut = this.#reading(offset, () => cutBelow(storage, this, offset));
    const start = Math.min(startOffset, cut);
    const next = cutEnd(storage, cut, start, end.position);
    // rule: truncation-forgets-producers
    const states = producers.fresh();
    this.#replace({ startOffset: start, end: next, producers: states }, () => {
      deleteChunksFrom(storage, cut);
      // The segment that the end lies in has no row yet again.
      deleteSegmentsFrom(storage, start < cut ? next.segment.baseOffset : 0);
      // rule: truncation-recovers-producers
      if (!this.#recoverProducers()) this.#foundCorrupt();
      persist(this);
    });
    this.#tail.truncate(cut);
    this.#integrity.forget();
  }

  /**
   * Gives up everything and begins anew as an empty log, with what another replica knows of
   * producers. The rows below go in steps: see {@link deleteBelowStart}.
   */
  begin({ offset, position, producers }: Beginning, persist: (log: Log) => void): void {
    // rule: a-new-beginning-forgets-producers
    const states = this.producers.fresh();
    for (const batch of producers) states.apply(batch);
    const end = endOfEmpty({ offset, position, leaderEpoch: -1 });
    this.#replace({ startOffset: offset, end, producers: states }, () => {
      // The chunk that ends here, too: it is not known to be the leader's, and nothing may take it for that.
      deleteChunksFrom(this.#storage, chunkBaseAtOrBelow(this.#storage, offset - 1) ?? offset);
      deleteSegmentsFrom(this.#storage, 0);
      writeProducerSnapshot(this.#storage, offset, states.entries());
      persist(this);
    });
    this.#tail.clear();
    this.#integrity.forget();
  }

  close(): void {
    this.#tail.clear();
  }

  #first(): ChunkFacts | null {
    const { startOffset, endOffset } = this;
    if (startOffset === endOffset) return null;
    return this.#reading(startOffset, () => chunkHolding(this.#storage, this, startOffset));
  }

  /** Folds into the empty state of memory what storage tells of producers; false where rows are missing. */
  #recoverProducers(): boolean {
    const { startOffset, end, producers } = this.#memory;
    const recovered = recoverProducers(this.#storage, startOffset, end, producers);
    this.#chunksSinceProducers = recovered.chunks;
    this.#memory = { ...this.#memory, end: { ...end, producersFrom: recovered.producersFrom } };
    return recovered.isWhole;
  }

  /** Takes up `next` if the rows that tell of it are written. */
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

  #append<T>(
    chunks: readonly T[],
    rolls: (end: LogEnd, chunk: T) => boolean,
    add: (end: LogEnd, chunk: T) => [LogEnd, ReplicatedChunk],
  ): void {
    const rows: ReplicatedChunk[] = [];
    const write = (): LogEnd => {
      let at = this.#memory.end;
      for (const chunk of chunks) {
        const [end, row] = add(at, chunk);
        at = end;
        rows.push(row);
      }
      return at;
    };
    // One statement is a transaction already, and most writes are one.
    const isOneRow = chunks.length === 1 && !rolls(this.#memory.end, chunks[0]!);
    const end = isOneRow ? write() : this.#storage.transaction(write);
    this.#memory = { ...this.#memory, end };
    if (end.producersFrom !== null) this.#chunksSinceProducers += rows.length;
    for (const row of rows) this.#tail.push(row);
  }

  /** Bounds what waking up reads: the deltas since the snapshot. */
  #snapshotWhenDue(highWatermark: number, nowMs: number): void {
    const { producers, end } = this.#memory;
    const due = Math.max(SNAPSHOT_CHUNKS_MIN, producers.size * SNAPSHOT_CHUNKS_PER_PRODUCER);
    if (end.producersFrom === null || this.#chunksSinceProducers < due) return;
    producers.expire(nowMs);
    this.#storage.transaction(() => this.#snapshot(highWatermark, nowMs));
    // Where the high watermark stands still, it is not tried again at every write.
    this.#chunksSinceProducers = 0;
  }

  #snapshot(committed: number, nowMs: number): void {
    const { end, producers } = this.#memory;
    const snapshot = snapshotProducers(this.#storage, end, producers, committed, nowMs);
    const { producersFrom } = snapshot;
    this.#memory = { ...this.#memory, end: { ...end, producersFrom } };
    if (!snapshot.isWhole) this.#foundCorrupt();
  }
}
