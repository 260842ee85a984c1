/**
 * What the parts of a replica share: its log, its assignment, its high watermark and who reads.
 * Decides nothing about roles: replica.ts does, and tells it.
 */
import { effectiveConfig, type EffectiveConfig } from "../../base/config.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import type { AlarmPort, ClockPort, StoragePort, TimerPort } from "../../base/ports.ts";
import type { LogEnds } from "../contracts/partition.ts";
import { StorageFailure } from "../../base/storage-failure.ts";
import { CorruptLog } from "./log/integrity.ts";
import { Log } from "./log/log.ts";
import type { PeerAddress, PeerPort } from "../contracts/replication.ts";
import { writeReplicaState, type ReplicaState, type ScrubState } from "./log/tables.ts";
import type { TailAccount } from "./reads/tail-memory.ts";
import { Tails } from "./reads/tails.ts";
import { Waiters } from "./reads/waiters.ts";
import type { ReplicaAssignment, ReplicaRef } from "../contracts/assignment.ts";
import type { ControllerPort } from "../contracts/controller-port.ts";

export interface ReplicaPorts {
  readonly storage: StoragePort;
  readonly clock: ClockPort;
  readonly alarm: AlarmPort;
  readonly timers: TimerPort;
  readonly peers: PeerPort;
  readonly controller: ControllerPort;
  readonly tailAccount: TailAccount;
  /** The service's settings, by their names in the config table. */
  readonly settings: Readonly<Record<string, string>>;
  /** When the alarm that survived the object's sleep is due; null for none. */
  readonly alarmAtMs: number | null;
  /** Storage and memory may disagree: the object must go and wake up anew. */
  readonly broken: (error: unknown) => void;
}

export type Result<T> = T | Refusal;

/** The largest `Date` has 8.64e15 ms: an alarm beyond it is none. */
const ALARM_MS_MAX = 8_640_000_000_000_000;
const ENDS_MAX = 1_000;

export class ReplicaCore {
  readonly ports: ReplicaPorts;
  readonly log: Log;
  readonly tails: Tails;
  readonly waiters: Waiters;
  isPurged = false;
  /** The replica's storage was lost and the log is not copied anew yet. */
  wasReset: boolean;
  /** A stored chunk is not what was written, and the log is not given up yet. */
  isCorrupt: boolean;
  /** What the replica does when it has found itself corrupt, after whoever found it. */
  corrupted: () => void = () => {};
  #isReporting = false;
  /** The in-sync set asked for under this assignment; null when none is, or it was refused. */
  wished: readonly number[] | null;
  #standsAt: number | null;
  /** How far stored chunks were looked at; null where that was never asked for. */
  #scrub: ScrubState | null;
  #assignment: ReplicaAssignment;
  #config: EffectiveConfig;
  #highWatermark: number;
  #alarmAtMs: number | null;
  /** Ends of writes above the high watermark, to know how many bytes become readable. */
  #ends: { readonly offset: number; readonly position: number }[] = [];
  #readablePosition: number;

  constructor(ports: ReplicaPorts, state: ReplicaState) {
    this.ports = ports;
    this.#assignment = state.assignment;
    this.#config = effectiveConfig(state.assignment.configs, ports.settings);
    this.log = new Log(
      ports.storage,
      state,
      () => this.#config,
      ports.tailAccount,
      () => this.#foundCorrupt(),
    );
    this.#scrub = state.scrub ?? null;
    this.wasReset = state.wasReset === true;
    // rule: corruption-is-remembered
    this.isCorrupt = state.isCorrupt === true;
    // rule: a-wish-outlives-its-instance
    this.wished = state.wished ?? null;
    this.#standsAt = state.standsAt ?? null;
    this.#highWatermark = Math.max(this.log.wokenHighWatermark, this.#standsAt ?? 0);
    this.#readablePosition = this.log.endPosition;
    this.#alarmAtMs = ports.alarmAtMs;
    this.waiters = new Waiters(ports.timers);
    this.tails = new Tails({
      read: (offset, maxBytes) => this.#readForTail(offset, maxBytes),
      ends: () => this.ends(),
      nowMs: () => ports.clock.nowMs(),
      windowBytes: () => this.#config["tail.window.bytes"],
    });
    if (this.log.wokeCorrupt) this.#foundCorrupt();
  }

  get assignment(): ReplicaAssignment {
    return this.#assignment;
  }

