/**
 * A log and its copy over real storage, without replicas around them, beside a model of what the original should hold: for
 * log-copies.test.ts.
 */
import { expect } from "vitest";
import { effectiveConfig } from "../../../src/base/config.ts";
import { planFlush } from "../../../src/objects/partition/leader/flush.ts";
import { Log } from "../../../src/objects/partition/log/log.ts";
import type { LogPoint, ProducerBatch } from "../../../src/objects/contracts/replication.ts";
import {
  allSegments,
  createTables,
  readReplicaState,
  writeReplicaState,
} from "../../../src/objects/partition/log/tables.ts";
import { TailBudget } from "../../../src/objects/partition/reads/tail-memory.ts";
import { INT_MAX } from "../../../src/base/limits.ts";
import { splitBatches } from "../../../src/records/index.ts";
import { batchOf } from "../../support/replica.ts";
import { SqliteStorage } from "../../support/sqlite-storage.ts";
import type { ReplicaAssignment } from "../../../src/objects/contracts/assignment.ts";

const ASSIGNMENT = {} as ReplicaAssignment;
const CONFIG = { "segment.bytes": "1024" };

/** One replica's log, without a replica around it. */
export class LoneLog {
  storage = new SqliteStorage();
  log: Log;
  readonly #tailBytes: number;

  constructor(tailBytes: number) {
    this.#tailBytes = tailBytes;
    createTables(this.storage);
    writeReplicaState(this.storage, {
      version: 1,
      assignment: ASSIGNMENT,
      logStartOffset: 0,
      emptyAt: { offset: 0, position: 0, leaderEpoch: -1 },
    });
    this.log = this.#wake();
  }

  readonly persist = (log: Log): void =>
    writeReplicaState(this.storage, {
      version: 1,
      assignment: ASSIGNMENT,
      logStartOffset: log.logStartOffset,
      emptyAt: { offset: log.endOffset, position: log.endPosition, leaderEpoch: log.lastEpoch },
    });

  restart(): void {
    const { endOffset, endPosition, lastEpoch, segment } = this.log;
    this.storage = this.storage.reopen();
    this.log = this.#wake();
    expect(this.log).toMatchObject({ endOffset, endPosition, lastEpoch, segment });
  }

  /** @param token the fencing token that the append sets */
  write(
    batch: Uint8Array,
    epoch: number,
    highWatermark: number,
    nowMs: number,
    token?: string,
  ): void {
    const split = splitBatches(batch);
    if (!split.ok) throw new Error(split.error);
    const append = {
      bytes: batch,
      headers: split.batches,
      sparseSequences: true,
      acks: 1 as const,
      unlessRepeated: null,
      expectedOffset: null,
      fencing: token === undefined ? null : { next: token },
    };
    const { endOffset, producers, fencing } = this.log;
    const config = effectiveConfig(CONFIG);
    const state = { endOffset, leaderEpoch: epoch, producers, fencing };
    const plan = planFlush([append], { ...state, config, nowMs, inSync: 1 });
    this.log.write(plan, epoch, highWatermark, nowMs);
  }

  /** Chunks at or above the log start, without the columns that are each replica's own. */
  chunks(): Record<string, unknown>[] {
    return this.storage
      .all(
        "SELECT * FROM chunks WHERE last_offset >= ? ORDER BY base_offset",
        this.log.logStartOffset,
      )
      .map(({ producers_from: _from, high_watermark: _known, data, ...copied }) => {
        return { ...copied, data: Buffer.from(data as ArrayBuffer).toString("hex") };
      });
  }

  #wake(): Log {
    const state = readReplicaState(this.storage)!;
    const config = effectiveConfig(
      {
        ...CONFIG,
      },
      { "tail.memory.bytes": String(this.#tailBytes) },
    );
    const foundCorrupt = (): never => {
      throw new Error("rows that were deleted, or never written, are taken for lost ones");
    };
    const log = new Log(this.storage, state, () => config, new TailBudget(1_000_000), foundCorrupt);
    expect(log.isRecoveredCorrupt).toBe(false);
    return log;
  }
}

interface ModelChunk {
  readonly base: number;
  readonly end: number;
  readonly epoch: number;
  readonly entries: readonly ProducerBatch[];
  readonly token: string | undefined;
}

/** The last five batches of each producer's last epoch, by a scan of all of them. */
function foldOf(chunks: readonly ModelChunk[]): ProducerBatch[] {
  const all = chunks.flatMap((chunk) => chunk.entries);
  return [1, 2, 3].flatMap((id) => {
    const own = all.filter((entry) => entry[0] === id);
    const older = own.findLastIndex((entry) => entry[1] !== own.at(-1)![1]);
    return own.slice(older + 1).slice(-5);
  });
}

function endByScan(chunks: readonly ModelChunk[], log: Log, epoch: number): LogPoint {
  const held = chunks.filter((chunk) => chunk.end > log.logStartOffset);
  if (held.length === 0) {
    return epoch >= log.lastEpoch ? log.point() : { offset: log.logStartOffset, leaderEpoch: -1 };
  }
  const last = held.findLast((chunk) => chunk.epoch <= epoch);
  return last
    ? { offset: last.end, leaderEpoch: last.epoch }
    : { offset: held[0]!.base, leaderEpoch: -1 };
}

const byProducer = (entries: readonly ProducerBatch[]): ProducerBatch[] =>
  entries.toSorted((a, b) => a[0] - b[0] || a[4] - b[4]);

/** Two logs, what is committed, and what the first one should hold. */
export class LogPair {
  readonly leader: LoneLog;
  readonly follower: LoneLog;
  chunks: ModelChunk[] = [];
  highWatermark = 0;
  #epoch = 0;
  #nowMs = 1_700_000_000_000;

