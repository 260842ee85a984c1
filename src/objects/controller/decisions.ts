/**
 * What happens to a decision: it is recorded, applied, and delivered to the replicas until they confirm it; an alarm
 * is set meanwhile, in case this instance does not get that far. Decides nothing itself, except what brokers' states
 * (elections.ts) and damaged replicas (renewals.ts) require.
 */
import type { AlarmPort } from "../../base/ports.ts";
import type { PartitionMetadata } from "../contracts/controller.ts";
import { applyChange, applyChangeSet } from "./image/apply.ts";
import { FIRST_BROKERS } from "./brokers.ts";
import type { Change, PartitionChange } from "./image/changes.ts";
import { partitionOf, type ClusterImage } from "./image/cluster.ts";
import { within } from "../../base/deadline.ts";
import { PendingAlarm } from "../runtime/deadlines.ts";
import type { Delivery } from "./delivery/confirmations.ts";
import { Deliveries, type Scope } from "./delivery/deliveries.ts";
import type { DeliveryPorts } from "./delivery/ports.ts";
import { settleAll, type Brokers } from "./leaders/elections.ts";
import { decideReset } from "./leaders/in-sync.ts";
import { Probes } from "./leaders/probes.ts";
import { decideRenewal } from "./leaders/renewals.ts";
import { replicaOfKey, replicaKey } from "./image/pending.ts";
import type { ReplicaName } from "../../base/ids.ts";
import type { ControllerStore } from "./image/store.ts";

export interface ControllerPorts extends DeliveryPorts {
  readonly alarm: AlarmPort;
  /** Takes over work that goes on behind an answer: keeps the object awake for it, and handles its failure. */
  background(work: Promise<void>): void;
}

/** How long a request's round starts calls before it leaves the rest to the alarm, in milliseconds. */
export const REQUEST_ROUND_MS = 20_000;
/** The same for the alarm's round: replicas that hang must not delay the next firing. */
const ALARM_ROUND_MS = 5_000;
/** How long the answer to a decision about brokers and leaders waits for the replicas, in milliseconds. */
export const DELIVERY_WAIT_MS_MAX = 1_500;
/** When the alarm fires after a decision, in case this instance does not finish its round; in milliseconds. */
const ROUND_ALARM_MS = 3_000;
/** First confirmations are recorded this often during a round, in milliseconds: a crash forgets what came since. */
export const RECORD_MS = 1_000;
/** Deliveries are repeated at the earliest after the minimum, then after twice as long each time, up to the maximum. */
export const RETRY_MS_MIN = 500;
export const RETRY_MS_MAX = 300_000;
/** How often an unclean election is tried for partitions without a leader that allow it, in milliseconds. */
const RECOVER_MS = 10_000;
/** How often replicas are probed whose storage could not be opened and that could be renewed, in milliseconds. */
const SUSPECT_MS = 4_000;
/** Such replicas probed at one firing of the alarm, each with up to two calls. */
const SUSPECTS_AT_ONCE = 64;

export class Decisions {
  readonly image: ClusterImage;
  readonly probes: Probes;
  readonly #ports: ControllerPorts;
  readonly #store: ControllerStore;
  readonly #deliveries: Deliveries;
  readonly #alarm: PendingAlarm;
  /** Whether changes that the brokers' states require of partitions may not all be recorded yet. */
  #isUnsettled = true;
  /** Whether a partition without a leader could get one by an unclean election. */
  readonly #canRecover: () => boolean;