  get config(): EffectiveConfig {
    return this.#config;
  }

  /** Readers see what is below. */
  get highWatermark(): number {
    return this.#highWatermark;
  }

  /** See {@link stand}; null where the high watermark may move, or is not known exactly. */
  get standsAt(): number | null {
    return this.#standsAt;
  }

  /** Whether this replica's broker is fenced. */
  get isFenced(): boolean {
    return this.peer(this.#assignment.brokerId)?.fenced === true;
  }

  peer(brokerId: number): ReplicaRef | undefined {
    return this.#assignment.replicas.find((replica) => replica.brokerId === brokerId);
  }

  address(replica: ReplicaRef): PeerAddress {
    const { topicId, partition } = this.#assignment;
    const { brokerId, generation, locationHint } = replica;
    return { topicId, partition, brokerId, generation, locationHint };
  }

  ends(): LogEnds {
    return {
      logStartOffset: this.log.startOffset,
      highWatermark: this.#highWatermark,
      lastStableOffset: this.#highWatermark,
    };
  }

  /** Whether the log is to be had whole from others: then this replica neither leads nor is in sync. */
  get yields(): boolean {
    const { inSync, brokerId } = this.#assignment;
    return this.isCorrupt && inSync.some((id) => id !== brokerId);
  }

  #foundCorrupt(): void {
    const isNew = !this.isCorrupt;
    // rule: a-corrupt-replica-knows-it
    this.isCorrupt = true;
    if (isNew) {
      this.#remember();
      // Not amid whatever read it: that may be a tail that is about to be closed.
      Promise.resolve()
        .then(() => this.corrupted())
        .catch((error: unknown) => this.ports.broken(error));
    }
    this.reportCorruption();
  }