  constructor(tailBytes: number) {
    this.leader = new LoneLog(tailBytes);
    this.follower = new LoneLog(tailBytes);
  }

  write(id: number, count: number, bump: boolean, padding: number, token?: string): void {
    const { log } = this.leader;
    this.#nowMs += 7;
    const own = this.chunks.flatMap((chunk) => chunk.entries).filter((entry) => entry[0] === id);
    const last = own.at(-1);
    const epoch = last ? last[1] + (bump ? 1 : 0) : 0;
    const sequence = last && !bump ? last[2] + last[3] : 0;
    const fields = { producerId: id, producerEpoch: epoch, baseSequence: sequence };
    const values = Array.from({ length: count }, () => "x".repeat(padding));
    const base = log.endOffset;
    const batch = batchOf(values, this.#nowMs, id === 0 ? {} : fields);
    this.leader.write(batch, this.#epoch, this.highWatermark, this.#nowMs, token);
    const entry: ProducerBatch = [id, epoch, sequence, count, base, this.#nowMs];
    const entries = id === 0 ? [] : [entry];
    this.chunks.push({ base, end: log.endOffset, epoch: this.#epoch, entries, token });
  }

  copy(maxBytes: number): void {
    const { log } = this.follower;
    const page = this.leader.log.reader.copyChunks(log.endOffset, maxBytes);
    expect(page.length > 0).toBe(log.endOffset < this.leader.log.endOffset);
    const bytes = page.reduce((sum, { facts }) => sum + facts.size_bytes, 0);
    expect(page.length <= 1 || bytes <= maxBytes).toBe(true);
    log.appendCopies(page, this.highWatermark);
  }

  commit(): void {
    this.highWatermark = Math.max(this.highWatermark, this.follower.log.endOffset);
  }

  /** Begins another epoch, whose leader lacks everything above some point at or above the high watermark. */
  elect(share: number): void {
    const points = [...this.chunks.map((chunk) => chunk.base), this.leader.log.endOffset].filter(
      (point) => point >= this.highWatermark,
    );
    const point = points[Math.floor(share * points.length)]!;
    for (const { log, persist } of [this.leader, this.follower]) {
      log.truncate(Math.min(point, log.endOffset), persist);
    }
    this.chunks = this.chunks.filter((chunk) => chunk.base < point);
    this.#epoch += 1;
  }

  raise(share: number): void {
    const offset = Math.floor(share * (this.highWatermark + 1));
    for (const { log, persist } of [this.leader, this.follower]) {
      if (offset <= log.logStartOffset) continue;
      log.raiseStart(offset, persist);
      while (log.deleteBelowStart());
    }
  }

  /** The follower loses its storage. */
  reset(): void {
    const beginning = this.leader.log.beginning();
    this.follower.log.truncateFullyAndStartAt(beginning, this.follower.persist);
    while (this.follower.log.deleteBelowStart());
    while (this.follower.log.endOffset < this.leader.log.endOffset) this.copy(1_000_000);
    if (this.leader.log.logStartOffset > this.follower.log.logStartOffset) {
      this.follower.log.raiseStart(this.leader.log.logStartOffset, this.follower.persist);
      while (this.follower.log.deleteBelowStart());
    }
  }

  check(): void {
    for (const { log, storage } of [this.leader, this.follower]) {
      const held = this.chunks.filter((chunk) => chunk.end <= log.endOffset);
      expect(byProducer(log.producers.entries())).toEqual(foldOf(held));
      const token = held.findLast((chunk) => chunk.token !== undefined)?.token ?? "";
      expect([log.fencing.token, log.fencing.below(INT_MAX)?.token ?? ""]).toEqual([token, token]);
      for (let epoch = -1; epoch <= this.#epoch + 1; epoch++) {
        expect(log.reader.endOfEpoch(epoch)).toEqual(endByScan(held, log, epoch));
      }
      // The active segment has no row; the closed ones adjoin it and each other.
      const ends = allSegments(storage).map((segment) => segment.last_offset + 1);
      const begins = allSegments(storage).map((segment) => segment.base_offset);
      expect([...begins.slice(1), log.segment.baseOffset].slice(-ends.length)).toEqual(
        ends.length > 0 ? ends : [log.segment.baseOffset],
      );
    }
    const original = this.leader.chunks();
    const copy = this.follower.chunks();
    expect(copy).toEqual(original.slice(0, copy.length));
    const { logStartOffset: startOffset, endOffset } = this.follower.log;
    expect(this.follower.log.reader.page(startOffset, endOffset, 1_000_000)).toEqual(
      this.leader.log.reader.page(startOffset, endOffset, 1_000_000),
    );
  }
}
