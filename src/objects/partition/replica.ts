/**
 * A partition replica: takes appends, gathers them into flushes, answers reads, keeps retention.
 * The rules of the object, behind ports; the shell (object.ts) adapts storage, RPC and sockets.
 *
 * The way of an append: checked, admitted within the bytes that may be in flight, gathered; when no
 * flush is under way, all that has gathered is decided (flush.ts), persisted (log.ts), applied,
 * and answered once it is durable. Nothing is readable before it is durable.
 */
import { effectiveConfig, type EffectiveConfig } from "../../base/config.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import { CHUNK_BYTES_TARGET, FETCH_BYTES_MAX, FETCH_WAIT_MS_MAX } from "../../base/limits.ts";
import type { AlarmPort, ClockPort, StoragePort, TimerPort } from "../../base/ports.ts";
import { splitBatches } from "../../records/index.ts";
import {
  TAIL_CLOSE,
  type Appended,
  type AppendRequest,
  type Fetched,
  type FetchRequest,
  type ListedOffset,
  type LogEnds,
  type OffsetSpec,
  type ReplicaAssignment,
  type ReplicaDescription,
} from "./api.ts";
import { checkAppend, planFlush, type AppendOutcome, type GatheredAppend } from "./flush.ts";
import { Log } from "./log.ts";
import { offsetAfter } from "./page.ts";
import { decideRetention } from "./retention.ts";
import {
  allSegments,
  createTables,
  maxTimestampWithin,
  readReplicaState,
  writeReplicaState,
  type ReplicaState,
} from "./tables.ts";
import type { TailAccount } from "./tail-memory.ts";
import { Tails } from "./tails.ts";
import { offsetAtTime, offsetOfMaxTimestamp } from "./timestamps.ts";
import { Waiters } from "./waiters.ts";

export interface ReplicaPorts {
  readonly storage: StoragePort;
  readonly clock: ClockPort;
  readonly alarm: AlarmPort;
  readonly timers: TimerPort;
  readonly tailAccount: TailAccount;
  /** The service's settings, by their names in the config table. */
  readonly settings: Readonly<Record<string, string>>;
  /** When the alarm that survived the object's sleep is due; null for none. */
  readonly alarmAtMs: number | null;
  /** Storage and memory may disagree: the object must go and wake up anew. */
  readonly broken: (error: unknown) => void;
}

type Result<T> = T | Refusal;

interface PendingAppend extends GatheredAppend {
  readonly answer: (result: Result<Appended>) => void;
}

/** Looking for what retention lets go more often than this would cost more than it saves. */
const RETENTION_PAUSE_MS = 1_000;
/** A flush of fewer bytes than this waits a turn for more. */
const LITTLE_GATHERED_BYTES = 8_192;
/** The largest `Date` has 8.64e15 ms: an alarm beyond it is none. */
const ALARM_MS_MAX = 8_640_000_000_000_000;

interface WrittenFlush {
  /** One for each append, in their order. */
  readonly outcomes: readonly AppendOutcome[];
  /** Bytes of batches that were written. */
  readonly bytes: number;
}

export class Replica {
  readonly tails: Tails;
  readonly #ports: ReplicaPorts;
  readonly #waiters: Waiters;
  readonly #log: Log;
  #assignment: ReplicaAssignment;
  #config: EffectiveConfig;
  #highWatermark: number;
  #alarmAtMs: number | null;
  #isPurged = false;

  #gathered: PendingAppend[] = [];
  #isFlushing = false;
  #bytesInFlight = 0;
  #bytesInFlightPeak = 0;

  /** Wakes up; null for an object that was never assigned or was purged. */
  static wake(ports: ReplicaPorts): Replica | null {
    const state = readReplicaState(ports.storage);
    return state ? new Replica(ports, state) : null;
  }