  /** Where storage takes nothing, it is known until the object sleeps, and then to whoever reads it. */
  #remember(): void {
    try {
      this.persist();
    } catch (error) {
      if (!(error instanceof StorageFailure)) throw error;
    }
  }

  /**
   * Says so to the controller, which asks what is the matter: where others are in sync, this replica
   * leaves the set and leads no more, and then copies the log anew.
   */
  reportCorruption(): void {
    if (this.#isReporting || this.isPurged) return;
    this.#isReporting = true;
    const { topicId, partition, brokerId, leaderEpoch } = this.#assignment;
    const done = (): void => {
      this.#isReporting = false;
    };
    // Where it does not arrive, the next read, push or awakening says it again.
    this.ports.controller
      .reportReplica({ topicId, partition, brokerId, leaderEpoch })
      .then(done, done);
  }

  /** Empty where what is stored is corrupt: the tail is closed, and reads from another leader if there is one. */
  #readForTail(offset: number, maxBytes: number): Uint8Array {
    try {
      return this.log.read(offset, this.#highWatermark, maxBytes);
    } catch (error) {
      if (error instanceof CorruptLog) return new Uint8Array();
      throw error;
    }
  }

  /**
   * A corrupt log is given up when the others do without it, and never before. Until this replica
   * hears that they do, it acknowledges nothing: the leader would have it in sync again at once.
   */
  makeUpForCorruption(): Refusal | null {
    if (!this.isCorrupt) return null;
    const { inSync, brokerId } = this.#assignment;
    // rule: a-corrupt-replica-acknowledges-nothing
    if (inSync.includes(brokerId)) {
      this.reportCorruption();
      return refuse("KAFKA_STORAGE_ERROR");
    }
    // rule: a-corrupt-log-is-copied-anew
    this.#beginAnew();
    return null;
  }

  /** Gives up the log: it is copied anew (KIP-903). */
  #beginAnew(): void {
    const { wasReset, isCorrupt } = this;
    this.wasReset = true;
    this.isCorrupt = false;
    try {
      this.log.begin({ offset: 0, position: 0, producers: [] }, () => this.persist());
    } catch (error) {
      this.wasReset = wasReset;
      this.isCorrupt = isCorrupt;
      throw error;
    }
    this.retreated();
  }

  /** Persists a newer assignment, then goes by it. */
  adopt(assignment: ReplicaAssignment): void {
    const before = {
      assignment: this.#assignment,
      wished: this.wished,
      standsAt: this.#standsAt,
    };
    this.#assignment = assignment;
    this.#standsAt = null;
    // Whatever was asked for under the partition epoch before is decided: it is this, or refused.
    this.wished = null;
    try {
      this.persist();
    } catch (error) {
      this.#assignment = before.assignment;
      this.wished = before.wished;
      this.#standsAt = before.standsAt;
      throw error;
    }
    this.#config = effectiveConfig(assignment.configs, this.ports.settings);
  }

  /** Why this replica serves nobody; null when it may. */
  refusalToServe(): Refusal | null {
    if (this.isPurged) return refuse("UNKNOWN_TOPIC_OR_PARTITION");
    // A replica that was moved away hears of it from its peers before it is purged.
    const { brokerId, generation } = this.#assignment;
    if (this.peer(brokerId)?.generation !== generation) return refuse("NOT_LEADER_OR_FOLLOWER");
    return this.isFenced ? refuse("REPLICA_NOT_AVAILABLE") : null;
  }

  /** Notes the end of a write, for {@link advance}. */
  written(): void {
    // While nothing is committed, the oldest ends are enough: the rest is told of together.
    if (this.#ends.length >= ENDS_MAX) this.#ends.pop();
    this.#ends.push({ offset: this.log.endOffset, position: this.log.endPosition });
  }

  /** Raises the high watermark: lower ones change nothing. */
  advance(highWatermark: number): void {
    if (this.isPurged || highWatermark <= this.#highWatermark) return;
    this.#highWatermark = highWatermark;
    if (this.#standsAt !== null) {
      this.#standsAt = null;
      this.persist();
    }
    let passed = 0;
    for (const end of this.#ends) {
      if (end.offset > highWatermark) break;
      passed += 1;
    }
    const last = this.#ends.splice(0, passed).at(-1);
    if (last) {
      this.waiters.advance(last.position - this.#readablePosition);
      this.#readablePosition = last.position;
    } else {
      // What became readable was written before this instance woke up: its size is not known.
      this.waiters.release();
    }
    // rule: tails-get-what-becomes-readable
    this.tails.advance();
  }

  /**
   * Writes down where the high watermark stands: fewer replicas than min.insync.replicas are in sync,
   * and whoever wakes up before that changes could not ask anybody for it.
   */
  stand(): void {
    this.#standsAt = this.#highWatermark;
    this.persist();
  }

  /** After the log was truncated or begun anew: nothing above its end is readable, nothing pending. */
  retreated(): void {
    this.#ends = [];
    this.#readablePosition = this.log.endPosition;
    // rule: the-high-watermark-is-within-the-log
    this.#highWatermark = Math.min(
      Math.max(this.#highWatermark, this.log.startOffset),
      this.log.endOffset,
    );
  }

  raiseStart(offset: number): void {
    this.log.raiseStart(offset, () => this.persist());
    if (this.log.deleteBelowStart()) this.setAlarm(this.ports.clock.nowMs() + 1);
  }

  get scrub(): ScrubState | null {
    return this.#scrub;
  }

  /** Writes down how far stored chunks were looked at. */
  scrubbed(state: ScrubState): void {
    this.#scrub = state;
    this.persist();
  }

  get alarmAtMs(): number | null {
    return this.#alarmAtMs;
  }

  setAlarm(atMs: number): void {
    // Every setting is a written row: one that comes early enough already is left alone.
    if (this.#alarmAtMs !== null && this.#alarmAtMs <= atMs) return;
    this.#alarmAtMs = Math.min(atMs, ALARM_MS_MAX);
    this.ports.alarm.set(this.#alarmAtMs);
  }

  /** The alarm has gone off and is used up. */
  alarmFired(): void {
    this.#alarmAtMs = null;
  }

  persist(): void {
    // rule: a-lost-storage-is-persisted
    const reset = this.wasReset ? { wasReset: true } : {};
    // rule: corruption-is-persisted
    const corrupt = this.isCorrupt ? { isCorrupt: true } : {};
    // rule: an-empty-log-keeps-its-epoch
    const leaderEpoch = this.log.lastEpoch;
    writeReplicaState(this.ports.storage, {
      version: 1,
      assignment: this.#assignment,
      logStartOffset: this.log.startOffset,
      emptyAt: {
        offset: this.log.endOffset,
        position: this.log.endPosition,
        leaderEpoch,
      },
      ...reset,
      ...corrupt,
      ...(this.wished ? { wished: this.wished } : {}),
      ...(this.#standsAt === null ? {} : { standsAt: this.#standsAt }),
      ...(this.#scrub === null ? {} : { scrub: this.#scrub }),
    });
  }
}
