/**
 * Tells replicas what was decided about them, until they have confirmed. What is still to be told is
 * part of the image, so it survives crashes; this holds only which calls are under way and which were
 * confirmed since the last record. Each call takes up the state of the moment: order does not matter.
 */
import type { Refusal } from "../../../base/errors.ts";
import { replicaObjectName, type ReplicaName } from "../../../base/ids.ts";
import type { ClockPort, RandomPort, TimerPort } from "../../../base/ports.ts";
import { assignmentOf, isLive } from "./assignments.ts";
import type { Change, ReplicaPlace } from "../image/changes.ts";
import type { ClusterImage } from "../image/cluster.ts";
import { within } from "../../../base/deadline.ts";
import { isFenced } from "../leaders/elections.ts";
import { replicaAt, replicaPlace, type Pending } from "../image/pending.ts";
import { Semaphore } from "../../runtime/semaphore.ts";
import type { Assigned, Probed, ReplicaAssignment } from "../../contracts/assignment.ts";

/** `unopened`: the object's storage cannot be opened, so that it cannot be deleted either. */
export type Purged = "purged" | "unopened" | "unanswered";

/**
 * The replicas' objects. Never rejects: null is a call that failed, at whatever point. Where an object's storage
 * cannot be opened, the answer is STORAGE_LOST, although no object may have given it.
 */
export interface ReplicaPort {
  assign(
    name: string,
    locationHint: string,
    assignment: ReplicaAssignment,
  ): Promise<Assigned | Refusal | null>;
  probe(name: string, locationHint: string): Promise<Probed | Refusal | null>;
  purge(name: string, locationHint: string): Promise<Purged>;
}

export interface DeliveryPorts {
  readonly replicas: ReplicaPort;
  readonly clock: ClockPort;
  readonly timer: TimerPort;
  readonly random: RandomPort;
}

/** Calls under way at once, over all rounds. */
export const CALLS_AT_ONCE = 64;

/**
 * The same for replicas whose storage is made or deleted by the call. Where all objects share one machine's disk
 * and thread each takes tens of milliseconds, in which nothing else is answered.
 */
export const STORING_CALLS_AT_ONCE = 16;

/** The same for replicas of brokers that are fenced, or where a call hung: they keep no others waiting. */
const SLOW_CALLS_AT_ONCE = 16;

/** Calls of one round: the platform bounds what one event may call. */
export const CALLS_PER_ROUND = 8_000;

/** A call that has not answered in this time is not waited for any longer. */
export const CALL_DEADLINE_MS = 2_000;

/** Before this, no end is sent after an assignment that has not answered: it could arrive first. */
const PURGE_AFTER_MS = 30_000;

/**
 * A replica that may have an assignment of an earlier instance on its way to it counts as gone when
 * it was purged this long after: what arrives between two purges is ended by the second.
 */
export const UNSURE_MS = 60_000;

/**
 * Storage that cannot be opened cannot be deleted. It is tried for a day, in case it can be opened again; then it
 * is left to its operator, so that no alarm rings for it for ever.
 */
export const PURGE_GIVEN_UP_MS = 86_400_000;

/** Whom a round calls: replicas of all topics, of one topic, or one partition's, or one broker's of it. */
export interface Scope {
  readonly topicId?: string;
  readonly partition?: number;
  readonly brokerId?: number;
}

export interface Errand {
  readonly topicId: string;
  readonly place: ReplicaPlace;
}

interface Calls {
  count: number;
  /** Of the newest. */
  sinceMs: number;
  newest: Promise<void>;
}

/** What the answers of replicas bring up; each is called before the answer counts as a confirmation. */
export interface DeliveryEvents {
  /** A replica has been told what it is; `wasReset`: it has lost its storage, or found it corrupt. */
  told(errand: Errand, wasReset: boolean): void;
  /** It is to leave the in-sync set. */
  reset(errand: Errand): void;
  /** Its storage cannot be opened. */
  unopened(errand: Errand): Promise<unknown>;
}

