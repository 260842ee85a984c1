/**
 * Tells replicas what was decided about them, until they have confirmed. What is still to be told is
 * part of the image, so it survives crashes; this holds only which calls are under way and which were
 * confirmed since the last record. Each call takes up the state of the moment: order does not matter.
 */
import { assert } from "../../base/errors.ts";
import { replicaObjectName } from "../../base/ids.ts";
import type { ClockPort, RandomPort, TimerPort } from "../../base/ports.ts";
import type { ReplicaAssignment } from "../partition/api.ts";
import type { Change, ReplicaPlace } from "./changes.ts";
import { replicaAt, type ClusterImage, type Pending } from "./cluster.ts";

/** The replicas' objects. Never rejects: whatever is not a confirmation is false. */
export interface ReplicaPort {
  assign(name: string, locationHint: string, assignment: ReplicaAssignment): Promise<boolean>;
  purge(name: string, locationHint: string): Promise<boolean>;
}

/** Calls under way at once, over all rounds. */
export const CALLS_AT_ONCE = 64;

/** Calls of one round: the platform bounds what one event may call. */
export const CALLS_PER_ROUND = 8_000;

/** A call that has not answered in this time is not waited for any longer. */
export const CALL_DEADLINE_MS = 10_000;

interface Errand {
  readonly topicId: string;
  readonly place: ReplicaPlace;
}

export class Deliveries {
  readonly #image: ClusterImage;
  readonly #replicas: ReplicaPort;
  readonly #clock: ClockPort;
  readonly #timer: TimerPort;
  readonly #random: RandomPort;
  /** By object name: at most one call to a replica at a time, so that none arrives after its purge. */
  readonly #underWay = new Map<string, Promise<void>>();
  /** By topic id and place: the partition epoch confirmed. Not recorded yet. */
  readonly #assigned = new Map<string, Map<ReplicaPlace, number>>();
  /** By topic id: replicas whose storage is gone. Not recorded yet. */
  readonly #purged = new Map<string, Set<ReplicaPlace>>();
  readonly #waiting: (() => void)[] = [];
  #calls = 0;

  constructor(
    image: ClusterImage,
    ports: {
      readonly replicas: ReplicaPort;
      readonly clock: ClockPort;
      readonly timer: TimerPort;
      readonly random: RandomPort;
    },
  ) {
    this.#image = image;
    this.#replicas = ports.replicas;
    this.#clock = ports.clock;
    this.#timer = ports.timer;
    this.#random = ports.random;
  }

