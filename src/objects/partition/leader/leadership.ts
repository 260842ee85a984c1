/**
 * A replica's term as leader of one epoch: what its followers hold, the high watermark that follows from it, and the
 * operations that wait for either. There is one of these for each epoch, since what was acknowledged to an earlier epoch
 * counts for nothing in this one.
 *
 * The high watermark is the smallest acknowledged end over the maximal in-sync set (KIP-497, see in-sync-set.ts), and
 * stalls while fewer than min.insync.replicas are committed members (KIP-966).
 */
import { refuse, type Refusal } from "../../../base/errors.ts";
import type { ReplicaAssignment } from "../../contracts/assignment.ts";
import type { LogPoint, PullRequest } from "../../contracts/replication.ts";
import type { ReplicaCore } from "../core.ts";
import { VerifiedEnd } from "../reads/verified-end.ts";
import { DelayedDeletes } from "./delayed-deletes.ts";
import { FollowerLink, type LinkOwner } from "./follower-link.ts";
import { InSyncSet } from "./in-sync-set.ts";
import { Purgatory } from "./purgatory.ts";

/** While a follower is out of sync, the alarm calls it again at least this often. */
const OUT_OF_SYNC_RETRY_MS = 15_000;

export class Leadership implements LinkOwner {
  /** Appends with acks=all that wait for the high watermark. */
  readonly delayedAppends: Purgatory;
  readonly #delayedDeletes: DelayedDeletes;
  readonly #core: ReplicaCore;
  readonly #adopt: (assignment: ReplicaAssignment) => void;
  readonly #links = new Map<number, FollowerLink>();
  readonly #inSync: InSyncSet;
  /** The committed in-sync set when the links were last brought in line with it. */
  #members: readonly number[] = [];
  /**
   * Where the log ended when this instance began to lead. No high watermark of an earlier epoch, or of an instance of
   * this epoch that has slept since, is above it, while the one that is known here may lag (KAFKA-7128, KIP-497).
   */
  readonly #beganAt: number;
  readonly #verifiedEnd: VerifiedEnd;
  /** Up to where the leader's own log is known to be durable; nothing before {@link begin}. */
  #durable: LogPoint = { offset: -1, leaderEpoch: -1 };
  #isOver = false;

  /** @param adopt takes up an assignment that came with the answer of a follower or the controller */
  constructor(core: ReplicaCore, adopt: (assignment: ReplicaAssignment) => void) {
    this.#core = core;
    this.#adopt = adopt;
    const { clock, timers } = core.ports;
    this.delayedAppends = new Purgatory(clock, timers);
    this.#delayedDeletes = new DelayedDeletes(clock, timers);
    this.#beganAt = core.log.endOffset;
    this.#verifiedEnd = new VerifiedEnd(timers);
    const owner = {
      isOver: () => this.#isOver,
      adopt,
      altered: () => this.acknowledged(),
      keepAlarm: () => this.#keepAlarm(),
    };
    this.#inSync = new InSyncSet(core, owner, this.#links, this.#beganAt);
    this.#link();
  }