export class Deliveries {
  readonly #image: ClusterImage;
  readonly #ports: DeliveryPorts;
  /** Throws in an instance that was superseded: what it knows is not to be told any more. */
  readonly #touch: () => void;
  /** The instance before this one was still telling replicas: what it sent may arrive until then. */
  readonly #unsureUntilMs: number;
  readonly #events: DeliveryEvents;
  /** By object name: calls to it that have not answered. */
  readonly #underWay = new Map<string, Calls>();
  /** By topic id and place: the partition epoch confirmed. Not recorded yet. */
  readonly #assigned = new Map<string, Map<ReplicaPlace, number>>();
  /** Names of objects that have confirmed their first assignment to this instance, which may not be recorded yet. */
  readonly #founded = new Set<string>();
  /** By topic id: replicas whose storage is gone. Not recorded yet. */
  readonly #purged = new Map<string, Set<ReplicaPlace>>();
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
    this.#storingPermits = new Semaphore(STORING_CALLS_AT_ONCE, ports.timer);
    const isAmid = image.assignments.size > 0;
    this.#unsureUntilMs = isAmid ? ports.clock.nowMs() + UNSURE_MS : 0;
    this.#events = events;
  }

  /**
   * Calls every replica of the scope that has something to be told, once. Starts no call later than
   * `roundMs` from now; what is left over stays pending.
   */
  async round(scope: Scope, roundMs: number): Promise<void> {
    const errands = this.#errands(scope);
    const untilMs = this.#ports.clock.nowMs() + roundMs;
    const slow = errands.filter((errand) => this.#isSlow(errand));
    const quick = errands.filter((errand) => !this.#isSlow(errand));
    const late: Errand[] = [];
    const whileQuick = (errand: Errand): boolean => {
      if (this.#isSlow(errand)) late.push(errand);
      return !this.#isSlow(errand);
    };
    const storing = quick.filter((errand) => this.#isStoring(errand));
    const told = quick.filter((errand) => !this.#isStoring(errand));
    await Promise.all([
      this.#work(slow, this.#slowPermits, untilMs, () => true),
      this.#work(storing, this.#storingPermits, untilMs, whileQuick),
      this.#work(told, this.#permits, untilMs, whileQuick),
    ]);
    await this.#work(late, this.#slowPermits, untilMs, () => true);
  }

  /** Assigns a live replica what it is, whether or not it has confirmed that before. */
  async remind(errand: Errand): Promise<void> {
    if (!(await this.#isFree(errand))) return;
    if (!isLive(this.#image, replicaAt(errand.topicId, errand.place))) return;
    await within(this.#ports.timer, CALL_DEADLINE_MS, this.#begin(errand));
  }

  /** What was confirmed since the last time, as changes to record. */
  takeConfirmed(): Change[] {
    const changes: Change[] = [];
    for (const [topicId, epochs] of this.#assigned) {
      const pending = this.#image.assignments.get(topicId);
      if (!pending) continue;
      const missing = this.#missing(topicId, pending);
      const founded = missing.filter((place) => pending.marked.has(place) && epochs.has(place));
      if (missing.length === pending.replicas.size && founded.length === 0) continue;
      const older = founded.length === 0 ? {} : { founded };
      changes.push({ type: "assignments-delivered", topicId, missing, ...older });
    }
    for (const topicId of this.#purged.keys()) {
      const pending = this.#image.purges.get(topicId);
      if (!pending) continue;
      const missing = this.#missing(topicId, pending);
      if (missing.length === pending.replicas.size) continue;
      changes.push({ type: "replicas-purged", topicId, missing });
    }
    this.#assigned.clear();
    this.#purged.clear();
    return changes;
  }

  #missing(topicId: string, pending: Pending): ReplicaPlace[] {
    return [...pending.replicas].filter((place) => !this.#isSettled({ topicId, place }));
  }

  async #work(
    errands: readonly Errand[],
    permits: Semaphore,
    untilMs: number,
    isMine: (errand: Errand) => boolean,
  ): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let errand = errands[next]; errand; errand = errands[next]) {
        next += 1;
        await permits.acquire();
        try {
          if (this.#ports.clock.nowMs() >= untilMs) return;
          if (isMine(errand)) await this.#run(errand);
        } finally {
          permits.release();
        }
      }
    };
    const workers = Math.min(CALLS_AT_ONCE, errands.length);
    await Promise.all(Array.from({ length: workers }, worker));
  }

  /** Leaders first: who waits for anything waits for them. Among the rest the order starts anywhere. */
  #errands(scope: Scope): Errand[] {
    const leaders: Errand[] = [];
    const others: Errand[] = [];
    for (const pending of [this.#image.assignments, this.#image.purges]) {
      const ids = scope.topicId === undefined ? pending.keys() : [scope.topicId];
      for (const topicId of ids) {
        for (const place of pending.get(topicId)?.replicas ?? []) {
          const { partition, brokerId } = replicaAt(topicId, place);
          if (scope.partition !== undefined && scope.partition !== partition) continue;
          if (scope.brokerId !== undefined && scope.brokerId !== brokerId) continue;
          const state = this.#image.topics.get(topicId)?.partitions[partition];
          (state?.leader === brokerId ? leaders : others).push({ topicId, place });
        }
      }
    }
    const room = CALLS_PER_ROUND - Math.min(leaders.length, CALLS_PER_ROUND);
    if (others.length <= room) return [...leaders, ...others];
    const turned = this.#turned(others).slice(0, room);
    return [...this.#turned(leaders).slice(0, CALLS_PER_ROUND), ...turned];
  }

  /** Starting anywhere: replicas that hang do not keep the same others waiting. */
  #turned(errands: readonly Errand[]): Errand[] {
    const first = errands.length === 0 ? 0 : this.#ports.random.below(errands.length);
    return [...errands.slice(first), ...errands.slice(0, first)];
  }

  #isSlow({ topicId, place }: Errand): boolean {
    const { brokerId } = replicaAt(topicId, place);
    return this.#slow.has(brokerId) || isFenced(this.#image.brokers, brokerId);
  }

  /** Whether the object has no storage yet, or is to have none any more. */
  #isStoring(errand: Errand): boolean {
    const pending = this.#image.assignments.get(errand.topicId);
    return this.#isCondemned(errand) || pending?.marked.has(errand.place) === true;
  }

  #isCondemned({ topicId, place }: Errand): boolean {
    return this.#image.purges.get(topicId)?.replicas.has(place) === true;
  }

  /** Whether nothing is left to be told, going by what was confirmed. */
  #isSettled(errand: Errand): boolean {
    const { topicId, place } = errand;
    if (this.#isCondemned(errand)) return this.#purged.get(topicId)?.has(place) === true;
    if (!this.#image.assignments.get(topicId)?.replicas.has(place)) return true;
    const { partition } = replicaAt(topicId, place);
    const epoch = this.#image.topics.get(topicId)?.partitions[partition]?.partitionEpoch;
    return this.#assigned.get(topicId)?.get(place) === epoch;
  }

  async #run(errand: Errand): Promise<void> {
    if (!(await this.#isFree(errand)) || this.#isSettled(errand)) return;
    const ended = this.#begin(errand).then(() => true);
    const { brokerId } = replicaAt(errand.topicId, errand.place);
    const { timer } = this.#ports;
    if ((await within(timer, CALL_DEADLINE_MS, ended)) === null) this.#slow.add(brokerId);
  }

  /** One call to a replica at a time, as far as can be waited for: an end must not be overtaken. */
  async #isFree(errand: Errand): Promise<boolean> {
    const name = replicaObjectName(replicaAt(errand.topicId, errand.place));
    const { clock, timer } = this.#ports;
    const before = this.#underWay.get(name);
    if (before) await within(timer, CALL_DEADLINE_MS, before.newest);
    const calls = this.#underWay.get(name);
    if (!calls) return true;
    const waitMs = this.#isCondemned(errand) ? PURGE_AFTER_MS : CALL_DEADLINE_MS;
    return clock.nowMs() - calls.sinceMs >= waitMs;
  }

  #begin(errand: Errand): Promise<void> {
    this.#touch();
    const replica = replicaAt(errand.topicId, errand.place);
    const name = replicaObjectName(replica);
    const calls = this.#underWay.get(name);
    const newest = this.#call(errand, name).finally(() => {
      this.#slow.delete(replica.brokerId);
      const open = this.#underWay.get(name);
      if (open) open.count -= 1;
      if (open?.count === 0) this.#underWay.delete(name);
    });
    const count = (calls?.count ?? 0) + 1;
    this.#underWay.set(name, { count, sinceMs: this.#ports.clock.nowMs(), newest });
    return newest;
  }

  async #call(errand: Errand, name: string): Promise<void> {
    const { topicId, place } = errand;
    const replica = replicaAt(topicId, place);
    const hint = this.#image.brokers.get(replica.brokerId)?.locationHint ?? "";
    if (this.#isCondemned(errand)) return this.#purge(errand, name, hint);
    const assignment = this.#assignmentOf(replica, name);
    const answer = await this.#ports.replicas.assign(name, hint, assignment);
    // Confirmed by a probe, which begins to count how long it lasts.
    if (answer?.ok === false && answer.error === "STORAGE_LOST")
      await this.#events.unopened(errand);
    if (!answer?.ok) return;
    this.#noteFounded(replica, name);
    this.#events.told(errand, answer.wasReset);
    // rule: a-reset-replica-leaves-the-in-sync-set
    if (answer.wasReset) this.#events.reset(errand);
    const epochs = this.#assigned.get(topicId) ?? new Map<ReplicaPlace, number>();
    const epoch = Math.max(assignment.partitionEpoch, epochs.get(place) ?? 0);
    this.#assigned.set(topicId, epochs.set(place, epoch));
  }

  /** Whoever has confirmed once is not founded again: its object, if it is empty now, has lost its storage (KIP-903). */
  #assignmentOf(replica: ReplicaName, name: string): ReplicaAssignment {
    const assignment = assignmentOf(this.#image, replica);
    // rule: founded-once
    const founding = assignment.founding && !this.#founded.has(name);
    return { ...assignment, founding };
  }

  #noteFounded(replica: ReplicaName, name: string): void {
    const marked = this.#image.assignments.get(replica.topicId)?.marked;
    if (marked?.has(replicaPlace(replica)) === true) this.#founded.add(name);
    else this.#founded.delete(name);
  }

  async #purge({ topicId, place }: Errand, name: string, hint: string): Promise<void> {
    const pending = this.#image.purges.get(topicId);
    const sinceMs = pending?.sinceMs ?? 0;
    const sureMs = pending?.marked.has(place) ? sinceMs + UNSURE_MS : 0;
    const nowMs = this.#ports.clock.nowMs();
    const isLast = nowMs >= Math.max(sureMs, this.#unsureUntilMs);
    const outcome = await this.#ports.replicas.purge(name, hint);
    const isGivenUp = outcome === "unopened" && nowMs - sinceMs >= PURGE_GIVEN_UP_MS;
    if (!isGivenUp && (outcome !== "purged" || !isLast)) return;
    this.#founded.delete(name);
    const places = this.#purged.get(topicId) ?? new Set<ReplicaPlace>();
    this.#purged.set(topicId, places.add(place));
  }
}
