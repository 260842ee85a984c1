/**
 * The controller's rules put together: decide, record, apply, tell the replicas, reply. One decision
 * at a time, without a pause between reading the image and applying the change. Reaches the outside
 * only through its ports.
 */
import type { EffectiveConfig } from "../../base/config.ts";
import { assert, type Refusal } from "../../base/errors.ts";
import type { AlarmPort, ClockPort, RandomPort, TimerPort } from "../../base/ports.ts";
import type {
  ClusterMetadata,
  ConfigChange,
  ControllerDescription,
  ProducerIdentity,
  TopicAnswer,
  TopicMetadata,
  TopicSpec,
} from "./api.ts";
import { FIRST_BROKERS } from "./brokers.ts";
import type { Change, TopicDecision } from "./changes.ts";
import {
  applyChange,
  applyChangeSet,
  pendingCount,
  topicNamed,
  type ClusterImage,
} from "./cluster.ts";
import { Deliveries, type ReplicaPort } from "./deliveries.ts";
import { decideReserveProducerIds } from "./producer-ids.ts";
import type { ControllerStore } from "./store.ts";
import { decideAlterConfigs } from "./topic-configs.ts";
import { decideCreatePartitions, decideCreateTopic, decideDeleteTopic } from "./topics.ts";

export interface ControllerPorts {
  readonly alarm: AlarmPort;
  readonly clock: ClockPort;
  readonly timer: TimerPort;
  readonly random: RandomPort;
  readonly replicas: ReplicaPort;
}

/** How long a request goes on telling replicas before it leaves the rest to the alarm. */
export const REQUEST_ROUND_MS = 20_000;
/** The same for one firing of the alarm. */
const ALARM_ROUND_MS = 60_000;
/** Replicas are told again at the earliest after this, then after twice as long each time, up to the most. */
export const RETRY_MS_MIN = 5_000;
export const RETRY_MS_MAX = 300_000;

export class ControllerRules {
  readonly #ports: ControllerPorts;
  readonly #defaults: EffectiveConfig;
  readonly #store: ControllerStore;
  readonly #image: ClusterImage;
  readonly #deliveries: Deliveries;
  /** When the alarm is set to fire, as far as this instance has set it. */
  #alarmAtMs: number | null = null;
  /** Producer ids reserved and not yet handed out by this instance: up to, not including, the end. */
  #producerIds = { next: 0, end: 0 };