  /**
   * Begins: the log is durable up to `point`.
   *
   * @param elected the epoch is new, and its followers are told at once
   */
  begin(point: LogPoint, elected: boolean): void {
    if (this.#isOver || this.#durable.offset >= point.offset) return;
    this.#durable = point;
    this.#advance();
    if (elected) for (const link of this.#links.values()) link.drive(true);
    this.#driveOutOfSync();
    if (this.#core.pendingInSync !== null) this.#inSync.review();
    this.#inSync.watchLag();
  }

  /** The leader's own log is durable up to here. */
  flushed(point: LogPoint): void {
    if (this.#isOver) return;
    this.#durable = point;
    this.#advance();
    for (const link of this.#links.values()) link.drive();
    this.#inSync.watchLag();
  }

  /** The log start has risen. */
  startRaised(): void {
    for (const link of this.#links.values()) link.drive();
  }

  /**
   * Waits until the log start of every replica in the maximal in-sync set is at the present one of this leader, or
   * above (KIP-107). Errors: REQUEST_TIMED_OUT after `timeoutMs`, NOT_LEADER_OR_FOLLOWER.
   */
  startHeld(timeoutMs: number): Promise<Refusal | null> {
    const { logStartOffset } = this.#core.log;
    // rule: deletions-wait-for-the-in-sync-replicas
    if (this.#heldStart() >= logStartOffset) return Promise.resolve(null);
    const held = this.#delayedDeletes.wait(logStartOffset, timeoutMs);
    for (const [brokerId, link] of this.#links) {
      if (this.#inSync.mayHave(brokerId) && link.ackedStart < logStartOffset) link.drive(true);
    }
    return held;
  }

  /** The assignment has changed within the epoch. */
  reassigned(): void {
    this.#inSync.reassigned();
    this.#link();
    if (this.#core.assignment.inSync.length < this.#core.config["min.insync.replicas"]) {
      this.delayedAppends.refuseAll(refuse("NOT_ENOUGH_REPLICAS_AFTER_APPEND"));
    }
    this.#advance();
    this.#advanceDeletes();
    this.#driveOutOfSync();
    this.#inSync.review();
  }

  /** Calls again the followers that are out of sync, that fail, or that have not said what they hold. */
  check(): void {
    for (const [brokerId, link] of this.#links) {
      if (!this.#inSync.has(brokerId) || link.ackedOffset < 0 || link.isFailing) link.retry();
    }
    this.#inSync.review();
    this.#inSync.watchLag();
  }

  /** Whether the high watermark known here is at or above every one that readers were told. */
  get isVerified(): boolean {
    return this.#verifiedEnd.isVerified;
  }

  /** Asks the in-sync followers that have not said yet what they hold. */
  verify(): void {
    if (this.isVerified || this.#isOver) return;
    for (const [brokerId, link] of this.#links) {
      if (this.#inSync.mayHave(brokerId) && link.ackedOffset < 0) link.drive(true);
    }
    this.#inSync.watchLag();
  }

  /** As {@link verify}; resolves when the high watermark is verified, or cannot be for now. Waits a bounded time. */
  async verified(): Promise<void> {
    this.verify();
    // A high watermark that stalls is not verified by waiting.
    if (!this.isVerified && !this.#inSync.isTooSmall()) await this.#verifiedEnd.wait();
  }

  /** Ends the term: refuses the operations that wait. */
  end(refusal: Refusal): void {
    this.#isOver = true;
    for (const link of this.#links.values()) link.end();
    this.#inSync.end();
    this.#verifiedEnd.release();
    this.delayedAppends.refuseAll(refusal);
    this.#delayedDeletes.end(refusal);
  }

  /** A follower has pulled: it holds everything below durably, unless the pull is an old one. */
  pulled({ brokerId, from, partitionEpoch = Infinity, generation }: PullRequest): void {
    const link = this.#links.get(brokerId);
    if (!link) return;
    // rule: pulls-of-other-objects-count-for-nothing
    if (generation !== undefined && generation !== link.replica.generation) return;
    // rule: pulls-from-before-it-left-count-for-nothing
    if (partitionEpoch < link.sincePartitionEpoch) return;
    link.matchesUpTo(from);
  }

  /** What each follower holds of the leader's log; -1 while it is not known. */
  get followers(): { readonly brokerId: number; readonly endOffset: number }[] {
    return [...this.#links].map(([brokerId, { ackedOffset }]) => ({
      brokerId,
      endOffset: ackedOffset,
    }));
  }

  durable(): LogPoint {
    return this.#durable;
  }

  isOver(): boolean {
    return this.#isOver;
  }

  acknowledged(): void {
    if (this.#isOver) return;
    this.#advance();
    this.#advanceDeletes();
    this.#inSync.review();
    this.#inSync.unwatchLag();
  }

  deposed(assignment: ReplicaAssignment): void {
    if (!this.#isOver) this.#adopt(assignment);
  }

  failed(): void {
    this.#inSync.watchLag();
    this.#keepAlarm();
  }

  /**
   * Keeps one link to each other replica, and ends those to replicas that are gone. A replica that has left the in-sync
   * set may have lost what it had (KIP-903): it gets a new link, by which it has to say again what it holds.
   */
  #link(): void {
    const { assignment } = this.#core;
    const { inSync, partitionEpoch } = assignment;
    for (const [brokerId, link] of this.#links) {
      const replica = this.#core.peer(brokerId);
      // rule: who-leaves-says-anew-what-it-holds
      const hasLeft = this.#members.includes(brokerId) && !inSync.includes(brokerId);
      if (replica?.generation === link.replica.generation && !hasLeft) {
        const wasFenced = link.replica.fenced;
        link.replica = replica;
        if (wasFenced && !replica.fenced) link.retry();
      } else {
        link.end();
        this.#links.delete(brokerId);
      }
    }
    this.#members = inSync;
    // Before the leader's own log is known to be durable: what is sent to a follower waits for that.
    const from = this.#durable.offset < 0 ? this.#core.log.point() : this.#durable;
    for (const replica of assignment.replicas) {
      const { brokerId } = replica;
      if (brokerId === assignment.brokerId || this.#links.has(brokerId)) continue;
      const since = inSync.includes(brokerId) ? 0 : partitionEpoch;
      this.#links.set(brokerId, new FollowerLink(this.#core, this, replica, from, since));
    }
  }

  #driveOutOfSync(): void {
    for (const [brokerId, link] of this.#links) if (!this.#inSync.has(brokerId)) link.drive(true);
    this.#keepAlarm();
  }

  /** Raises the high watermark to what is committed, and answers the appends that waited for it. */
  #advance(): void {
    if (this.#isOver) return;
    const { highWatermark } = this.#core;
    const next = this.#inSync.isTooSmall() ? highWatermark : this.#committed();
    if (next > highWatermark) this.#core.advance(next);
    this.#settleEnd();
    if (next <= highWatermark) return;
    this.delayedAppends.advance(next);
    for (const link of this.#links.values()) link.drive();
  }

  #advanceDeletes(): void {
    if (this.#delayedDeletes.isWaiting) this.#delayedDeletes.advance(this.#heldStart());
  }

  /** The smallest acknowledged end in the maximal in-sync set. */
  #committed(): number {
    let end = this.#durable.offset;
    for (const [brokerId, link] of this.#links) {
      if (this.#inSync.mayHave(brokerId)) end = Math.min(end, link.ackedOffset);
    }
    return end;
  }

  /** The smallest log start in the maximal in-sync set. */
  #heldStart(): number {
    let start = this.#core.log.logStartOffset;
    for (const [brokerId, link] of this.#links) {
      if (this.#inSync.mayHave(brokerId)) start = Math.min(start, link.ackedStart);
    }
    return start;
  }

  /**
   * The high watermark is verified once it has reached the end that the log had when this instance began, since no
   * higher one was ever told; or if it was persisted while it stalled, which this does as well.
   */
  #settleEnd(): void {
    if (this.#durable.offset < 0) return;
    const { highWatermark, stalledAt } = this.#core;
    if (!this.isVerified && (highWatermark >= this.#beganAt || stalledAt !== null)) {
      this.#verifiedEnd.verified();
    }
    if (this.isVerified && stalledAt === null && this.#inSync.isTooSmall()) this.#core.stall();
  }

  /** The alarm outlives the object's sleep: it stays set while a follower that could be in sync is not. */
  #keepAlarm(): void {
    const isUnhealthy = [...this.#links].some(
      ([brokerId, link]) => !link.replica.fenced && (!this.#inSync.has(brokerId) || link.isFailing),
    );
    if (isUnhealthy) {
      this.#core.setAlarm(this.#core.ports.clock.nowMs() + OUT_OF_SYNC_RETRY_MS);
    }
  }
}
