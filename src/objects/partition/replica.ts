/**
 * A partition replica: takes up what the controller assigns, leads or follows, answers reads, keeps
 * retention. The rules of the object, behind ports; the shell (object.ts) adapts storage, RPC and
 * sockets. Appending is in appends.ts, leading in leadership.ts, following in following.ts.
 *
 * Nothing is readable before it is durable here and, with followers, in every in-sync replica.
 */
import { letsGo } from "../../base/config.ts";
import { within } from "../../base/deadline.ts";
import { assert, refuse, type Refusal } from "../../base/errors.ts";
import { refusalOfThrown } from "../../base/storage-failure.ts";
import { FETCH_BYTES_MAX, FETCH_WAIT_MS_MAX } from "../../base/limits.ts";
import {
  TAIL_CLOSE,
  type Appended,
  type AppendRequest,
  type EpochEnd,
  type Fetched,
  type FetchRequest,
  type ListedOffset,
  type OffsetSpec,
  type ReplicaDescription,
} from "../contracts/partition.ts";
import { Appends } from "./leader/appends.ts";
import { ReplicaCore, type ReplicaPorts, type Result } from "./core.ts";
import { endOfEpoch } from "./log/epochs.ts";
import { Following } from "./follower/following.ts";
import { CorruptLog } from "./log/integrity.ts";
import { Leadership } from "./leader/leadership.ts";
import { offsetAfter } from "./reads/page.ts";
import type {
  CatchUpAnswer,
  CatchUpRequest,
  PullAnswer,
  PullRequest,
  ReplicateAnswer,
  ReplicateRequest,
} from "../contracts/replication.ts";
import { answerPull } from "./leader/pull.ts";
import { decideRetention, retainedFrom } from "./retention/retention.ts";
import { armScrub, scrubWhenDue } from "./log/scrub.ts";
import {
  allSegments,
  createTables,
  maxTimestampWithin,
  readReplicaState,
  writeReplicaState,
  type ReplicaState,
} from "./log/tables.ts";
import type { Tails, TailSocket, TailState } from "./reads/tails.ts";
import { offsetAtTime, offsetOfMaxTimestamp } from "./log/timestamps.ts";
import type { Assigned, Probed, ReplicaAssignment } from "../contracts/assignment.ts";

export type { ReplicaPorts } from "./core.ts";

/** Looking for what retention lets go more often than this would cost more than it saves. */
const RETENTION_PAUSE_MS = 1_000;
const KEPT = "The topic's cleanup.policy does not contain delete: its records are not deleted.";
/** How long a reader waits for a follower to hear from its leader. */
const REFRESH_MS = 2_000;

export class Replica {
  readonly #core: ReplicaCore;
  readonly #appends: Appends;
  readonly #following: Following;
  #leadership: Leadership | null = null;

  /** Wakes up; null for an object that was never assigned or was purged. */
  static wake(ports: ReplicaPorts): Replica | null {
    const state = readReplicaState(ports.storage);
    return state ? new Replica(ports, state) : null;
  }

  /** Makes the object a replica for the first time; without being a founding one, of a log that was lost. */
  static create(ports: ReplicaPorts, assignment: ReplicaAssignment): Replica {
    const emptyAt = { offset: 0, position: 0, leaderEpoch: -1 };
    // rule: a-lost-storage-is-known-from-the-start
    const wasReset = assignment.founding ? {} : { wasReset: true };
    const state = { version: 1, assignment, logStartOffset: 0, emptyAt, ...wasReset } as const;
    ports.storage.transaction(() => {
      createTables(ports.storage);
      writeReplicaState(ports.storage, state);
    });
    return new Replica(ports, state);
  }

