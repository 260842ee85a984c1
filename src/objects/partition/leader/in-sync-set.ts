/**
 * Which replicas a leader counts as in sync, and which set it asks the controller for (AlterPartition, KIP-497): without
 * those that have been behind for replica.lag.time.max.ms, with those that have caught up. One request at a time; one
 * whose outcome is not known is repeated until it is.
 *
 * The *maximal* in-sync set has the committed members and those that were asked for and not yet refused. What is
 * committed is counted over that set, since the controller may already have decided.
 */
import { within } from "../../../base/deadline.ts";
import type { Refusal } from "../../../base/errors.ts";
import type { ReplicaAssignment } from "../../contracts/assignment.ts";
import type { AlteredInSync } from "../../contracts/controller-port.ts";
import type { ReplicaCore } from "../core.ts";
import type { FollowerLink } from "./follower-link.ts";

/** A request that was not decided is repeated after this, then after twice as long each time. */
const RETRY_MS_MIN = 250;
const RETRY_MS_MAX = 5_000;
/** How long the controller's answer is waited for. */
const ANSWER_MS_MAX = 5_000;

export interface InSyncSetOwner {
  isOver(): boolean;
  /** Takes up the assignment that the controller has answered with. */
  adopt(assignment: ReplicaAssignment): void;
  /** The set has changed: more may be committed. */
  altered(): void;
  /** Keeps the alarm set while a follower is not in sync. */
  keepAlarm(): void;
}

export class InSyncSet {
  readonly #core: ReplicaCore;
  readonly #owner: InSyncSetOwner;
  readonly #links: ReadonlyMap<number, FollowerLink>;
  readonly #beganAt: number;
  /** Numbers the requests; the one in flight, 0 for none. */
  #requests = 0;
  #inFlight = 0;
  #failures = 0;
  #cancelRetry: (() => void) | null = null;
  #cancelLagTimer: (() => void) | null = null;

  /**
   * @param links to the followers, as the leadership keeps them
   * @param beganAt where the log ended when the leadership began
   */
  constructor(
    core: ReplicaCore,
    owner: InSyncSetOwner,
    links: ReadonlyMap<number, FollowerLink>,
    beganAt: number,
  ) {
    this.#core = core;
    this.#owner = owner;
    this.#links = links;
    this.#beganAt = beganAt;
  }

  /** Whether a replica is a member of the committed set. */
  has(brokerId: number): boolean {
    return this.#core.assignment.inSync.includes(brokerId);
  }

  /** Whether a replica is a member of the maximal set. */
  mayHave(brokerId: number): boolean {
    const { assignment, pendingInSync } = this.#core;
    // rule: high-watermark-of-the-maximal-in-sync-set
    return assignment.inSync.includes(brokerId) || pendingInSync?.includes(brokerId) === true;
  }

  /** Whether fewer replicas are in sync than min.insync.replicas, so that nothing is committed (KIP-966). */
  isTooSmall(): boolean {
    // rule: high-watermark-stands-still-below-min-insync
    return this.#core.assignment.inSync.length < this.#core.config["min.insync.replicas"];
  }

  /** Asks the controller for another set if the set should be another one. */
  review(): void {
    if (this.#owner.isOver() || this.#inFlight !== 0 || this.#cancelRetry !== null) return;
    const { inSync } = this.#core.assignment;
    const wanted = inSync.filter((brokerId) => !this.#hasFallenBehind(brokerId));
    for (const [brokerId, link] of this.#links) {
      if (!inSync.includes(brokerId) && this.#mayJoin(link)) wanted.push(brokerId);
    }
    const isSame = wanted.length === inSync.length && wanted.every((id) => inSync.includes(id));
    const { pendingInSync } = this.#core;
    const asked = pendingInSync ?? (isSame ? null : wanted);
    if (asked !== null) this.#ask(asked).catch((error: unknown) => this.#core.ports.broken(error));
  }

  /** A newer assignment has decided the request in flight. */
  reassigned(): void {
    this.#inFlight = 0;
    this.#failures = 0;
    this.#cancelRetry?.();
    this.#cancelRetry = null;
  }

  /** While a member is behind, a timer notices if it has been for too long. */
  watchLag(): void {
    if (this.#owner.isOver() || this.#cancelLagTimer !== null || !this.#isAnyBehind()) return;
    const lagMs = this.#core.config["replica.lag.time.max.ms"];
    this.#cancelLagTimer = this.#core.ports.timers.after(Math.ceil(lagMs / 2), () => {
      this.#cancelLagTimer = null;
      this.review();
      this.watchLag();
    });
  }

  /** Cancels the timer if no member is behind: a timer keeps an idle object awake. */
  unwatchLag(): void {
    if (this.#cancelLagTimer !== null && !this.#isAnyBehind()) this.#stopLagTimer();
  }

  /** The leadership has ended. */
  end(): void {
    this.#cancelRetry?.();
    this.#stopLagTimer();
  }

  /**
   * A replica may join once it holds everything that is committed, whatever this leader knows of that, and nothing that
   * was deleted.
   */
  #mayJoin({ replica, ackedOffset, ackedStart }: FollowerLink): boolean {
    if (replica.fenced || this.#hasFallenBehind(replica.brokerId)) return false;
    // rule: joins-with-what-is-deleted
    if (ackedStart < this.#core.log.logStartOffset) return false;
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
    this.#requests += 1;
    const asking = this.#requests;
    this.#inFlight = asking;
    // From here on it may have been decided: new members count, and leaving ones still do, also after a reset, since
    // the request leaves once the row is durable.
    if (this.#core.pendingInSync === null) {
      this.#core.pendingInSync = inSync;
      this.#core.persist();
    }
    const answer = await this.#answer(inSync);
    if (this.#owner.isOver() || this.#inFlight !== asking) return;
    this.#inFlight = 0;
    if (answer && !answer.ok && answer.error === "INELIGIBLE_REPLICA") {
      this.#core.pendingInSync = null;
    }
    if (!answer?.ok) return this.#retryLater();
    this.#failures = 0;
    // The set stays pending until the answer is persisted, which an instance that was superseded does not achieve.
    this.#owner.adopt(answer.assignment);
    if (this.#core.pendingInSync === inSync) this.#core.pendingInSync = null;
    this.#owner.altered();
  }

  /** The controller's answer; null if there is none, and the request stays pending. */
  async #answer(inSync: readonly number[]): Promise<AlteredInSync | Refusal | null> {
    const { assignment, ports } = this.#core;
    const { topicId, partition, brokerId, leaderEpoch, partitionEpoch } = assignment;
    const request = { topicId, partition, brokerId, leaderEpoch, partitionEpoch, inSync };
    try {
      return await within(ports.timers, ANSWER_MS_MAX, ports.controller.alterInSync(request));
    } catch {
      return null;
    }
  }

  #retryLater(): void {
    const delayMs = Math.min(RETRY_MS_MIN * 2 ** this.#failures, RETRY_MS_MAX);
    this.#failures += 1;
    this.#cancelRetry = this.#core.ports.timers.after(delayMs, () => {
      this.#cancelRetry = null;
      this.review();
    });
    this.#owner.keepAlarm();
  }

  #stopLagTimer(): void {
    this.#cancelLagTimer?.();
    this.#cancelLagTimer = null;
  }

  #isAnyBehind(): boolean {
    for (const [brokerId, link] of this.#links) {
      if (link.behindSinceMs !== null && this.has(brokerId)) return true;
    }
    return false;
  }
}
