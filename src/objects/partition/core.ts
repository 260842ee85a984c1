/**
 * What the parts of a replica share: its log, its assignment, its high watermark, its alarm, who waits and who reads.
 * Persists the one row that keeps them. Decides nothing about roles: role.ts does.
 */
import { effectiveConfig, type EffectiveConfig } from "../../base/config.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import type { AlarmPort, ClockPort, StoragePort, TimerPort } from "../../base/ports.ts";
import type { ReplicaAssignment, ReplicaRef } from "../contracts/assignment.ts";
import type { ControllerPort } from "../contracts/controller-port.ts";
import type { LogEnds } from "../contracts/partition.ts";
import type { PeerAddress, PeerPort } from "../contracts/replication.ts";
import { Damage } from "./damage.ts";
import { CorruptLog } from "./log/integrity.ts";
import { Log } from "./log/log.ts";
import { writeReplicaState, type ReplicaState, type ScrubState } from "./log/tables.ts";
import { ReadableBytes } from "./reads/readable-bytes.ts";
import type { TailBudget } from "./reads/tail-memory.ts";
import { Tails } from "./reads/tails.ts";
import { Waiters } from "./reads/waiters.ts";

export interface ReplicaPorts {
  readonly storage: StoragePort;
  readonly clock: ClockPort;
  readonly alarm: AlarmPort;
  readonly timers: TimerPort;
  readonly peers: PeerPort;
  readonly controller: ControllerPort;
  readonly tailBudget: TailBudget;
  /** The service's settings, by their names in the config table. */
  readonly settings: Readonly<Record<string, string>>;
  /** When the alarm is due that was set before the object slept, in ms; null if none is. */
  readonly alarmAtMs: number | null;
  /** Storage and memory may disagree: the object has to be reset. */
  readonly broken: (error: unknown) => void;
}

export type Result<T> = T | Refusal;

/** The largest time of a `Date`: alarms beyond it cannot be set. */
const ALARM_MS_MAX = 8_640_000_000_000_000;

export class ReplicaCore {
  readonly ports: ReplicaPorts;
  readonly log: Log;
  readonly damage: Damage;
  readonly tails: Tails;
  readonly waiters: Waiters;
  isPurged = false;
  /**
   * The in-sync set that this leader has asked the controller for under its assignment, and that may have been decided
   * already (Kafka's pending in-sync set, KIP-497); null if there is none, or it was refused.
   */
  pendingInSync: readonly number[] | null;
  readonly #readable: ReadableBytes;
  #assignment: ReplicaAssignment;
  #config: EffectiveConfig;
  #highWatermark: number;
  #stalledAt: number | null;
  #scrub: ScrubState | null;
  #alarmAtMs: number | null;

