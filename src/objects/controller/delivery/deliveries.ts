/**
 * Delivers to replicas what was decided about them, until they have confirmed it. What is pending is part of the
 * image, so it survives crashes; here are the rounds of calls. Each call carries the state of its moment, so the
 * order of calls does not matter.
 */
import { within } from "../../../base/deadline.ts";
import { replicaObjectName } from "../../../base/ids.ts";
import type { PartitionMetadata } from "../../contracts/controller.ts";
import { Semaphore } from "../../runtime/semaphore.ts";
import type { Change } from "../image/changes.ts";
import type { ClusterImage } from "../image/cluster.ts";
import { replicaOfKey } from "../image/pending.ts";
import { isFenced } from "../leaders/elections.ts";
import { isLive } from "./assignments.ts";
import { Confirmations, type Delivery } from "./confirmations.ts";
import type { DeliveryPorts } from "./ports.ts";
import { ReplicaCalls } from "./replica-calls.ts";

/** Calls under way at once, over all rounds. */
export const CALLS_AT_ONCE = 64;

/**
 * The same for replicas whose storage is made or deleted by the call. Where all objects share one machine's disk
 * and thread, each takes tens of milliseconds during which nothing else is answered.
 */
export const STORING_CALLS_AT_ONCE = 16;

/** The same for replicas of brokers that are fenced, or where a call hung: they keep no others waiting. */
const SLOW_CALLS_AT_ONCE = 16;

/** Calls of one round: the platform bounds what one event may call. */
export const CALLS_PER_ROUND = 8_000;

/** A call that has not answered in this time is not waited for any longer. */
export const CALL_DEADLINE_MS = 2_000;

/** No purge is sent earlier than this after an assignment that has not answered: the purge could arrive first. */
const PURGE_AFTER_MS = 30_000;

/**
 * An assignment that an earlier instance sent may still be on its way to a replica. Such a replica counts as gone
 * only when it was purged this long after: what arrives between two purges is deleted by the second.
 */
export const UNSURE_MS = 60_000;

/**
 * Storage that cannot be opened cannot be deleted. Deleting it is tried for a day, in case it can be opened again;
 * then it is left to its operator, so that the alarm does not ring for it for ever.
 */
export const PURGE_GIVEN_UP_MS = 86_400_000;

/**
 * Whom a round calls: replicas of all topics, of one topic, or of one partition; among them those of one broker, or all
 * but those of `exceptBrokerId`.
 */
export interface Scope {
  readonly topicId?: string;
  readonly partition?: number;
  readonly brokerId?: number;
  readonly exceptBrokerId?: number;
}

/** What the answers of replicas show; each handler runs before the answer counts as a confirmation. */
export interface DeliveryEvents {
  /** A replica has taken up its assignment; `wasReset`: it has lost its storage, or found it corrupt. */
  assigned(delivery: Delivery, wasReset: boolean): void;
  /** It is to leave the in-sync set. */
  reset(delivery: Delivery): void;
  /** Its storage cannot be opened. */
  unopened(delivery: Delivery): Promise<unknown>;
}

export class Deliveries {
  readonly #image: ClusterImage;
  readonly #ports: DeliveryPorts;
  /** Throws in an instance that was superseded: what it knows must not be delivered any more. */
  readonly #touch: () => void;
  /** The instance before this one was still delivering: what it sent may arrive until then. */
  readonly #unsureUntilMs: number;
  readonly #events: DeliveryEvents;
  readonly #confirmations: Confirmations;
  readonly #calls: ReplicaCalls;
  /** Brokers where the last call to end has not ended in time. */
  readonly #slow = new Set<number>();
  readonly #permits = new Semaphore(CALLS_AT_ONCE);
  readonly #storingPermits: Semaphore;
  readonly #slowPermits = new Semaphore(SLOW_CALLS_AT_ONCE);

  constructor(
    image: ClusterImage,
    ports: DeliveryPorts,
    touch: () => void,
    events: DeliveryEvents,
  ) {
    this.#image = image;
    this.#ports = ports;
    this.#touch = touch;
    this.#confirmations = new Confirmations(image);
    this.#calls = new ReplicaCalls(ports);
    this.#storingPermits = new Semaphore(STORING_CALLS_AT_ONCE, ports.timer);
    const wasDelivering = image.assignments.size > 0;
    this.#unsureUntilMs = wasDelivering ? ports.clock.nowMs() + UNSURE_MS : 0;
    this.#events = events;
  }