  /** Wakes up: replays what was recorded. */
  constructor(store: ControllerStore, ports: ControllerPorts, defaults: EffectiveConfig) {
    this.#ports = ports;
    this.#defaults = defaults;
    this.#store = store;
    this.#image = store.load();
    if (this.#image.version === 0) {
      // Recorded with the first decision: reading a cluster that was never used writes nothing.
      for (const change of FIRST_BROKERS) applyChange(this.#image, change, 0);
    }
    this.#deliveries = new Deliveries(this.#image, ports);
  }

  /** Topics named that exist, in the order of the names; `null`: all. Writes nothing. */
  metadata(names: readonly string[] | null): ClusterMetadata {
    this.#store.touch();
    const { version, brokers, topics } = this.#image;
    const found = names === null ? [...topics.values()] : this.#topicsNamed(names);
    return { ok: true, version, brokers: [...brokers.values()], topics: found };
  }

  async createTopic(spec: TopicSpec): Promise<TopicAnswer> {
    const topicId = this.#ports.random.id();
    const decision = decideCreateTopic(this.#image, spec, topicId, this.#defaults);
    return this.#carryOut(decision, spec.validateOnly === true);
  }

  async createPartitions(name: string, count: number, validateOnly: boolean): Promise<TopicAnswer> {
    return this.#carryOut(decideCreatePartitions(this.#image, name, count), validateOnly);
  }

  async alterConfigs(
    name: string,
    changes: readonly ConfigChange[],
    validateOnly: boolean,
  ): Promise<TopicAnswer> {
    return this.#carryOut(decideAlterConfigs(this.#image, name, changes), validateOnly);
  }

  async deleteTopic(name: string): Promise<{ readonly ok: true } | Refusal> {
    const decision = decideDeleteTopic(this.#image, name);
    if (!decision.ok) return decision;
    this.#record(decision.changes);
    await this.#tell(decision.topicId, REQUEST_ROUND_MS);
    return { ok: true };
  }

  /** Ids rise; a block that a crash cuts short is never gone back to (KIP-98, KIP-730). */
  allocateProducerId(): ProducerIdentity {
    if (this.#producerIds.next === this.#producerIds.end) {
      const next = this.#image.nextProducerId;
      this.#record(decideReserveProducerIds(this.#image));
      this.#producerIds = { next, end: this.#image.nextProducerId };
    }
    const producerId = this.#producerIds.next;
    this.#producerIds.next += 1;
    return { ok: true, producerId, producerEpoch: 0 };
  }

  /** The alarm has fired: tells again whom the last calls did not reach. */
  async onAlarm(): Promise<void> {
    // It is used up, also when this object's clock says that it was due only a moment later.
    this.#alarmAtMs = null;
    await this.#tell(null, ALARM_ROUND_MS);
    const nowMs = this.#ports.clock.nowMs();
    // Waiting as long as the newest of it is old doubles the time from try to try, through evictions.
    const age = nowMs - this.#newestPendingMs();
    const delay = Math.min(Math.max(age, RETRY_MS_MIN), RETRY_MS_MAX);
    this.#armFor(delay + this.#ports.random.below(Math.ceil(delay / 4)));
  }

  describe(): Omit<ControllerDescription, "rowsRead" | "rowsWritten"> {
    this.#store.touch();
    const image = this.#image;
    return {
      ok: true,
      version: image.version,
      topics: image.topics.size,
      partitions: image.partitionCount,
      pendingPurges: pendingCount(image.purges),
      pendingAssignments: pendingCount(image.assignments),
    };
  }

  async #carryOut(decision: TopicDecision | Refusal, validateOnly: boolean): Promise<TopicAnswer> {
    if (!decision.ok) return decision;
    const { changes, topic } = decision;
    if (!validateOnly && changes.length > 0) {
      this.#record(changes);
      assert(this.#image.topics.has(topic.topicId), "a decision's topic is not in the image");
      await this.#tell(topic.topicId, REQUEST_ROUND_MS);
    }
    return { ok: true, topic };
  }

  /** Records a decision, then applies it: when recording throws, nothing has changed. */
  #record(changes: readonly Change[]): void {
    const first = this.#image.version === 0;
    const atMs = this.#ports.clock.nowMs();
    this.#store.append(this.#image, {
      atMs,
      changes: first ? [...FIRST_BROKERS, ...changes] : changes,
    });
    applyChangeSet(this.#image, { atMs, changes });
    // In the same turn as the row, so that the two become durable together.
    this.#armFor(RETRY_MS_MIN);
  }

  async #tell(topicId: string | null, roundMs: number): Promise<void> {
    await this.#deliveries.round(topicId, roundMs);
    const confirmed = this.#deliveries.takeConfirmed();
    if (confirmed.length > 0) this.#record(confirmed);
  }

  /** The alarm exists while something is pending, and only then. */
  #armFor(delayMs: number): void {
    const { alarm, clock } = this.#ports;
    if (this.#image.assignments.size + this.#image.purges.size === 0) {
      if (this.#alarmAtMs !== null) alarm.clear();
      this.#alarmAtMs = null;
      return;
    }
    const atMs = clock.nowMs() + delayMs;
    if (this.#alarmAtMs !== null && this.#alarmAtMs <= atMs) return;
    alarm.set(atMs);
    this.#alarmAtMs = atMs;
  }

  #newestPendingMs(): number {
    let newest = 0;
    for (const pending of [this.#image.assignments, this.#image.purges]) {
      for (const { sinceMs } of pending.values()) newest = Math.max(newest, sinceMs);
    }
    return newest;
  }

  #topicsNamed(names: readonly string[]): TopicMetadata[] {
    return [...new Set(names)]
      .map((name) => topicNamed(this.#image, name))
      .filter((topic) => topic !== null);
  }
}
