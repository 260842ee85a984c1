/**
 * What happens to a decision: it is recorded, applied, told to the replicas until they confirm, and
 * an alarm stands for it meanwhile. Makes none itself, but for what the brokers' states ask of
 * partitions (elections.ts), which it sees through also where a crash came between.
 */
import type { AlarmPort } from "../../base/ports.ts";
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
  /** Takes over work that goes on behind an answer: keeps it alive, and deals with its failure. */
  background(work: Promise<void>): void;
}

/** How long a request goes on telling replicas before it leaves the rest to the alarm. */
export const REQUEST_ROUND_MS = 20_000;
/** The same for one firing of the alarm: replicas that hang must not hold up the next. */
const ALARM_ROUND_MS = 5_000;
/** How long the answer to a decision about brokers and leaders waits for the replicas. */
export const TELL_MS_MAX = 1_500;
/** The alarm of a decision whose round is not at its end: for when this instance does not end it. */
const ROUND_ALARM_MS = 3_000;
/** Replicas are told again at the earliest after this, then after twice as long each time, up to the most. */
export const RETRY_MS_MIN = 500;
export const RETRY_MS_MAX = 300_000;
/** A partition without a leader that could get an unclean one looks for it this often. */
const RECOVER_MS = 10_000;
/** A replica whose storage could not be opened, and that could be renewed, is probed this often. */
const SUSPECT_MS = 4_000;
/** Such replicas probed at one firing of the alarm: each takes two calls. */
const SUSPECTS_AT_ONCE = 64;

export class Decisions {
  readonly image: ClusterImage;
  readonly probes: Probes;
  readonly #ports: ControllerPorts;
  readonly #store: ControllerStore;
  readonly #deliveries: Deliveries;
  readonly #alarm: PendingAlarm;
  /** What the brokers' states ask of partitions may not be recorded to its end. */
  #isUnsettled = true;
  /** Whether a partition could recover that has no leader. */
  readonly #canRecover: () => boolean;