  /**
   * Calls every replica (of one topic, or of all) that has something to be told, once. Starts no
   * call later than `roundMs` from now; what is left over stays pending.
   */
  async round(topicId: string | null, roundMs: number): Promise<void> {
    const errands = this.#errands(topicId);
    const untilMs = this.#clock.nowMs() + roundMs;
    let next = 0;
    const work = async (): Promise<void> => {
      for (let errand = errands[next]; errand; errand = errands[next]) {
        next += 1;
        await this.#slot();
        try {
          if (this.#clock.nowMs() >= untilMs) return;
          await this.#run(errand);
        } finally {
          this.#leaveSlot();
        }
      }
    };
    const workers = Math.min(CALLS_AT_ONCE, errands.length);
    await Promise.all(Array.from({ length: workers }, work));
  }

  /** What was confirmed since the last time, as changes to record. */
  takeConfirmed(): Change[] {
    const changes: Change[] = [];
    for (const topicId of this.#assigned.keys()) {
      const pending = this.#image.assignments.get(topicId);
      if (pending) changes.push(...this.#settled("assignments-delivered", topicId, pending));
    }
    for (const topicId of this.#purged.keys()) {
      const pending = this.#image.purges.get(topicId);
      if (pending) changes.push(...this.#settled("replicas-purged", topicId, pending));
    }
    this.#assigned.clear();
    this.#purged.clear();
    return changes;
  }

  #settled(
    type: "assignments-delivered" | "replicas-purged",
    topicId: string,
    pending: Pending,
  ): Change[] {
    const missing = [...pending.replicas].filter((place) => !this.#isSettled({ topicId, place }));
    return missing.length === pending.replicas.size ? [] : [{ type, topicId, missing }];
  }

  /** In an order that starts anywhere: replicas that hang do not keep the same others waiting. */
  #errands(topicId: string | null): Errand[] {
    const all: Errand[] = [];
    for (const pending of [this.#image.purges, this.#image.assignments]) {
      const ids = topicId === null ? pending.keys() : [topicId];
      for (const id of ids) {
        for (const place of pending.get(id)?.replicas ?? []) all.push({ topicId: id, place });
      }
    }
    if (all.length <= CALLS_PER_ROUND) return all;
    const first = this.#random.below(all.length);
    return [...all.slice(first), ...all.slice(0, first)].slice(0, CALLS_PER_ROUND);
  }

  /** Whether nothing is left to be told, going by what was confirmed. */
  #isSettled({ topicId, place }: Errand): boolean {
    if (this.#image.purges.get(topicId)?.replicas.has(place)) {
      return this.#purged.get(topicId)?.has(place) === true;
    }
    if (!this.#image.assignments.get(topicId)?.replicas.has(place)) return true;
    const epoch = this.#assignment({ topicId, place }).partitionEpoch;
    return this.#assigned.get(topicId)?.get(place) === epoch;
  }

  async #run(errand: Errand): Promise<void> {
    const name = replicaObjectName(replicaAt(errand.topicId, errand.place));
    const before = this.#underWay.get(name);
    if (before) await this.#untilDeadline(before);
    if (this.#underWay.has(name) || this.#isSettled(errand)) return;
    const call = this.#call(errand, name).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, call);
    await this.#untilDeadline(call);
  }

  async #call(errand: Errand, name: string): Promise<void> {
    const { topicId, place } = errand;
    const hint = this.#image.brokers.get(replicaAt(topicId, place).brokerId)?.locationHint ?? "";
    if (this.#image.purges.get(topicId)?.replicas.has(place)) {
      if (!(await this.#replicas.purge(name, hint))) return;
      const places = this.#purged.get(topicId) ?? new Set<ReplicaPlace>();
      this.#purged.set(topicId, places.add(place));
      return;
    }
    const assignment = this.#assignment(errand);
    if (!(await this.#replicas.assign(name, hint, assignment))) return;
    const epochs = this.#assigned.get(topicId) ?? new Map<ReplicaPlace, number>();
    this.#assigned.set(topicId, epochs.set(place, assignment.partitionEpoch));
  }

  #assignment({ topicId, place }: Errand): ReplicaAssignment {
    const { partition, brokerId, generation } = replicaAt(topicId, place);
    const topic = this.#image.topics.get(topicId);
    const state = topic?.partitions[partition];
    assert(
      topic && state,
      `an assignment is pending for ${topicId}/${place}, which does not exist`,
    );
    return {
      topicId,
      topic: topic.topic,
      partition,
      brokerId,
      generation,
      leader: state.leader,
      leaderEpoch: state.leaderEpoch,
      partitionEpoch: state.partitionEpoch,
      replicas: state.replicas.map((replica) => ({
        ...replica,
        locationHint: this.#image.brokers.get(replica.brokerId)?.locationHint ?? "",
        fenced: this.#image.brokers.get(replica.brokerId)?.state === "fenced",
      })),
      inSync: state.inSync,
      configs: topic.configs,
      founding: true,
    };
  }

  /** Waits for the call or for its deadline; a late answer still counts when it comes. */
  #untilDeadline(call: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#timer.after(CALL_DEADLINE_MS, resolve);
      call.then(resolve, reject).finally(cancel);
    });
  }

  async #slot(): Promise<void> {
    if (this.#calls < CALLS_AT_ONCE) this.#calls += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** A slot is handed on to who waits longest, or becomes free. */
  #leaveSlot(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#calls -= 1;
  }
}
