/**
 * A replica's time as leader of one epoch: what its followers hold, the high watermark that follows
 * from it, the in-sync set and the appends that wait for it. One of these per epoch: what was
 * acknowledged to an earlier epoch counts for nothing here.
 *
 * The high watermark is the smallest acknowledged end over the *maximal* in-sync set, the committed
 * members and those that were asked for and not yet refused (KIP-497), and stands still while fewer
 * than min.insync.replicas are committed (KIP-966).
 */
import { within } from "../../../base/deadline.ts";
import { refuse, type Refusal } from "../../../base/errors.ts";
import { Commits } from "./commits.ts";
import type { ReplicaCore } from "../core.ts";
import { FollowerLink, type LinkOwner } from "./follower-link.ts";
import { KnownEnd } from "../reads/known-end.ts";
import { LogStarts } from "./log-starts.ts";
import type { LogPoint, PullRequest } from "../../contracts/replication.ts";
import type { ReplicaAssignment } from "../../contracts/assignment.ts";
import type { AlteredInSync } from "../../contracts/controller-port.ts";

/** A wish for another in-sync set that is not decided is repeated after this, then after twice as long each time. */
const ALTER_RETRY_MS_MIN = 250;
const ALTER_RETRY_MS_MAX = 5_000;
/** The controller's answer is waited for so long. */
const ALTER_MS_MAX = 5_000;
/** While a follower is out of sync, it is tried again at least so often, by the alarm. */
const OUT_OF_SYNC_RETRY_MS = 15_000;

export class Leadership implements LinkOwner {
  readonly commits: Commits;
  readonly #starts: LogStarts;
  readonly #core: ReplicaCore;
  readonly #adopt: (assignment: ReplicaAssignment) => void;
  readonly #links = new Map<number, FollowerLink>();
  /** The committed in-sync set as of the last look at the links. */
  #members: readonly number[] = [];
  /**
   * Where the log ended when this instance began to lead. Every high watermark of earlier epochs, and
   * of instances of this epoch that slept since, lies at or below it, while the one known here may lag
   * (KAFKA-7128, KIP-497).
   */
  readonly #beganAt: number;
  /** Of the log, for readers: see {@link #settle}. */
  readonly #end: KnownEnd;
  /** Nothing is known to be durable before {@link begin}. */
  #durable: LogPoint = { offset: -1, leaderEpoch: -1 };
  /** Numbers the questions to the controller; the one under way, 0 for none. */
  #asked = 0;
  #asking = 0;
  #askFailures = 0;
  #cancelAsking: (() => void) | null = null;
  #cancelWatch: (() => void) | null = null;
  #isOver = false;

  /** @param adopt takes up an assignment that was learned from elsewhere than the controller's delivery */
  constructor(core: ReplicaCore, adopt: (assignment: ReplicaAssignment) => void) {
    this.#core = core;
    this.#adopt = adopt;
    this.commits = new Commits(core.ports.clock, core.ports.timers);
    this.#starts = new LogStarts(core.ports.clock, core.ports.timers);
    this.#beganAt = core.log.endOffset;
    this.#end = new KnownEnd(core.ports.timers);
    this.#link();
  }

