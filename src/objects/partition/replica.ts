/**
 * A partition replica: the rules of its object, behind ports, which the shell (object.ts) connects to the platform.
 * Puts the parts together and hands each call to the one that answers it: role.ts takes up assignments, leader/appends.ts
 * appends, follower/following.ts follows, reads/reads.ts and reads/offsets.ts answer readers, retention/retention.ts
 * deletes.
 *
 * Nothing is readable before it is durable here and, with followers, in every in-sync replica.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import type { Assigned, Probed, ReplicaAssignment } from "../contracts/assignment.ts";
import {
  TAIL_CLOSE,
  type Appended,
  type AppendRequest,
  type ConditionalAppend,
  type EpochEnd,
  type Fetched,
  type FencedAppend,
  type FetchRequest,
  type ListedOffset,
  type OffsetSpec,
} from "../contracts/partition.ts";
import type {
  CatchUpAnswer,
  CatchUpRequest,
  PullAnswer,
  PullRequest,
  ReplicateAnswer,
  ReplicateRequest,
} from "../contracts/replication.ts";
import { ReplicaCore, type ReplicaPorts, type Result } from "./core.ts";
import { describeReplica, probeReplica, type RulesDescription } from "./description.ts";
import { Following } from "./follower/following.ts";
import { Appends } from "./leader/appends.ts";
import { answerPull } from "./leader/pull.ts";
import { armScrub, scrubWhenDue } from "./log/scrub.ts";
import {
  createTables,
  readReplicaState,
  writeReplicaState,
  type ReplicaState,
} from "./log/tables.ts";
import { Offsets } from "./reads/offsets.ts";
import { Reads } from "./reads/reads.ts";
import type { Tails, TailSocket, TailState } from "./reads/tails.ts";
import { Retention } from "./retention/retention.ts";
import { Role } from "./role.ts";

export type { ReplicaPorts } from "./core.ts";

export class Replica {
  readonly #core: ReplicaCore;
  readonly #role: Role;
  readonly #appends: Appends;
  readonly #following: Following;
  readonly #reads: Reads;
  readonly #offsets: Offsets;
  readonly #retention: Retention;

  /** Wakes up; null for an object that was never assigned or was purged. */
  static wake(ports: ReplicaPorts): Replica | null {
    const state = readReplicaState(ports.storage);
    return state ? new Replica(ports, state) : null;
  }

  /** Makes the object a replica for the first time. If it is not a founding one, its storage has been lost (KIP-903). */
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
    this.#core = new ReplicaCore(ports, state);
    this.#role = new Role(this.#core, {
      deposed: (refusal) => this.#appends.refuseQueued(refusal),
      assigned: () => {
        this.#retention.enforce();
        armScrub(this.#core);
      },
    });
    this.#following = new Following(this.#core, this.#role.adoptFromPeer);
    this.#retention = new Retention(this.#core, this.#role);
    this.#appends = new Appends(this.#core, this.#role, this.#retention);
    this.#reads = new Reads(this.#core, this.#role, this.#following);
    this.#offsets = new Offsets(this.#core, this.#role);
    const { damage } = this.#core;
    damage.onCorrupt = () => this.#role.resignIfCorrupt();
    if (damage.mustBeCopied) damage.report();
    armScrub(this.#core);
    this.#role.resume();
  }

  get tails(): Tails {
    return this.#core.tails;
  }

  /** Takes up a newer assignment; an older or the same one changes nothing. */
  assign(assignment: ReplicaAssignment): Assigned {
    this.#role.assign(assignment);
    const { damage } = this.#core;
    // rule: a-lost-storage-is-told
    return { ok: true, wasReset: damage.wasReset || damage.isCorrupt };
  }

  probe(): Probed {
    return probeReplica(this.#core);
  }

  /**
   * Appends batches, which belong to the replica from here on.
   *
   * Errors after which nothing was written: those of new-records.ts and of producers.ts; CORRUPT_MESSAGE,
   * INVALID_RECORD; LEADER_NOT_AVAILABLE, STORAGE_LOST, REPLICA_NOT_AVAILABLE; NOT_ENOUGH_REPLICAS;
   * THROTTLING_QUOTA_EXCEEDED (bytes in flight); NOT_LEADER_OR_FOLLOWER, unless `written` says otherwise: a leader
   * was deposed while it waited for its followers (KAFKA-13574). Errors after which the outcome is not known:
   * NOT_ENOUGH_REPLICAS_AFTER_APPEND, REQUEST_TIMED_OUT, KAFKA_STORAGE_ERROR.
   *
   * An idempotent batch that is already in the log is recognised before any of its records is judged: after
   * NOT_ENOUGH_REPLICAS, MESSAGE_TOO_LARGE, INVALID_TIMESTAMP or INVALID_RECORD, no earlier attempt was written either.
   * A replica that does not lead, or throttles the append before it is read, speaks of this attempt alone.
   */
  append(request: AppendRequest): Promise<Result<Appended>> {
    return this.receive(request.batches.byteLength, async () => request);
  }

  /** As {@link append}; END_OFFSET_MISMATCH where the log does not end at `expectedOffset`. */
  appendAt(request: ConditionalAppend): Promise<Result<Appended>> {
    return this.append(request);
  }

  /** As {@link append}; FENCING_TOKEN_MISMATCH where another token than `fencing.expected` is in force. */
  appendFenced(request: FencedAppend): Promise<Result<Appended>> {
    return this.append(request);
  }

  /**
   * As {@link append}, for a request of `bytes` whose body has not been read: `read` is called once it is admitted, so
   * that what waits is never in memory beyond the bound.
   */
  receive(bytes: number, read: () => Promise<AppendRequest>): Promise<Result<Appended>> {
    return this.#appends.receive(bytes, read);
  }

  /**
   * Reads below the high watermark that this replica knows; leaders and followers alike. The high watermark of a page
   * that lies below it may lag.
   *
   * Errors: OFFSET_BELOW_LOG_START, OFFSET_OUT_OF_RANGE, REPLICA_NOT_AVAILABLE; NOT_LEADER_OR_FOLLOWER from a follower
   * that does not know of the offset, as the leader may; OFFSET_NOT_AVAILABLE if there is nothing to show and the leader
   * does not know yet whether there is more; KAFKA_STORAGE_ERROR if what is stored there is corrupt.
   */
  fetch(request: FetchRequest): Promise<Result<Fetched>> {
    return this.#reads.fetch(request);
  }

  /** Errors: LEADER_NOT_AVAILABLE, STORAGE_LOST, NOT_LEADER_OR_FOLLOWER, REPLICA_NOT_AVAILABLE, OFFSET_NOT_AVAILABLE. */
  listOffset(spec: OffsetSpec): Promise<Result<ListedOffset>> {
    return this.#offsets.list(spec);
  }

  /**
   * Where a leader epoch ends in this leader's log (KIP-320); the present epoch ends, as in Kafka, at the end of the
   * log. Errors: those of {@link listOffset} but for OFFSET_NOT_AVAILABLE.
   */
  endOfEpoch(leaderEpoch: number): Result<EpochEnd> {
    return this.#offsets.endOfEpoch(leaderEpoch);
  }

  /**
   * Raises the log start offset to `before`; -1 stands for the high watermark. Answers once every in-sync replica has
   * raised it too (KIP-107). After REQUEST_TIMED_OUT it is raised here, and the others follow. Further errors:
   * OFFSET_OUT_OF_RANGE, POLICY_VIOLATION, and those of {@link listOffset}.
   */
  deleteRecords(
    before: number,
    timeoutMs?: number,
  ): Promise<Result<{ readonly ok: true; readonly logStartOffset: number }>> {
    return this.#retention.deleteRecords(before, timeoutMs);
  }

  /**
   * Opens a tail at `offset` through the socket that `accept` gives; null once it is open. Its first message tells the
   * ends of the log. Errors: those of {@link listOffset}, OFFSET_BELOW_LOG_START, OFFSET_OUT_OF_RANGE, and
   * KAFKA_STORAGE_ERROR if what is stored there is corrupt.
   */
  openTail(offset: number, accept: () => TailSocket): Promise<Refusal | null> {
    return this.#reads.openTail(offset, accept);
  }

  /** Takes up the readers that stayed while the object slept. */
  resumeTails(tails: Iterable<readonly [TailSocket, TailState]>): void {
    this.#reads.resumeTails(tails);
  }

  /** The leader pushes its newest chunks. */
  async replicate(request: ReplicateRequest): Promise<ReplicateAnswer> {
    return this.#following.replicate(request);
  }

  /** The leader asks this follower to pull what it lacks. */
  async catchUp(request: CatchUpRequest): Promise<CatchUpAnswer> {
    return this.#following.catchUp(request);
  }

  /** A follower asks this leader for what it lacks. */
  async pull(request: PullRequest): Promise<PullAnswer> {
    const refusal = this.#core.refusalToServe();
    if (refusal) return refusal;
    return answerPull(this.#core, this.#role.leadership, request);
  }

  /** The alarm has gone off. */
  onAlarm(): void {
    this.#core.alarmFired();
    this.#core.deleteBelowStart();
    this.#retention.enforce();
    this.#role.leadership?.check();
    scrubWhenDue(this.#core);
  }

  /** Answers everybody who waits and releases what is held: the object's storage is about to be deleted. */
  close(): void {
    const gone = refuse("UNKNOWN_TOPIC_OR_PARTITION");
    this.#core.isPurged = true;
    this.#appends.refuseQueued(gone);
    this.#role.end(gone);
    this.#core.waiters.release();
    this.tails.closeAll(TAIL_CLOSE.moved, "The partition is not here any more.");
    this.#core.log.close();
  }

  describe(): RulesDescription {
    return describeReplica(this.#core, this.#role.leadership, this.#appends);
  }
}