  /** Makes the object a replica for the first time. */
  static create(ports: ReplicaPorts, assignment: ReplicaAssignment): Replica {
    const emptyAt = { offset: 0, position: 0 };
    const state = { version: 1, assignment, logStartOffset: 0, emptyAt } as const;
    ports.storage.transaction(() => {
      createTables(ports.storage);
      writeReplicaState(ports.storage, state);
    });
    return new Replica(ports, state);
  }

  private constructor(ports: ReplicaPorts, state: ReplicaState) {
    this.#ports = ports;
    this.#assignment = state.assignment;
    this.#config = effectiveConfig(state.assignment.configs, ports.settings);
    this.#log = new Log(ports.storage, state, () => this.#config, ports.tailAccount);
    // What storage holds when the object wakes up is durable.
    this.#highWatermark = this.#log.endOffset;
    this.#alarmAtMs = ports.alarmAtMs;
    this.#waiters = new Waiters(ports.timers);
    this.tails = new Tails({
      read: (offset, maxBytes) => this.#log.read(offset, this.#highWatermark, maxBytes),
      ends: () => this.#ends(),
      nowMs: () => ports.clock.nowMs(),
      windowBytes: () => this.#config["tail.window.bytes"],
    });
  }

  /** Takes up a newer assignment; an older or the same one changes nothing. */
  assign(assignment: ReplicaAssignment): void {
    if (assignment.partitionEpoch <= this.#assignment.partitionEpoch) return;
    const before = this.#assignment;
    this.#assignment = assignment;
    try {
      this.#persistState(this.#log);
    } catch (error) {
      this.#assignment = before;
      throw error;
    }
    this.#config = effectiveConfig(assignment.configs, this.#ports.settings);
    this.#waiters.release();
    this.#enforceRetention();
  }

  /**
   * Errors: those of {@link checkAppend} and of producers.ts; CORRUPT_MESSAGE;
   * LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER; NOT_ENOUGH_REPLICAS; THROTTLING_QUOTA_EXCEEDED
   * (bytes in flight); in all of them nothing was written. KAFKA_STORAGE_ERROR: unknown.
   */
  append(request: AppendRequest): Promise<Result<Appended>> {
    return this.receive(request.batches.byteLength, async () => request);
  }

  /**
   * As {@link append}, for a request of `bytes` that is still to be read: it is read only when it
   * is admitted, so that what waits is never in memory beyond the bound.
   */
  async receive(bytes: number, read: () => Promise<AppendRequest>): Promise<Result<Appended>> {
    // An append that alone exceeds the bound would be refused for ever: it may go alone.
    if (this.#bytesInFlight > 0 && this.#bytesInFlight + bytes > this.#config["queued.max.bytes"]) {
      return refuse("THROTTLING_QUOTA_EXCEEDED");
    }
    this.#bytesInFlight += bytes;
    this.#bytesInFlightPeak = Math.max(this.#bytesInFlightPeak, this.#bytesInFlight);
    try {
      return await this.#gather(await read());
    } finally {
      this.#bytesInFlight -= bytes;
    }
  }

  /** Errors: LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER, OFFSET_BELOW_LOG_START, OFFSET_OUT_OF_RANGE. */
  fetch(request: FetchRequest): Promise<Result<Fetched>> {
    const first = this.#read(request);
    const minBytes = Math.min(request.minBytes, request.maxBytes);
    const missing = minBytes - (first.ok ? first.batches.byteLength : Infinity);
    const waitMs = Math.min(request.maxWaitMs, FETCH_WAIT_MS_MAX);
    if (missing <= 0 || waitMs <= 0) return Promise.resolve(first);
    return new Promise((resolve) => {
      this.#waiters.wait(missing, waitMs, () => resolve(this.#read(request)));
    });
  }

  /** Errors: LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER. */
  listOffset(spec: OffsetSpec): Result<ListedOffset> {
    const refusal = this.#refusalToLead();
    if (refusal) return refusal;
    const { leaderEpoch } = this.#assignment;
    switch (spec.at) {
      case "earliest":
        return { ok: true, offset: this.#log.startOffset, timestampMs: -1, leaderEpoch };
      case "latest":
        return { ok: true, offset: this.#highWatermark, timestampMs: -1, leaderEpoch };
      default: {
        const { storage } = this.#ports;
        const found =
          spec.at === "timestamp"
            ? offsetAtTime(storage, this.#log, spec.timestampMs, this.#highWatermark)
            : offsetOfMaxTimestamp(storage, this.#log, this.#highWatermark);
        return { ok: true, ...(found ?? { offset: -1, timestampMs: -1, leaderEpoch }) };
      }
    }
  }

  /** Raises the log start offset; -1 stands for the high watermark. Errors: OFFSET_OUT_OF_RANGE. */
  deleteRecords(before: number): Result<{ readonly ok: true; readonly logStartOffset: number }> {
    const refusal = this.#refusalToLead();
    if (refusal) return refusal;
    const offset = before === -1 ? this.#highWatermark : before;
    if (offset < 0 || offset > this.#highWatermark) {
      return refuse("OFFSET_OUT_OF_RANGE", `The log ends at offset ${this.#highWatermark}.`);
    }
    // As in Kafka, an offset below the start is no error: what it asks for has happened.
    if (offset > this.#log.startOffset) this.#raiseStart(offset);
    return { ok: true, logStartOffset: this.#log.startOffset };
  }

  /** Why a tail may not begin at `offset`; null when it may. Errors: those of {@link fetch}. */
  refusalOfTail(offset: number): Refusal | null {
    return this.#refusalToRead(offset);
  }

  /** The alarm has gone off. */
  onAlarm(): void {
    this.#alarmAtMs = null;
    this.#enforceRetention();
  }

  /** Answers whoever waits and lets go of everything: the object's storage is about to end. */
  close(): void {
    this.#isPurged = true;
    for (const append of this.#gathered.splice(0)) {
      append.answer(refuse("UNKNOWN_TOPIC_OR_PARTITION"));
    }
    this.#waiters.release();
    this.tails.closeAll(TAIL_CLOSE.moved, "The partition is not here any more.");
    this.#log.close();
  }

  describe(): Omit<ReplicaDescription, "wakeRowsRead" | "rowsRead" | "rowsWritten"> {
    return {
      ok: true,
      ...this.#ends(),
      leaderEpoch: this.#assignment.leaderEpoch,
      partitionEpoch: this.#assignment.partitionEpoch,
      logEndOffset: this.#log.endOffset,
      logBytes: this.#log.sizeBytes,
      segments: allSegments(this.#ports.storage).length + (this.#log.segment.chunks > 0 ? 1 : 0),
      storageBytes: this.#ports.storage.sizeBytes(),
      producers: this.#log.producers.size,
      tails: this.tails.size,
      bytesInFlight: this.#bytesInFlight,
      bytesInFlightPeak: this.#bytesInFlightPeak,
    };
  }

  #ends(): LogEnds {
    return {
      logStartOffset: this.#log.startOffset,
      highWatermark: this.#highWatermark,
      lastStableOffset: this.#highWatermark,
    };
  }

  /** Checks an append and puts it among those that wait for the next flush. */
  #gather(request: AppendRequest): Result<Appended> | Promise<Result<Appended>> {
    const refusal = this.#refusalToLead() ?? this.#refusalOfAcks(request.acks);
    if (refusal) return refusal;
    const split = splitBatches(request.batches);
    if (!split.ok) return split;
    const append = {
      bytes: request.batches,
      headers: split.batches,
      sparseSequences: request.sparseSequences === true,
    };
    const refused = checkAppend(append, this.#config);
    if (refused) return refused;
    return new Promise((answer) => {
      this.#gathered.push({ ...append, answer });
      // Not awaited: every append has an answer of its own.
      if (!this.#isFlushing) void this.#flushAll();
    });
  }

  #refusalToLead(): Refusal | null {
    if (this.#isPurged) return refuse("UNKNOWN_TOPIC_OR_PARTITION");
    const { leader, brokerId } = this.#assignment;
    if (leader === brokerId) return null;
    return refuse(leader < 0 ? "LEADER_NOT_AVAILABLE" : "NOT_LEADER_OR_FOLLOWER");
  }

  #refusalOfAcks(acks: AppendRequest["acks"]): Refusal | null {
    if (acks !== -1) return null;
    const inSync = this.#assignment.inSync.length;
    const needed = this.#config["min.insync.replicas"];
    if (inSync >= needed) return null;
    return refuse(
      "NOT_ENOUGH_REPLICAS",
      `${inSync} in sync, min.insync.replicas is ${needed}; nothing was written.`,
    );
  }

  #refusalToRead(offset: number): Refusal | null {
    const refusal = this.#refusalToLead();
    if (refusal) return refusal;
    const { startOffset, endOffset } = this.#log;
    if (offset < startOffset) {
      return refuse(
        "OFFSET_BELOW_LOG_START",
        `Offset ${offset} is below the log start: the log holds ${startOffset} to ${endOffset}.`,
      );
    }
    if (offset > endOffset) {
      return refuse(
        "OFFSET_OUT_OF_RANGE",
        `Offset ${offset} is past the end: the log holds ${startOffset} to ${endOffset}.`,
      );
    }
    return null;
  }

  #read(request: FetchRequest): Result<Fetched> {
    const refusal = this.#refusalToRead(request.offset);
    if (refusal) return refusal;
    const maxBytes = Math.min(request.maxBytes, FETCH_BYTES_MAX);
    const batches = this.#log.read(request.offset, this.#highWatermark, maxBytes);
    const nextOffset = batches.length === 0 ? request.offset : offsetAfter(batches);
    const { partitionEpoch } = this.#assignment;
    return { ok: true, batches, nextOffset, partitionEpoch, ...this.#ends() };
  }

  async #flushAll(): Promise<void> {
    this.#isFlushing = true;
    try {
      while (this.#gathered.length > 0 && !this.#isPurged) {
        await this.#flush(this.#takeGathered());
        // One more turn of the event loop where little has arrived yet: a row costs the same
        // whatever it holds, and appends that come at once are delivered one a turn.
        if (this.#isLittleGathered()) await this.#ports.storage.sync();
      }
    } catch (error) {
      for (const append of this.#gathered.splice(0)) append.answer(refuse("KAFKA_STORAGE_ERROR"));
      this.#ports.broken(error);
    } finally {
      this.#isFlushing = false;
    }
  }

  #isLittleGathered(): boolean {
    let bytes = 0;
    for (const append of this.#gathered) bytes += append.bytes.byteLength;
    return bytes > 0 && bytes < LITTLE_GATHERED_BYTES;
  }

  /** What goes into the next flush: about a chunk's target, at least one append. */
  #takeGathered(): PendingAppend[] {
    let bytes = 0;
    let count = 0;
    for (const append of this.#gathered) {
      bytes += append.bytes.byteLength;
      if (count > 0 && bytes > CHUNK_BYTES_TARGET) break;
      count += 1;
    }
    return this.#gathered.splice(0, count);
  }

  async #flush(appends: readonly PendingAppend[]): Promise<void> {
    const written = this.#write(appends);
    try {
      await this.#ports.storage.sync();
    } catch (error) {
      for (const append of appends) append.answer(refuse("KAFKA_STORAGE_ERROR"));
      throw error;
    }
    this.#advanceHighWatermark(written.bytes);
    appends.forEach((append, i) => append.answer(this.#answer(written.outcomes[i]!)));
  }

  /** Decides, persists and applies one flush. Where storage refuses it, nothing was written. */
  #write(appends: readonly PendingAppend[]): WrittenFlush {
    const { endOffset, endPosition } = this.#log;
    const { leaderEpoch } = this.#assignment;
    const nowMs = this.#ports.clock.nowMs();
    const config = this.#config;
    const { producers } = this.#log;
    const plan = planFlush(appends, { endOffset, leaderEpoch, producers, config, nowMs });
    try {
      if (plan.chunks.length > 0) {
        const segment = this.#log.segment.baseOffset;
        this.#log.write(plan, leaderEpoch, this.#highWatermark, nowMs);
        const hasRolled = segment !== this.#log.segment.baseOffset;
        const isUnwatched = this.#alarmAtMs === null && config["retention.ms"] >= 0;
        if (hasRolled || isUnwatched) this.#enforceRetention();
      }
    } catch (error) {
      if (this.#log.endOffset !== endOffset) throw error;
      return { outcomes: appends.map(() => refuse("KAFKA_STORAGE_ERROR")), bytes: 0 };
    }
    return { outcomes: plan.outcomes, bytes: this.#log.endPosition - endPosition };
  }

  #answer(outcome: AppendOutcome): Result<Appended> {
    if (!outcome.ok) return outcome;
    const { partitionEpoch } = this.#assignment;
    return { ...outcome, logStartOffset: this.#log.startOffset, partitionEpoch };
  }

  #advanceHighWatermark(bytes: number): void {
    if (this.#isPurged) return;
    this.#highWatermark = this.#log.endOffset;
    if (bytes === 0) return;
    this.#waiters.advance(bytes);
    this.tails.advance();
  }

  /** Lets go of what retention lets go, deletes rows below the start, and sets the next alarm. */
  #enforceRetention(): void {
    const { storage, clock } = this.#ports;
    const nowMs = clock.nowMs();
    const log = this.#log;
    const closed = allSegments(storage).map((segment) => ({
      lastOffset: segment.last_offset,
      sizeBytes: segment.size_bytes,
      // Records without a timestamp age from when their segment was closed, as in Kafka from when
      // its file was last written to; an active one without any does not age.
      maxTimestamp: segment.max_timestamp < 0 ? segment.closed_ms : segment.max_timestamp,
    }));
    const active = log.segment;
    const newest = maxTimestampWithin(storage, active.baseOffset, log.endOffset - 1);
    const lastOffset = log.endOffset - 1;
    const sizeBytes = log.endPosition - active.position;
    const maxTimestamp = newest !== null && newest < 0 ? nowMs : newest;
    const segments =
      maxTimestamp === null ? closed : [...closed, { lastOffset, sizeBytes, maxTimestamp }];
    const decision = decideRetention(segments, this.#config, nowMs);
    const newStart = (segments[decision.segments - 1]?.lastOffset ?? -1) + 1;
    if (newStart > this.#highWatermark) {
      // Records that are not durable yet come first: their flush is under way.
      return this.#setAlarm(nowMs + RETENTION_PAUSE_MS);
    }
    if (newStart > log.startOffset) {
      if (newStart === log.endOffset) log.roll(nowMs);
      this.#raiseStart(newStart);
    } else if (log.deleteBelowStart()) {
      this.#setAlarm(nowMs + 1);
    }
    if (decision.nextDueMs !== null) {
      this.#setAlarm(Math.max(decision.nextDueMs, nowMs + RETENTION_PAUSE_MS));
    }
  }

  #raiseStart(offset: number): void {
    this.#log.raiseStart(offset, (log) => this.#persistState(log));
    if (this.#log.deleteBelowStart()) this.#setAlarm(this.#ports.clock.nowMs() + 1);
  }

  #setAlarm(atMs: number): void {
    // Every setting is a written row: one that comes early enough already is left alone.
    if (this.#alarmAtMs !== null && this.#alarmAtMs <= atMs) return;
    this.#alarmAtMs = Math.min(atMs, ALARM_MS_MAX);
    this.#ports.alarm.set(this.#alarmAtMs);
  }

  #persistState(log: Log): void {
    writeReplicaState(this.#ports.storage, {
      version: 1,
      assignment: this.#assignment,
      logStartOffset: log.startOffset,
      emptyAt: { offset: log.endOffset, position: log.endPosition },
    });
  }
}