  /** Wakes up: replays what was recorded. */
  constructor(store: ControllerStore, ports: ControllerPorts, canRecover: () => boolean) {
    this.#ports = ports;
    this.#store = store;
    this.#alarm = new PendingAlarm(ports.alarm);
    this.#canRecover = canRecover;
    this.image = store.load();
    if (this.image.version === 0) {
      // They are recorded with the first decision: reading a cluster that was never used writes nothing.
      for (const change of FIRST_BROKERS) applyChange(this.image, change, 0);
    }
    this.probes = new Probes(this.image, ports);
    this.#deliveries = new Deliveries(this.image, ports, () => store.touch(), {
      assigned: (delivery, wasReset) => this.probes.damage.note(replicaOf(delivery), wasReset),
      reset: (delivery) => this.#onReset(replicaOf(delivery)),
      unopened: (delivery) => this.probes.ask(replicaOf(delivery)),
    });
  }

  /** Records a decision, then applies it, and with it what was confirmed. When recording throws, nothing has changed. */
  record(changes: readonly Change[]): void {
    // rule: confirmations-are-recorded-with-decisions
    const confirmed = this.#deliveries.confirmed();
    this.#append([...confirmed, ...changes]);
    if (confirmed.length > 0) this.#deliveries.clearConfirmed();
  }

  #append(changes: readonly Change[]): void {
    const first = this.image.version === 0;
    const atMs = this.#ports.clock.nowMs();
    this.#store.append(this.image, {
      atMs,
      changes: first ? [...FIRST_BROKERS, ...changes] : changes,
    });
    applyChangeSet(this.image, { atMs, changes });
    // In the same turn as the row, so that both become durable together.
    this.#armFor(ROUND_ALARM_MS);
  }

  recordPartition(topicId: string, change: PartitionChange): void {
    this.record([{ type: "partitions-changed", topicId, partitions: [change] }]);
  }

  /** Records what the brokers' states still require of partitions, before another decision relies on it. */
  settle(): void {
    if (this.#isUnsettled) this.#recordSettled([], this.image.brokers);
  }

  /** Records a change of brokers, and what it requires of partitions, in as many rows as that takes. */
  recordBrokers(changes: readonly Change[], brokers: Brokers): void {
    this.#isUnsettled = true;
    this.#recordSettled(changes, brokers);
  }

  /** Delivers to the replicas of the scope; after `waitMs` that goes on in the background. */
  async deliver(scope: Scope, waitMs: number): Promise<void> {
    const round = this.#round(scope, REQUEST_ROUND_MS);
    const ended = await within(
      this.#ports.timer,
      waitMs,
      round.then(() => true),
    );
    if (ended === null) this.#ports.background(round);
  }

  /** Delivers in the background. */
  deliverLater(scope: Scope): void {
    this.#ports.background(this.#round(scope, REQUEST_ROUND_MS));
  }

  /** Delivers to all replicas of the partition, and waits for its leader. */
  async deliverToLeader(topicId: string, partition: number): Promise<void> {
    const brokerId = partitionOf(this.image, topicId, partition)?.leader ?? -1;
    // The others first: a leader whose first push meets a replica without an assignment sets an alarm for it.
    this.deliverLater({ topicId, partition, exceptBrokerId: brokerId });
    await this.deliver({ topicId, partition, brokerId }, DELIVERY_WAIT_MS_MAX);
  }

  /**
   * Founds partitions. This is recorded before the first replica is assigned, because no record may be written to a
   * partition that the controller's record has as empty. Resolves as {@link deliverToLeader} does, for all of them.
   */
  async found(topicId: string, partitions: readonly number[]): Promise<void> {
    if (partitions.length > 0) this.record([{ type: "partitions-founded", topicId, partitions }]);
    await Promise.all(partitions.map((partition) => this.deliverToLeader(topicId, partition)));
  }

  /** Whether no replica of the partition has confirmed an assignment, so that none is known to have storage. */
  isUnconfirmed(topicId: string, partition: PartitionMetadata): boolean {
    return this.#deliveries.isUnconfirmed(topicId, partition);
  }

  /** Sends one replica its assignment again, and decides on what that shows. */
  async resend(replica: ReplicaName): Promise<void> {
    const { topicId } = replica;
    await this.#deliveries.resend({ topicId, key: replicaKey(replica) });
    this.#recordConfirmed();
    this.#renewUnopened();
    if (this.#suspects().length > 0) this.#armFor(SUSPECT_MS);
  }

  /** The alarm has fired: repeats what was not confirmed; `recovery` runs at the same time. */
  async onAlarm(recovery: () => Promise<void>): Promise<void> {
    // Also where it has fired a moment early by this object's clock.
    this.#alarm.forget();
    this.settle();
    const { version } = this.image;
    await Promise.all([this.#delivered({}, ALARM_ROUND_MS), recovery(), this.#probeSuspects()]);
    this.#recordConfirmed();
    this.#renewUnopened();
    const nowMs = this.#ports.clock.nowMs();
    // The wait is as long as the newest pending delivery is old, so it doubles from try to try, also across
    // evictions. It starts again where this round has made progress.
    const age = this.image.version > version ? 0 : nowMs - this.#newestPendingMs();
    const delay = Math.min(Math.max(age, RETRY_MS_MIN), RETRY_MS_MAX);
    this.#armFor(delay + this.#ports.random.below(Math.ceil(delay / 4)));
  }

  /** See {@link ControllerStore.touch}: before every answer that is read from memory. */
  touch(): void {
    this.#store.touch();
  }

  #recordSettled(changes: readonly Change[], brokers: Brokers): void {
    const [first = [], ...rest] = settleAll(this.image, brokers);
    if (changes.length + first.length > 0) this.record([...changes, ...first]);
    for (const piece of rest) this.record(piece);
    this.#isUnsettled = false;
  }

  #onReset(replica: ReplicaName): void {
    const change = decideReset(this.image, replica);
    if (!change) return;
    const { topicId, partition } = replica;
    this.recordPartition(topicId, change);
    this.deliverLater({ topicId, partition });
  }

  /** Replaces replicas whose storage could not be opened for long enough by new objects. */
  #renewUnopened(): void {
    const { unopened } = this.probes;
    for (const replica of unopened.replicas().lasting) {
      // rule: storage-that-does-not-open-is-given-up
      const change = decideRenewal(this.image, replica);
      if (!change) continue;
      if (change.replicas) unopened.forget(replica);
      const { topicId, partition } = replica;
      this.recordPartition(topicId, change);
      this.deliverLater({ topicId, partition });
    }
  }

  /** Replicas whose storage did not open, as far as they could be renewed. */
  #suspects(): ReplicaName[] {
    const { all } = this.probes.unopened.replicas();
    return all.filter((replica) => decideRenewal(this.image, replica) !== null);
  }

  async #probeSuspects(): Promise<void> {
    const suspects = this.#suspects().slice(0, SUSPECTS_AT_ONCE);
    await Promise.all(suspects.map((replica) => this.probes.ask(replica)));
  }

  async #round(scope: Scope, roundMs: number): Promise<void> {
    await this.#delivered(scope, roundMs);
    this.#recordConfirmed();
    this.#renewUnopened();
    this.#armFor(RETRY_MS_MIN);
  }

  /** One round of deliveries; records what is urgent while it goes on. */
  async #delivered(scope: Scope, roundMs: number): Promise<void> {
    const round = this.#deliveries.round(scope, roundMs).then(() => true);
    while ((await within(this.#ports.timer, RECORD_MS, round)) === null) {
      // rule: first-confirmations-are-recorded-during-rounds
      if (this.#deliveries.isUrgent) this.#recordConfirmed();
    }
  }

  #recordConfirmed(): void {
    const confirmed = this.#deliveries.confirmed();
    if (confirmed.length > 0) this.#append(confirmed);
    this.#deliveries.clearConfirmed();
  }

  /** The alarm is set exactly while something is pending that it can advance. */
  #armFor(delayMs: number): void {
    const isPending = this.image.assignments.size + this.image.purges.size > 0;
    const recoverMs = this.#canRecover() ? RECOVER_MS : Number.POSITIVE_INFINITY;
    const deliveryMs = isPending ? delayMs : Number.POSITIVE_INFINITY;
    const suspectMs = this.#suspects().length > 0 ? SUSPECT_MS : Number.POSITIVE_INFINITY;
    const nextMs = Math.min(recoverMs, deliveryMs, suspectMs);
    if (nextMs === Number.POSITIVE_INFINITY) this.#alarm.clear();
    else this.#alarm.setAtMost(this.#ports.clock.nowMs() + nextMs);
  }

  #newestPendingMs(): number {
    let newest = 0;
    for (const pending of [this.image.assignments, this.image.purges]) {
      for (const { sinceMs } of pending.values()) newest = Math.max(newest, sinceMs);
    }
    return newest;
  }
}

function replicaOf({ topicId, key }: Delivery): ReplicaName {
  return replicaOfKey(topicId, key);
}