  private constructor(ports: ReplicaPorts, state: ReplicaState) {
    const adopt = (assignment: ReplicaAssignment): void => this.#learn(assignment);
    this.#core = new ReplicaCore(ports, state);
    this.#following = new Following(this.#core, adopt);
    this.#appends = new Appends(this.#core, {
      leading: () => this.#leading(),
      enforceRetention: () => this.#enforceRetention(),
    });
    this.#core.corrupted = () => this.#yield();
    if (this.#core.yields) this.#core.reportCorruption();
    armScrub(this.#core);
    if (!this.#mayLead()) return;
    this.#leadership = new Leadership(this.#core, adopt);
    // What storage holds when the object wakes up is durable.
    this.#leadership.begin(this.#core.log.point(), false);
  }

  get tails(): Tails {
    return this.#core.tails;
  }

  /** Takes up a newer assignment; an older or the same one changes nothing. */
  assign(assignment: ReplicaAssignment): Assigned {
    this.#takeUp(assignment);
    // rule: a-lost-storage-is-told
    return { ok: true, wasReset: this.#core.wasReset || this.#core.isCorrupt };
  }

  probe(): Probed {
    const { assignment, log, highWatermark, wasReset, isCorrupt } = this.#core;
    return {
      ok: true,
      leaderEpoch: assignment.leaderEpoch,
      partitionEpoch: assignment.partitionEpoch,
      logEndOffset: log.endOffset,
      lastEpoch: log.lastEpoch,
      highWatermark,
      wasReset: wasReset || isCorrupt,
    };
  }

  /**
   * Errors: those of flush.ts and of producers.ts; CORRUPT_MESSAGE; LEADER_NOT_AVAILABLE, STORAGE_LOST,
   * NOT_LEADER_OR_FOLLOWER, REPLICA_NOT_AVAILABLE; NOT_ENOUGH_REPLICAS; THROTTLING_QUOTA_EXCEEDED
   * (bytes in flight); in all of them nothing was written, but for NOT_LEADER_OR_FOLLOWER of a leader
   * that is deposed while it waits for its followers (KAFKA-13574). Whether it was is not known after
   * NOT_ENOUGH_REPLICAS_AFTER_APPEND, REQUEST_TIMED_OUT and KAFKA_STORAGE_ERROR.
   * A numbered batch that is in the log is recognised before anything of this is looked at: what is
   * refused with NOT_ENOUGH_REPLICAS, MESSAGE_TOO_LARGE, INVALID_TIMESTAMP or INVALID_RECORD was not
   * written by any earlier attempt either. Who does not lead, or is throttled before the batch is read, tells of this
   * attempt alone.
   */
  append(request: AppendRequest): Promise<Result<Appended>> {
    return this.receive(request.batches.byteLength, async () => request);
  }

  /**
   * As {@link append}, for a request of `bytes` that is still to be read: it is read only when it
   * is admitted, so that what waits is never in memory beyond the bound.
   */
  receive(bytes: number, read: () => Promise<AppendRequest>): Promise<Result<Appended>> {
    return this.#appends.receive(bytes, read);
  }

  /**
   * Reads below the high watermark that this replica knows; leaders and followers alike.
   * Errors: OFFSET_BELOW_LOG_START, OFFSET_OUT_OF_RANGE, REPLICA_NOT_AVAILABLE;
   * NOT_LEADER_OR_FOLLOWER from a follower that does not know of the offset: the leader may;
   * OFFSET_NOT_AVAILABLE where nothing is to be shown and the leader does not know yet whether there
   * is more. The high watermark of a page that lies below it may lag.
   */
  async fetch(request: FetchRequest): Promise<Result<Fetched>> {
    let first = this.#read(request);
    if (this.#mayKnowMore(request, first)) {
      await (this.#leadership ? this.#leadership.verified() : this.#refreshed());
      first = this.#read(request);
    }
    const minBytes = Math.min(request.minBytes, request.maxBytes);
    const missing = minBytes - (first.ok ? first.batches.byteLength : Infinity);
    const waitMs = Math.min(request.maxWaitMs, FETCH_WAIT_MS_MAX);
    if (missing <= 0 || waitMs <= 0) return this.#shown(first);
    return new Promise((resolve) => {
      const answer = (): void => resolve(this.#shown(this.#read(request)));
      this.#core.waiters.wait(missing, waitMs, answer);
    });
  }

  /** Errors: LEADER_NOT_AVAILABLE, STORAGE_LOST, NOT_LEADER_OR_FOLLOWER, REPLICA_NOT_AVAILABLE, OFFSET_NOT_AVAILABLE. */
  async listOffset(spec: OffsetSpec): Promise<Result<ListedOffset>> {
    const refusal = this.#refusalToLead();
    if (refusal) return refusal;
    const isOfEnd = spec.at === "latest" || spec.at === "max-timestamp";
    if (!isOfEnd) {
      // What is committed already stays the first record at or after a time.
      const listed = this.#listed(spec);
      if (spec.at === "earliest" || listed.offset >= 0) return listed;
    }
    return (await this.#refusalOfEnd()) ?? this.#listed(spec);
  }

  #listed(spec: OffsetSpec): ListedOffset {
    const { log, ports, assignment, highWatermark } = this.#core;
    const { leaderEpoch } = assignment;
    switch (spec.at) {
      case "earliest":
        return { ok: true, offset: log.startOffset, timestampMs: -1, leaderEpoch };
      case "latest": {
        const { logStartOffset, lastStableOffset } = this.#core.ends();
        const offset = spec.isolation === "read_committed" ? lastStableOffset : highWatermark;
        return { ok: true, offset, timestampMs: -1, leaderEpoch, logStartOffset };
      }
      case "timestamp":
      case "max-timestamp": {
        const found =
          spec.at === "timestamp"
            ? offsetAtTime(ports.storage, log, spec.timestampMs, highWatermark)
            : offsetOfMaxTimestamp(ports.storage, log, highWatermark);
        return { ok: true, ...(found ?? { offset: -1, timestampMs: -1, leaderEpoch }) };
      }
    }
  }

  /**
   * Where a leader epoch ends in this leader's log (KIP-320): its present one at the end of all that it holds, as
   * in Kafka. Errors: those of leading.
   */
  endOfEpoch(leaderEpoch: number): Result<EpochEnd> {
    const refusal = this.#refusalToLead();
    if (refusal) return refusal;
    const { log, ports, assignment } = this.#core;
    if (leaderEpoch < 0 || leaderEpoch > assignment.leaderEpoch) {
      return { ok: true, leaderEpoch: -1, endOffset: -1 };
    }
    if (leaderEpoch === assignment.leaderEpoch) {
      return { ok: true, leaderEpoch, endOffset: log.endOffset };
    }
    const end = endOfEpoch(ports.storage, log, leaderEpoch);
    // Of an epoch before all that is held, its readers have to begin where that begins.
    return {
      ok: true,
      leaderEpoch: end.leaderEpoch < 0 ? leaderEpoch : end.leaderEpoch,
      endOffset: Math.max(end.offset, log.startOffset),
    };
  }

  /**
   * Raises the log start offset; -1 stands for the high watermark. Answers when every in-sync replica has raised
   * it too (KIP-107), or REQUEST_TIMED_OUT: then it is raised here, and they follow. Other errors:
   * OFFSET_OUT_OF_RANGE, POLICY_VIOLATION, and those of {@link listOffset}.
   */
  async deleteRecords(
    before: number,
    timeoutMs: number = this.#core.config["request.timeout.ms"],
  ): Promise<Result<{ readonly ok: true; readonly logStartOffset: number }>> {
    const refusal = this.#refusalToLead();
    if (refusal) return refusal;
    if (!letsGo(this.#core.config)) return refuse("POLICY_VIOLATION", KEPT);
    if (before < 0 || before > this.#core.highWatermark) {
      const unknown = await this.#refusalOfEnd();
      if (unknown) return unknown;
    }
    const { log, highWatermark } = this.#core;
    const offset = before === -1 ? highWatermark : before;
    // rule: deletion-is-below-the-high-watermark
    if (offset < 0 || offset > highWatermark) {
      return refuse("OFFSET_OUT_OF_RANGE", `The log ends at offset ${highWatermark}.`);
    }
    // As in Kafka, an offset below the start is no error: what it asks for has happened.
    if (offset > log.startOffset) this.#raiseStart(offset);
    const logStartOffset = log.startOffset;
    const unheld = await this.#leadership?.startHeld(timeoutMs);
    return unheld ?? { ok: true, logStartOffset };
  }

  /**
   * Opens a tail at `offset` through the socket that `accept` gives; its greeting tells the log's ends.
   * Errors: those of {@link listOffset}, OFFSET_BELOW_LOG_START, OFFSET_OUT_OF_RANGE, and
   * KAFKA_STORAGE_ERROR where what is stored there is corrupt.
   */
  async openTail(offset: number, accept: () => TailSocket): Promise<Refusal | null> {
    const refusal =
      this.#refusalToLead() ??
      this.#refusalToRead(offset) ??
      (await this.#refusalOfEnd()) ??
      this.#refusalToRead(offset) ??
      this.#refusalOfDamage(offset);
    if (!refusal) this.tails.open(accept(), offset);
    return refusal;
  }

  /** Why what is stored at `offset` cannot be read; null where it can, or nothing is there yet. */
  #refusalOfDamage(offset: number): Refusal | null {
    const page = { offset, maxBytes: 1, minBytes: 0, maxWaitMs: 0 } as const;
    const read = this.#read({ ...page, isolation: "read_uncommitted" });
    return read.ok ? null : read;
  }

  /** Takes up the readers that stayed while the object slept. */
  resumeTails(tails: Iterable<readonly [TailSocket, TailState]>): void {
    for (const [socket, state] of tails) this.tails.resume(socket, state);
    this.tails.advance();
    // What was acknowledged last may not have been sent yet, and is not known here.
    if (this.tails.isAnyBelow(this.#core.log.endOffset)) this.#leadership?.verify();
  }

  /** A leader's push. */
  async replicate(request: ReplicateRequest): Promise<ReplicateAnswer> {
    return this.#following.replicate(request);
  }

  /** A leader's wish that this follower pulls what it lacks. */
  async catchUp(request: CatchUpRequest): Promise<CatchUpAnswer> {
    return this.#following.catchUp(request);
  }

  /** A follower's question for what it lacks. */
  async pull(request: PullRequest): Promise<PullAnswer> {
    const refusal = this.#core.refusalToServe();
    if (refusal) return refusal;
    return answerPull(this.#core, this.#leadership, request);
  }

  /** The alarm has gone off. */
  onAlarm(): void {
    this.#core.alarmFired();
    if (this.#core.log.deleteBelowStart()) this.#core.setAlarm(this.#core.ports.clock.nowMs() + 1);
    this.#enforceRetention();
    this.#leadership?.check();
    scrubWhenDue(this.#core);
  }

  /** Answers whoever waits and lets go of everything: the object's storage is about to end. */
  close(): void {
    const gone = refuse("UNKNOWN_TOPIC_OR_PARTITION");
    this.#core.isPurged = true;
    this.#appends.refuseGathered(gone);
    this.#leadership?.end(gone);
    this.#leadership = null;
    this.#core.waiters.release();
    this.tails.closeAll(TAIL_CLOSE.moved, "The partition is not here any more.");
    this.#core.log.close();
  }

  describe(): Omit<ReplicaDescription, "peerCalls" | "wakeRowsRead" | "rowsRead" | "rowsWritten"> {
    const { log, assignment, ports } = this.#core;
    return {
      ok: true,
      ...this.#core.ends(),
      role: this.#leadership ? "leader" : assignment.leader < 0 ? "none" : "follower",
      fenced: this.#core.isFenced,
      storage: this.#core.isCorrupt ? "corrupt" : this.#core.wasReset ? "lost" : "sound",
      leaderEpoch: assignment.leaderEpoch,
      partitionEpoch: assignment.partitionEpoch,
      logEndOffset: log.endOffset,
      followers: this.#leadership?.followers ?? [],
      logBytes: log.sizeBytes,
      segments: allSegments(ports.storage).length + (log.segment.chunks > 0 ? 1 : 0),
      storageBytes: ports.storage.sizeBytes(),
      producers: log.producers.size,
      tails: this.tails.size,
      bytesInFlight: this.#appends.bytesInFlight,
      bytesInFlightPeak: this.#appends.bytesInFlightPeak,
    };
  }

  /** Takes up an assignment that a peer was given: the same decision, seen from another replica. */
  #learn(assignment: ReplicaAssignment): void {
    const { brokerId, generation, founding } = this.#core.assignment;
    this.#takeUp({ ...assignment, brokerId, generation, founding });
  }

  #takeUp(assignment: ReplicaAssignment): void {
    const before = this.#core.assignment;
    // rule: older-assignments-change-nothing
    if (this.#core.isPurged || assignment.partitionEpoch <= before.partitionEpoch) return;
    assert(
      assignment.leaderEpoch >= before.leaderEpoch,
      "leader epochs rise with partition epochs",
    );
    // rule: followers-keep-what-may-be-committed
    this.#core.adopt(assignment);
    const leads = this.#mayLead();
    const isSameTerm = assignment.leaderEpoch === before.leaderEpoch;
    // rule: a-deposed-leader-steps-down
    if (this.#leadership && (!leads || !isSameTerm)) this.#stepDown();
    if (this.#leadership) this.#leadership.reassigned();
    else if (leads) this.#lead();
    if (this.#core.yields) this.#core.reportCorruption();
    this.#core.waiters.release();
    this.#enforceRetention();
    armScrub(this.#core);
  }

  #mayLead(): boolean {
    const { assignment, wasReset } = this.#core;
    const { leader, brokerId, leaderEpoch, uncleanEpoch } = assignment;
    const isUsable = this.#core.refusalToServe() === null;
    // rule: a-reset-replica-does-not-lead
    if (wasReset && uncleanEpoch !== leaderEpoch) return false;
    // rule: a-corrupt-replica-leaves-the-lead-to-others
    if (this.#core.yields) return false;
    return leader === brokerId && isUsable;
  }

  /** Begins to lead a new epoch, once everything it holds is durable. */
  #lead(): void {
    const leadership = new Leadership(this.#core, (assignment) => this.#learn(assignment));
    const end = this.#core.log.point();
    this.#leadership = leadership;
    if (this.#core.wasReset) {
      // Elected uncleanly: what it holds is the log from now on.
      this.#core.wasReset = false;
      this.#core.persist();
    }
    this.#core.ports.storage.sync().then(
      () => leadership.begin(end, true),
      (error: unknown) => this.#core.ports.broken(error),
    );
  }

  /** A corrupt leader leads no more where others are in sync: one of them is to be elected. */
  #yield(): void {
    if (this.#leadership && !this.#mayLead()) this.#stepDown();
    this.#core.waiters.release();
  }

  #stepDown(): void {
    const deposed = refuse("NOT_LEADER_OR_FOLLOWER");
    this.#leadership?.end(deposed);
    this.#leadership = null;
    this.#appends.refuseGathered(deposed);
    this.tails.closeAll(TAIL_CLOSE.moved, "Another replica leads the partition.");
  }

  #leading(): Leadership | Refusal {
    return this.#leadership ?? this.#refusalToLead() ?? refuse("LEADER_NOT_AVAILABLE");
  }

  #refusalToLead(): Refusal | null {
    const refusal = this.#core.refusalToServe();
    if (refusal || this.#leadership) return refusal;
    const { leader, brokerId } = this.#core.assignment;
    if (this.#isLostLeader()) return refuse("STORAGE_LOST");
    return refuse(
      leader < 0 || leader === brokerId ? "LEADER_NOT_AVAILABLE" : "NOT_LEADER_OR_FOLLOWER",
    );
  }

  /** It would lead, and has lost what it had: nobody else is in sync, or nobody has noticed yet. */
  #isLostLeader(): boolean {
    const { leader, brokerId } = this.#core.assignment;
    return leader === brokerId && this.#core.wasReset;
  }

  #refusalToRead(offset: number): Refusal | null {
    const refusal = this.#core.refusalToServe();
    if (refusal) return refusal;
    const { startOffset, endOffset } = this.#core.log;
    // What lies beyond a follower's knowledge only the leader knows.
    if (!this.#leadership && (offset > endOffset || this.#core.wasReset)) {
      return refuse(this.#isLostLeader() ? "STORAGE_LOST" : "NOT_LEADER_OR_FOLLOWER");
    }
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

  /** What is corrupt is refused by its offsets; what lies before and behind it can be read. */
  #read(request: FetchRequest): Result<Fetched> {
    try {
      return this.#readPage(request);
    } catch (error) {
      if (error instanceof CorruptLog) return refusalOfThrown(error);
      throw error;
    }
  }

  #readPage(request: FetchRequest): Result<Fetched> {
    const refusal = this.#refusalToRead(request.offset);
    if (refusal) return refusal;
    const { log, highWatermark, assignment } = this.#core;
    const maxBytes = Math.min(request.maxBytes, FETCH_BYTES_MAX);
    // rule: readers-see-what-is-committed
    const batches = log.read(request.offset, highWatermark, maxBytes);
    const nextOffset = batches.length === 0 ? request.offset : offsetAfter(batches);
    const { partitionEpoch } = assignment;
    return { ok: true, batches, nextOffset, partitionEpoch, ...this.#core.ends() };
  }

  /** Whether asking the other replicas might show records that a read did not. */
  #mayKnowMore(request: FetchRequest, read: Result<Fetched>): boolean {
    const { highWatermark, log } = this.#core;
    if (this.#leadership) {
      return read.ok && read.nextOffset >= highWatermark && !this.#leadership.isVerified;
    }
    if (this.#core.isFenced || this.#core.assignment.leader < 0) return false;
    if (!read.ok) return read.error === "NOT_LEADER_OR_FOLLOWER";
    return request.offset >= highWatermark && highWatermark < log.endOffset;
  }

  /** An empty page says that there is nothing more: a leader has to know. */
  #shown(read: Result<Fetched>): Result<Fetched> {
    const isUnverified = this.#leadership?.isVerified === false;
    return isUnverified && read.ok && read.batches.length === 0
      ? refuse("OFFSET_NOT_AVAILABLE")
      : read;
  }

  /**
   * The gate before every answer about where the log ends for readers: only a leader gives it, once
   * it knows of everything that was acknowledged (KIP-207). Null: it may. Bounded in time.
   */
  async #refusalOfEnd(): Promise<Refusal | null> {
    if (this.#leadership?.isVerified === false) await this.#leadership.verified();
    const refusal = this.#refusalToLead();
    if (refusal) return refusal;
    // rule: ends-are-told-when-known
    return this.#leadership?.isVerified === true ? null : refuse("OFFSET_NOT_AVAILABLE");
  }

  /** A follower asks its leader. Bounded in time. */
  async #refreshed(): Promise<void> {
    await within(this.#core.ports.timers, REFRESH_MS, this.#following.refresh());
  }

  /** Lets go of what retention lets go, deletes rows below the start, and sets the next alarm. */
  #enforceRetention(): void {
    if (!this.#leadership) return;
    const { clock, storage } = this.#core.ports;
    const { log } = this.#core;
    const nowMs = clock.nowMs();
    const { config } = this.#core;
    const closed = allSegments(storage).map((segment) => ({
      lastOffset: segment.last_offset,
      sizeBytes: segment.size_bytes,
      maxTimestamp: retainedFrom(segment.max_timestamp, segment.closed_ms, config),
    }));
    const active = log.segment;
    const newest = maxTimestampWithin(storage, active.baseOffset, log.endOffset - 1);
    const lastOffset = log.endOffset - 1;
    const sizeBytes = log.endPosition - active.position;
    // An active segment without any timestamp does not age. Where one is of a time that is still to
    // come, what it holds was written before it was due to be closed.
    const isToCome = newest !== null && newest > nowMs + config["message.timestamp.after.max.ms"];
    const maxTimestamp = isToCome
      ? retainedFrom(newest, active.startedMs + config["segment.ms"], config)
      : newest === null || newest < 0
        ? nowMs
        : newest;
    const segments =
      newest === null ? closed : [...closed, { lastOffset, sizeBytes, maxTimestamp }];
    const decision = decideRetention(segments, config, nowMs);
    const newStart = (segments[decision.segments - 1]?.lastOffset ?? -1) + 1;
    if (newStart > this.#core.highWatermark) {
      // Records that are not committed yet come first: they are under way.
      return this.#core.setAlarm(nowMs + RETENTION_PAUSE_MS);
    }
    if (newStart > log.startOffset) {
      this.#raiseStart(newStart);
    } else if (log.deleteBelowStart()) {
      this.#core.setAlarm(nowMs + 1);
    }
    if (decision.nextDueMs !== null) {
      this.#core.setAlarm(Math.max(decision.nextDueMs, nowMs + RETENTION_PAUSE_MS));
    }
  }

  #raiseStart(offset: number): void {
    this.#core.raiseStart(offset);
    this.#leadership?.startRaised();
  }
}