  /**
   * Calls every replica of the scope that has something pending, once. Starts no call later than `roundMs` from
   * now; what is left over stays pending.
   */
  async round(scope: Scope, roundMs: number): Promise<void> {
    const deliveries = this.#pending(scope);
    const untilMs = this.#ports.clock.nowMs() + roundMs;
    const slow = deliveries.filter((delivery) => this.#isSlow(delivery));
    const quick = deliveries.filter((delivery) => !this.#isSlow(delivery));
    const late: Delivery[] = [];
    const whileQuick = (delivery: Delivery): boolean => {
      if (this.#isSlow(delivery)) late.push(delivery);
      return !this.#isSlow(delivery);
    };
    const storing = quick.filter((delivery) => this.#isStoring(delivery));
    const others = quick.filter((delivery) => !this.#isStoring(delivery));
    await Promise.all([
      this.#work(slow, this.#slowPermits, untilMs, () => true),
      this.#work(storing, this.#storingPermits, untilMs, whileQuick),
      this.#work(others, this.#permits, untilMs, whileQuick),
    ]);
    await this.#work(late, this.#slowPermits, untilMs, () => true);
  }

  /** Sends a live replica its assignment, whether or not it has confirmed that before. */
  async resend(delivery: Delivery): Promise<void> {
    const replica = replicaOfKey(delivery.topicId, delivery.key);
    const call = await this.#whenFree(delivery, () => isLive(this.#image, replica));
    if (call !== null) await within(this.#ports.timer, CALL_DEADLINE_MS, call.ended);
  }

  /** See {@link Confirmations.isUnconfirmed}. */
  isUnconfirmed(topicId: string, partition: PartitionMetadata): boolean {
    return this.#confirmations.isUnconfirmed(topicId, partition);
  }

  /** See {@link Confirmations.changes}. */
  confirmed(): Change[] {
    return this.#confirmations.changes();
  }

  /** See {@link Confirmations.isUrgent}. */
  get isUrgent(): boolean {
    return this.#confirmations.isUrgent;
  }

  /** See {@link Confirmations.clear}. */
  clearConfirmed(): void {
    this.#confirmations.clear();
  }

  async #work(
    deliveries: readonly Delivery[],
    permits: Semaphore,
    untilMs: number,
    isMine: (delivery: Delivery) => boolean,
  ): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let delivery = deliveries[next]; delivery; delivery = deliveries[next]) {
        next += 1;
        await permits.acquire();
        try {
          if (this.#ports.clock.nowMs() >= untilMs) return;
          if (isMine(delivery)) await this.#run(delivery);
        } finally {
          permits.release();
        }
      }
    };
    const workers = Math.min(CALLS_AT_ONCE, deliveries.length);
    await Promise.all(Array.from({ length: workers }, worker));
  }

  /** Leaders first, because requests wait for them. */
  #pending(scope: Scope): Delivery[] {
    const leaders: Delivery[] = [];
    const others: Delivery[] = [];
    for (const pending of [this.#image.assignments, this.#image.purges]) {
      const ids = scope.topicId === undefined ? pending.keys() : [scope.topicId];
      for (const topicId of ids) {
        for (const key of pending.get(topicId)?.replicas ?? []) {
          const { partition, brokerId } = replicaOfKey(topicId, key);
          if (scope.partition !== undefined && scope.partition !== partition) continue;
          if (scope.brokerId !== undefined && scope.brokerId !== brokerId) continue;
          if (scope.exceptBrokerId === brokerId) continue;
          const state = this.#image.topics.get(topicId)?.partitions[partition];
          (state?.leader === brokerId ? leaders : others).push({ topicId, key });
        }
      }
    }
    const room = CALLS_PER_ROUND - Math.min(leaders.length, CALLS_PER_ROUND);
    if (others.length <= room) return [...leaders, ...others];
    const rotated = this.#rotated(others).slice(0, room);
    return [...this.#rotated(leaders).slice(0, CALLS_PER_ROUND), ...rotated];
  }

  /** From a random one on, so that replicas that hang do not keep the same others waiting each time. */
  #rotated(deliveries: readonly Delivery[]): Delivery[] {
    const first = deliveries.length === 0 ? 0 : this.#ports.random.below(deliveries.length);
    return [...deliveries.slice(first), ...deliveries.slice(0, first)];
  }

  #isSlow({ topicId, key }: Delivery): boolean {
    const { brokerId } = replicaOfKey(topicId, key);
    return this.#slow.has(brokerId) || isFenced(this.#image.brokers, brokerId);
  }

  /** Whether the call makes the object's storage, or deletes it. */
  #isStoring(delivery: Delivery): boolean {
    const pending = this.#image.assignments.get(delivery.topicId);
    return (
      this.#confirmations.isRemoved(delivery) || pending?.unconfirmed.has(delivery.key) === true
    );
  }

  async #run(delivery: Delivery): Promise<void> {
    const call = await this.#whenFree(delivery, () => !this.#confirmations.isSettled(delivery));
    if (call === null) return;
    const { brokerId } = replicaOfKey(delivery.topicId, delivery.key);
    const ended = call.ended.then(() => true);
    if ((await within(this.#ports.timer, CALL_DEADLINE_MS, ended)) === null) {
      this.#slow.add(brokerId);
    }
  }

  /** Begins the call when no other to the replica is under way, if it is wanted then; null where it did not begin. */
  #whenFree(
    delivery: Delivery,
    isWanted: () => boolean,
  ): Promise<{ readonly ended: Promise<void> } | null> {
    return this.#calls.whenFree(
      replicaObjectName(replicaOfKey(delivery.topicId, delivery.key)),
      CALL_DEADLINE_MS,
      () => (this.#confirmations.isRemoved(delivery) ? PURGE_AFTER_MS : CALL_DEADLINE_MS),
      () => (isWanted() ? { ended: this.#begin(delivery) } : null),
    );
  }

  #begin(delivery: Delivery): Promise<void> {
    this.#touch();
    const replica = replicaOfKey(delivery.topicId, delivery.key);
    const name = replicaObjectName(replica);
    return this.#calls.track(name, this.#call(delivery, name), () =>
      this.#slow.delete(replica.brokerId),
    );
  }

  async #call(delivery: Delivery, name: string): Promise<void> {
    const replica = replicaOfKey(delivery.topicId, delivery.key);
    const hint = this.#image.brokers.get(replica.brokerId)?.locationHint ?? "";
    if (this.#confirmations.isRemoved(delivery)) return this.#purge(delivery, name, hint);
    const assignment = this.#confirmations.assignmentOf(replica);
    const answer = await this.#ports.replicas.assign(name, hint, assignment);
    // A probe confirms it, and begins to count how long it lasts.
    if (answer?.ok === false && answer.error === "STORAGE_LOST")
      await this.#events.unopened(delivery);
    if (!answer?.ok) return;
    this.#confirmations.initialized(replica);
    this.#events.assigned(delivery, answer.wasReset);
    // rule: a-reset-replica-leaves-the-in-sync-set
    if (answer.wasReset) this.#events.reset(delivery);
    this.#confirmations.assigned(delivery, assignment.partitionEpoch);
  }

  async #purge(delivery: Delivery, name: string, hint: string): Promise<void> {
    const pending = this.#image.purges.get(delivery.topicId);
    const sinceMs = pending?.sinceMs ?? 0;
    const sureMs = pending?.unconfirmed.has(delivery.key) ? sinceMs + UNSURE_MS : 0;
    const nowMs = this.#ports.clock.nowMs();
    const isLast = nowMs >= Math.max(sureMs, this.#unsureUntilMs);
    const outcome = await this.#ports.replicas.purge(name, hint);
    const isGivenUp = outcome === "unopened" && nowMs - sinceMs >= PURGE_GIVEN_UP_MS;
    if (!isGivenUp && (outcome !== "purged" || !isLast)) return;
    this.#confirmations.purged(delivery);
  }
}