  /** Begins: the log is durable up to here. `elected`: the followers are told at once. */
  begin(point: LogPoint, elected: boolean): void {
    if (this.#isOver || this.#durable.offset >= point.offset) return;
    this.#durable = point;
    this.#advance();
    if (elected) for (const link of this.#links.values()) link.drive(true);
    this.#driveOutOfSync();
    if (this.#core.wished !== null) this.#consider();
    this.#watch();
  }

  /** The leader's own log is durable up to here. */
  flushed(point: LogPoint): void {
    if (this.#isOver) return;
    this.#durable = point;
    this.#advance();
    for (const link of this.#links.values()) link.drive();
    this.#watch();
  }

  /** The log start has risen. */
  startRaised(): void {
    for (const link of this.#links.values()) link.drive();
  }

  /**
   * Waits until every replica of the maximal in-sync set begins where the log of this leader does now (KIP-107).
   * REQUEST_TIMED_OUT where that takes longer than `timeoutMs`; NOT_LEADER_OR_FOLLOWER.
   */
  startHeld(timeoutMs: number): Promise<Refusal | null> {
    const { startOffset } = this.#core.log;
    // rule: deletions-wait-for-the-in-sync-replicas
    if (this.#heldStart() >= startOffset) return Promise.resolve(null);
    const held = this.#starts.wait(startOffset, timeoutMs);
    for (const link of this.#links.values()) {
      if (this.#counts(link.replica.brokerId) && link.ackedStart < startOffset) link.drive(true);
    }
    return held;
  }

  /** The assignment changed within the epoch. */
  reassigned(): void {
    this.#asking = 0;
    this.#askFailures = 0;
    this.#cancelAsking?.();
    this.#cancelAsking = null;
    this.#link();
    if (this.#core.assignment.inSync.length < this.#core.config["min.insync.replicas"]) {
      this.commits.refuseAll(refuse("NOT_ENOUGH_REPLICAS_AFTER_APPEND"));
    }
    this.#advance();
    if (this.#starts.isWaiting) this.#starts.advance(this.#heldStart());
    this.#driveOutOfSync();
    this.#consider();
  }

  /** Calls again whoever is out of sync or has not said what it holds. */
  check(): void {
    for (const link of this.#links.values()) {
      if (!this.#isCommitted(link) || link.ackedOffset < 0 || link.isFailing) link.retry();
    }
    this.#consider();
    this.#watch();
  }

  /** Whether the high watermark known here lies at or above every one that readers were told. */
  get isVerified(): boolean {
    return this.#end.isKnown;
  }

  /** Asks the in-sync followers that have not said yet what they hold. */
  verify(): void {
    if (this.isVerified || this.#isOver) return;
    for (const link of this.#links.values()) {
      if (this.#counts(link.replica.brokerId) && link.ackedOffset < 0) link.drive(true);
    }
    this.#watch();
  }

  /** As {@link verify}; resolves when it is verified, or cannot be for now. Bounded in time. */
  async verified(): Promise<void> {
    this.verify();
    // While the high watermark stands still, waiting shows nothing.
    if (!this.isVerified && !this.#standsStill()) await this.#end.wait();
  }

  end(refusal: Refusal): void {
    this.#isOver = true;
    for (const link of this.#links.values()) link.end();
    this.#cancelAsking?.();
    this.#unwatch();
    this.#end.release();
    this.commits.refuseAll(refusal);
    this.#starts.end(refusal);
  }

  /** A follower's pull: it holds everything below, durably. Not so one that was under way for long. */
  pulled({ brokerId, from, partitionEpoch = Infinity, generation }: PullRequest): void {
    const link = this.#links.get(brokerId);
    if (!link) return;
    // rule: pulls-of-other-objects-count-for-nothing
    if (generation !== undefined && generation !== link.replica.generation) return;
    // rule: pulls-from-before-it-left-count-for-nothing
    if (partitionEpoch < link.sincePartitionEpoch) return;
    link.matchesUpTo(from);
  }

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
    if (this.#starts.isWaiting) this.#starts.advance(this.#heldStart());
    this.#consider();
    // A timer would keep an idle object awake.
    if (this.#cancelWatch !== null && !this.#isAnyBehind()) this.#unwatch();
  }

  deposed(assignment: ReplicaAssignment): void {
    if (!this.#isOver) this.#adopt(assignment);
  }

  failed(): void {
    this.#watch();
    this.#keepAlarm();
  }

  /**
   * One link per other replica; those of replicas that are gone end. Who has left the in-sync set may
   * have lost what it had (KIP-903): it has to say anew what it holds, and what it said before is
   * not listened to any more.
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
    // Before the leader's own log is known to be durable: what leaves for a follower waits for that.
    const from = this.#durable.offset < 0 ? this.#core.log.point() : this.#durable;
    for (const replica of assignment.replicas) {
      const { brokerId } = replica;
      if (brokerId === assignment.brokerId || this.#links.has(brokerId)) continue;
      const since = inSync.includes(brokerId) ? 0 : partitionEpoch;
      this.#links.set(brokerId, new FollowerLink(this.#core, this, replica, from, since));
    }
  }

  #isCommitted(link: FollowerLink): boolean {
    return this.#core.assignment.inSync.includes(link.replica.brokerId);
  }

  #driveOutOfSync(): void {
    for (const link of this.#links.values()) if (!this.#isCommitted(link)) link.drive(true);
    this.#keepAlarm();
  }

  #advance(): void {
    if (this.#isOver) return;
    const { highWatermark } = this.#core;
    const next = this.#standsStill() ? highWatermark : this.#committed();
    if (next > highWatermark) this.#core.advance(next);
    this.#settle();
    if (next <= highWatermark) return;
    this.commits.advance(next);
    for (const link of this.#links.values()) link.drive();
  }

  /** The smallest acknowledged end of the maximal in-sync set. */
  #committed(): number {
    let end = this.#durable.offset;
    for (const [brokerId, link] of this.#links) {
      if (this.#counts(brokerId)) end = Math.min(end, link.ackedOffset);
    }
    return end;
  }

  /** Where the logs of the maximal in-sync set begin at the least. */
  #heldStart(): number {
    let start = this.#core.log.startOffset;
    for (const [brokerId, link] of this.#links) {
      if (this.#counts(brokerId)) start = Math.min(start, link.ackedStart);
    }
    return start;
  }

  /** Whether a replica is of the maximal in-sync set. */
  #counts(brokerId: number): boolean {
    const { assignment, wished } = this.#core;
    // rule: high-watermark-of-the-maximal-in-sync-set
    return assignment.inSync.includes(brokerId) || wished?.includes(brokerId) === true;
  }

  #standsStill(): boolean {
    // rule: high-watermark-stands-still-below-min-insync
    return this.#core.assignment.inSync.length < this.#core.config["min.insync.replicas"];
  }

  /**
   * What was ever told lies at or below where the log ended when this instance began: from there on
   * the high watermark is verified, or where it was written down while it stood still.
   */
  #settle(): void {
    if (this.#durable.offset < 0) return;
    const { highWatermark, standsAt } = this.#core;
    if (!this.isVerified && (highWatermark >= this.#beganAt || standsAt !== null)) {
      this.#end.known();
    }
    if (this.isVerified && standsAt === null && this.#standsStill()) this.#core.stand();
  }

  /** Looks whether the in-sync set should be another one, and asks the controller. */
  #consider(): void {
    if (this.#isOver || this.#asking !== 0 || this.#cancelAsking !== null) return;
    const { inSync } = this.#core.assignment;
    const wanted = inSync.filter((brokerId) => !this.#hasFallenBehind(brokerId));
    for (const [brokerId, link] of this.#links) {
      if (!inSync.includes(brokerId) && this.#mayJoin(link)) wanted.push(brokerId);
    }
    const isSame = wanted.length === inSync.length && wanted.every((id) => inSync.includes(id));
    const { wished } = this.#core;
    const asked = wished ?? (isSame ? null : wanted);
    if (asked !== null) this.#ask(asked).catch((error: unknown) => this.#core.ports.broken(error));
  }

  /**
   * Who joins holds what is committed, everything below the high watermark known and any known before, and
   * nothing that was deleted.
   */
  #mayJoin({ replica, ackedOffset, ackedStart }: FollowerLink): boolean {
    if (replica.fenced || this.#hasFallenBehind(replica.brokerId)) return false;
    // rule: joins-with-what-is-deleted
    if (ackedStart < this.#core.log.startOffset) return false;
    // rule: joins-with-what-is-committed
    if (ackedOffset < this.#core.highWatermark) return false;
    // rule: joins-with-what-may-have-been-committed
    return ackedOffset >= this.#beganAt;
  }

  #hasFallenBehind(brokerId: number): boolean {
    const link = this.#links.get(brokerId);
    if (!link || link.behindSinceMs === null) return false;
    const behindMs = this.#core.ports.clock.nowMs() - link.behindSinceMs;
    return behindMs >= this.#core.config["replica.lag.time.max.ms"];
  }

  async #ask(inSync: readonly number[]): Promise<void> {
    const { topicId, partition, brokerId, leaderEpoch, partitionEpoch } = this.#core.assignment;
    this.#asked += 1;
    const asking = this.#asked;
    this.#asking = asking;
    // From here on it may have been decided: new members count, leaving ones count still. Also after
    // a reset: the call leaves when the row is durable.
    if (this.#core.wished === null) {
      this.#core.wished = inSync;
      this.#core.persist();
    }
    let answer: AlteredInSync | Refusal | null = null;
    try {
      const request = { topicId, partition, brokerId, leaderEpoch, partitionEpoch, inSync };
      const { controller, timers } = this.#core.ports;
      answer = await within(timers, ALTER_MS_MAX, controller.alterInSync(request));
    } catch {
      // Whether it was decided is not known: the wish stands until an answer or an assignment comes.
    }
    if (this.#isOver || this.#asking !== asking) return;
    this.#asking = 0;
    if (answer && !answer.ok && answer.error === "INELIGIBLE_REPLICA") this.#core.wished = null;
    if (answer?.ok) {
      this.#askFailures = 0;
      // Who was asked for counts until the answer is persisted: an instance that was superseded never
      // gets so far.
      this.#adopt(answer.assignment);
      if (this.#core.wished === inSync) this.#core.wished = null;
      return this.acknowledged();
    }
    const delayMs = Math.min(ALTER_RETRY_MS_MIN * 2 ** this.#askFailures, ALTER_RETRY_MS_MAX);
    this.#askFailures += 1;
    this.#cancelAsking = this.#core.ports.timers.after(delayMs, () => {
      this.#cancelAsking = null;
      this.#consider();
    });
    this.#keepAlarm();
  }

  /** While a follower is behind, somebody has to notice when it has been for too long. */
  #watch(): void {
    if (this.#isOver || this.#cancelWatch !== null || !this.#isAnyBehind()) return;
    const lagMs = this.#core.config["replica.lag.time.max.ms"];
    this.#cancelWatch = this.#core.ports.timers.after(Math.ceil(lagMs / 2), () => {
      this.#cancelWatch = null;
      this.#consider();
      this.#watch();
    });
  }

  #unwatch(): void {
    this.#cancelWatch?.();
    this.#cancelWatch = null;
  }

  #isAnyBehind(): boolean {
    for (const link of this.#links.values()) {
      if (link.behindSinceMs !== null && this.#isCommitted(link)) return true;
    }
    return false;
  }

  /** The alarm outlives the object's sleep: it stays set while a follower that could be is not in sync. */
  #keepAlarm(): void {
    const isUnhealthy = [...this.#links.values()].some(
      (link) => !link.replica.fenced && (!this.#isCommitted(link) || link.isFailing),
    );
    if (isUnhealthy) {
      this.#core.setAlarm(this.#core.ports.clock.nowMs() + OUT_OF_SYNC_RETRY_MS);
    }
  }
}