  constructor(ports: ReplicaPorts, state: ReplicaState) {
    this.ports = ports;
    this.#assignment = state.assignment;
    this.#config = effectiveConfig(state.assignment.configs, ports.settings);
    this.damage = new Damage(
      {
        controller: ports.controller,
        assignment: () => this.#assignment,
        isPurged: () => this.isPurged,
        persist: () => this.persist(),
        emptyLog: () => this.#emptyLog(),
        broken: ports.broken,
      },
      state,
    );
    const { storage, tailBudget } = ports;
    const config = (): EffectiveConfig => this.#config;
    this.log = new Log(storage, state, config, tailBudget, () => this.damage.found());
    this.#scrub = state.scrub ?? null;
    // rule: a-pending-in-sync-set-outlives-its-instance
    this.pendingInSync = state.wished ?? null;
    this.#stalledAt = state.standsAt ?? null;
    this.#highWatermark = Math.max(this.log.recoveredHighWatermark, this.#stalledAt ?? 0);
    this.#readable = new ReadableBytes(this.log.endPosition);
    this.#alarmAtMs = ports.alarmAtMs;
    this.waiters = new Waiters(ports.timers);
    this.tails = new Tails({
      read: (offset, maxBytes) => this.#readForTail(offset, maxBytes),
      ends: () => this.ends(),
      nowMs: () => ports.clock.nowMs(),
      windowBytes: () => this.#config["tail.window.bytes"],
    });
    if (this.log.isRecoveredCorrupt) this.damage.found();
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

  /** The high watermark that was persisted while it stalls (see {@link stall}); null if it may move. */
  get stalledAt(): number | null {
    return this.#stalledAt;
  }

  /** Whether this replica's broker is fenced. */
  get isFenced(): boolean {
    return this.peer(this.#assignment.brokerId)?.fenced === true;
  }

  /** The partition's replica on a broker. */
  peer(brokerId: number): ReplicaRef | undefined {
    return this.#assignment.replicas.find((replica) => replica.brokerId === brokerId);
  }

  address(replica: ReplicaRef): PeerAddress {
    const { topicId, partition } = this.#assignment;
    const { brokerId, generation, locationHint } = replica;
    return { topicId, partition, brokerId, generation, locationHint };
  }

  /** The ends of the log as readers are told. */
  ends(): LogEnds {
    return {
      logStartOffset: this.log.logStartOffset,
      highWatermark: this.#highWatermark,
      lastStableOffset: this.#highWatermark,
    };
  }

  /** Persists a newer assignment, then takes it up. */
  adopt(assignment: ReplicaAssignment): void {
    const before = {
      assignment: this.#assignment,
      pendingInSync: this.pendingInSync,
      stalledAt: this.#stalledAt,
    };
    this.#assignment = assignment;
    this.#stalledAt = null;
    // Whatever was asked for under an earlier partition epoch is decided: it is part of this one, or was refused.
    this.pendingInSync = null;
    try {
      this.persist();
    } catch (error) {
      this.#assignment = before.assignment;
      this.pendingInSync = before.pendingInSync;
      this.#stalledAt = before.stalledAt;
      throw error;
    }
    this.#config = effectiveConfig(assignment.configs, this.ports.settings);
  }

  /** Why this replica serves nobody; null if it may. */
  refusalToServe(): Refusal | null {
    if (this.isPurged) return refuse("UNKNOWN_TOPIC_OR_PARTITION");
    // A replica that was moved away learns it from its peers before it is purged.
    const { brokerId, generation } = this.#assignment;
    if (this.peer(brokerId)?.generation !== generation) return refuse("NOT_LEADER_OR_FOLLOWER");
    return this.isFenced ? refuse("REPLICA_NOT_AVAILABLE") : null;
  }

  /** Notes that the log has grown, for {@link advance}. */
  written(): void {
    this.#readable.written({ offset: this.log.endOffset, position: this.log.endPosition });
  }

  /** Raises the high watermark; a lower one changes nothing. */
  advance(highWatermark: number): void {
    if (this.isPurged || highWatermark <= this.#highWatermark) return;
    this.#highWatermark = highWatermark;
    if (this.#stalledAt !== null) {
      this.#stalledAt = null;
      this.persist();
    }
    const bytes = this.#readable.advance(highWatermark);
    if (bytes === null) this.waiters.release();
    else this.waiters.advance(bytes);
    // rule: tails-get-what-becomes-readable
    this.tails.advance();
  }

  /**
   * Persists the high watermark, which stalls: fewer replicas than min.insync.replicas are in sync, so an object that
   * wakes up before that changes has nobody to learn it from.
   */
  stall(): void {
    this.#stalledAt = this.#highWatermark;
    this.persist();
  }

  /** After the log was truncated: nothing above its end is readable or waited for. */
  truncated(): void {
    this.#readable.reset(this.log.endPosition);
    // rule: the-high-watermark-is-within-the-log
    this.#highWatermark = Math.min(
      Math.max(this.#highWatermark, this.log.localStartOffset),
      this.log.endOffset,
    );
  }

  /** Raises the log start offset, which lies within the log, and begins to delete what is below. */
  raiseStart(offset: number): void {
    this.log.raiseStart(offset, () => this.persist());
    this.deleteBelowStart();
  }

  /** Deletes some of the rows below the local start; the alarm deletes the others. True if there are others. */
  deleteBelowStart(): boolean {
    const isMore = this.log.deleteBelowStart();
    if (isMore) this.setAlarm(this.ports.clock.nowMs() + 1);
    return isMore;
  }

  /** How far stored chunks were verified; null if the topic has never asked for it. */
  get scrub(): ScrubState | null {
    return this.#scrub;
  }

  /** Persists how far stored chunks were verified. */
  scrubbed(state: ScrubState): void {
    this.#scrub = state;
    this.persist();
  }

  get alarmAtMs(): number | null {
    return this.#alarmAtMs;
  }

  /** Has the alarm go off at this time at the latest. */
  setAlarm(atMs: number): void {
    // Each setting is billed as a written row: an alarm that is early enough stays as it is.
    if (this.#alarmAtMs !== null && this.#alarmAtMs <= atMs) return;
    this.#alarmAtMs = Math.min(atMs, ALARM_MS_MAX);
    this.ports.alarm.set(this.#alarmAtMs);
  }

  /** The alarm has gone off, and none is set now. */
  alarmFired(): void {
    this.#alarmAtMs = null;
  }

  persist(): void {
    // rule: an-empty-log-keeps-its-epoch
    const leaderEpoch = this.log.lastEpoch;
    writeReplicaState(this.ports.storage, {
      version: 1,
      assignment: this.#assignment,
      logStartOffset: this.log.logStartOffset,
      emptyAt: {
        offset: this.log.endOffset,
        position: this.log.endPosition,
        leaderEpoch,
      },
      ...this.damage.state,
      ...(this.pendingInSync ? { wished: this.pendingInSync } : {}),
      ...(this.#stalledAt === null ? {} : { standsAt: this.#stalledAt }),
      ...(this.#scrub === null ? {} : { scrub: this.#scrub }),
    });
  }

  /** Empty if what is stored there is corrupt: the tail is closed, and its reader finds another leader if there is one. */
  #readForTail(offset: number, maxBytes: number): Uint8Array {
    try {
      return this.log.reader.page(offset, this.#highWatermark, maxBytes);
    } catch (error) {
      if (error instanceof CorruptLog) return new Uint8Array();
      throw error;
    }
  }

  #emptyLog(): void {
    this.log.truncateFullyAndStartAt({ offset: 0, position: 0, producers: [] }, () =>
      this.persist(),
    );
    this.truncated();
  }
}