  /** Wakes up: replays what was recorded. */
  constructor(store: ControllerStore, ports: ControllerPorts, canRecover: () => boolean) {
    this.#ports = ports;
    this.#store = store;
    this.#alarm = new PendingAlarm(ports.alarm);
    this.#canRecover = canRecover;
    this.image = store.load();
    if (this.image.version === 0) {
      // Recorded with the first decision: reading a cluster that was never used writes nothing.
      for (const change of FIRST_BROKERS) applyChange(this.image, change, 0);
    }
    this.probes = new Probes(this.image, ports);
    this.#deliveries = new Deliveries(this.image, ports, () => store.touch(), {
      assigned: (delivery, wasReset) => this.probes.damage.note(replicaOf(delivery), wasReset),
      reset: (delivery) => this.#onReset(replicaOf(delivery)),
      unopened: (delivery) => this.probes.ask(replicaOf(delivery)),
    });
  }

  /** Records a decision, then applies it: when recording throws, nothing has changed. */
  record(changes: readonly Change[]): void {
    const first = this.image.version === 0;
    const atMs = this.#ports.clock.nowMs();
    this.#store.append(this.image, {
      atMs,
      changes: first ? [...FIRST_BROKERS, ...changes] : changes,
    });
    applyChangeSet(this.image, { atMs, changes });
    // In the same turn as the row, so that the two become durable together.
    this.#armFor(ROUND_ALARM_MS);
  }

  recordPartition(topicId: string, change: PartitionChange): void {
    this.record([{ type: "partitions-changed", topicId, partitions: [change] }]);
  }

  /** Sees to it that what brokers' states ask of partitions is recorded: before anything rests on it. */
  settle(): void {
    if (this.#isUnsettled) this.#recordSettled([], this.image.brokers);
  }

  /** Records a change of brokers, and what it asks of partitions: in as many rows as it takes. */
  recordBrokers(changes: readonly Change[], brokers: Brokers): void {
    this.#isUnsettled = true;
    this.#recordSettled(changes, brokers);
  }

  /** Tells the replicas of the scope. Goes on behind the caller's back after `waitMs`. */
  async tell(scope: Scope, waitMs: number): Promise<void> {
    const round = this.#round(scope, REQUEST_ROUND_MS);
    const ended = await within(
      this.#ports.timer,
      waitMs,
      round.then(() => true),
    );
    if (ended === null) this.#ports.background(round);
  }

  /** Returns at once. */
  tellLater(scope: Scope): void {
    this.#ports.background(this.#round(scope, REQUEST_ROUND_MS));
  }

  async tellLeader(topicId: string, partition: number): Promise<void> {
    const brokerId = partitionOf(this.image, topicId, partition)?.leader ?? -1;
    this.tellLater({ topicId, partition });
    // Calls to one replica share their way: this waits for the one that has begun.
    await this.tell({ topicId, partition, brokerId }, TELL_MS_MAX);
  }

  async resend(replica: ReplicaName): Promise<void> {
    const { topicId } = replica;
    await this.#deliveries.resend({ topicId, key: replicaKey(replica) });
    this.#recordConfirmed();
    this.#renewUnopened();
    if (this.#suspects().length > 0) this.#armFor(SUSPECT_MS);
  }

  /** The alarm has fired: tells again whom the last calls did not reach; `recovery` goes on beside it. */
  async onAlarm(recovery: () => Promise<void>): Promise<void> {
    // It is used up, also when this object's clock says that it was due only a moment later.
    this.#alarm.forget();
    this.settle();
    const { version } = this.image;
    await Promise.all([
      this.#deliveries.round({}, ALARM_ROUND_MS),
      recovery(),
      this.#probeSuspects(),
    ]);
    this.#recordConfirmed();
    this.#renewUnopened();
    const nowMs = this.#ports.clock.nowMs();
    // Waiting as long as the newest of it is old doubles the time from try to try, through
    // evictions; but not where this round has got on.
    const age = this.image.version > version ? 0 : nowMs - this.#newestPendingMs();
    const delay = Math.min(Math.max(age, RETRY_MS_MIN), RETRY_MS_MAX);
    this.#armFor(delay + this.#ports.random.below(Math.ceil(delay / 4)));
  }

  /**
   * Touches the storage: an instance that was superseded while it was running fails here, before it
   * answers a read from a memory that is no longer the newest.
   */
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
    this.tellLater({ topicId, partition });
  }

  /** Replicas whose storage could not be opened for long enough begin anew as other objects. */
  #renewUnopened(): void {
    const { unopened } = this.probes;
    for (const replica of unopened.replicas().lasting) {
      // rule: storage-that-does-not-open-is-given-up
      const change = decideRenewal(this.image, replica);
      if (!change) continue;
      if (change.replicas) unopened.forget(replica);
      const { topicId, partition } = replica;
      this.recordPartition(topicId, change);
      this.tellLater({ topicId, partition });
    }
  }

  /** Those whose storage did not open, while something could be done about it. */
  #suspects(): ReplicaName[] {
    const { all } = this.probes.unopened.replicas();
    return all.filter((replica) => decideRenewal(this.image, replica) !== null);
  }

  async #probeSuspects(): Promise<void> {
    const suspects = this.#suspects().slice(0, SUSPECTS_AT_ONCE);
    await Promise.all(suspects.map((replica) => this.probes.ask(replica)));
  }

  async #round(scope: Scope, roundMs: number): Promise<void> {
    await this.#deliveries.round(scope, roundMs);
    this.#recordConfirmed();
    this.#renewUnopened();
    this.#armFor(RETRY_MS_MIN);
  }

  #recordConfirmed(): void {
    const confirmed = this.#deliveries.takeConfirmed();
    if (confirmed.length > 0) this.record(confirmed);
  }

  /** The alarm exists while something is pending that it can mend, and only then. */
  #armFor(delayMs: number): void {
    const isPending = this.image.assignments.size + this.image.purges.size > 0;
    const recoverMs = this.#canRecover() ? RECOVER_MS : Number.POSITIVE_INFINITY;
    const tellMs = isPending ? delayMs : Number.POSITIVE_INFINITY;
    const suspectMs = this.#suspects().length > 0 ? SUSPECT_MS : Number.POSITIVE_INFINITY;
    const nextMs = Math.min(recoverMs, tellMs, suspectMs);
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
