/**
 * The controller: answers the calls of its object (see the contract in `contracts/controller.ts`, which gives shapes
 * and errors) by deciding, recording, applying, delivering to the replicas and replying. One decision at a time:
 * nothing is awaited between reading the image and applying the change. Reaches the outside only through its ports.
 */
import type { EffectiveConfig } from "../../base/config.ts";
import { assert, refuse, type Refusal } from "../../base/errors.ts";
import type {
  BrokerAction,
  BrokerAnswer,
  BrokerSpec,
  ClusterMetadata,
  ConfigChange,
  ControllerDescription,
  GroupEntry,
  GroupList,
  PartitionAnswer,
  PartitionMetadata,
  PartitionsAnswer,
  ProducerIdentity,
  TopicAnswer,
  TopicDeleted,
  TopicMetadata,
  TopicSpec,
} from "../contracts/controller.ts";
import { assignmentOf } from "./delivery/assignments.ts";
import { decideChangeBroker, decideRegister } from "./brokers.ts";
import type { TopicDecision } from "./image/changes.ts";
import { partitionOf, topicNamed, type ClusterImage } from "./image/cluster.ts";
import {
  Decisions,
  REQUEST_ROUND_MS,
  DELIVERY_WAIT_MS_MAX,
  type ControllerPorts,
} from "./decisions.ts";
import { describeCluster } from "./description.ts";
import { decideRegisterGroup, decideUnregisterGroup, listGroups } from "./groups.ts";
import { decideAlterInSync } from "./leaders/in-sync.ts";
import { Leaders } from "./leaders/leaders.ts";
import type { Probes } from "./leaders/probes.ts";
import { decideReserveProducerIds } from "./producer-ids.ts";
import { decideCancel, decideReassign } from "./topics/reassignments.ts";
import { Turns } from "./turns.ts";
import type { ControllerStore } from "./image/store.ts";
import { decideAlterBrokerConfigs, decideAlterConfigs } from "./topics/configs.ts";
import { decideFound, describePartitions } from "./topics/founding.ts";
import { decideCreatePartitions, decideCreateTopic, decideDeleteTopic } from "./topics/topics.ts";
import type {
  AlteredInSync,
  AlterInSyncRequest,
  LeaderReport,
  ReplicaReport,
} from "../contracts/controller-port.ts";

interface PartitionNamed {
  readonly ok: true;
  readonly topic: TopicMetadata;
  readonly state: PartitionMetadata;
}

export class ControllerRules {
  readonly #ports: ControllerPorts;
  readonly #defaults: EffectiveConfig;
  readonly #decisions: Decisions;
  readonly #image: ClusterImage;
  readonly #probes: Probes;
  readonly #leaders: Leaders;
  /** For what many may ask for at once. */
  readonly #turns: Turns;
  /** Producer ids that this instance has reserved and not handed out yet: from `next` up to, not including, `end`. */
  #producerIds = { next: 0, end: 0 };

  /** Wakes up: replays what was recorded. */
  constructor(store: ControllerStore, ports: ControllerPorts, defaults: EffectiveConfig) {
    this.#ports = ports;
    this.#defaults = defaults;
    this.#turns = new Turns(ports.timer);
    const decisions = new Decisions(store, ports, () => this.#leaders.canRecover);
    this.#decisions = decisions;
    this.#image = decisions.image;
    this.#probes = decisions.probes;
    this.#leaders = new Leaders(this.#image, defaults, this.#probes, ports.clock, {
      record: (topicId, change) => decisions.recordPartition(topicId, change),
      deliver: (topicId, partition) => decisions.deliverToLeader(topicId, partition),
      resend: (replica) => decisions.resend(replica),
      found: (topicId, partition) => decisions.found(topicId, [partition]),
    });
  }

  /** Existing topics in the order of the names, then those of the ids; names of `null`: all. Writes nothing. */
  metadata(names: readonly string[] | null, topicIds: readonly string[] = []): ClusterMetadata {
    this.#decisions.touch();
    const { version, brokers, topics } = this.#image;
    const named = names === null ? [...topics.values()] : this.#topicsNamed(names);
    const identified = topicIds.flatMap((topicId) => topics.get(topicId) ?? []);
    const found = topicIds.length === 0 ? named : [...new Set([...named, ...identified])];
    return { ok: true, version, brokers: [...brokers.values()], topics: found };
  }

  async createTopic(spec: TopicSpec): Promise<TopicAnswer> {
    await this.#turns.take();
    const topicId = this.#ports.random.id();
    const decision = decideCreateTopic(this.#image, spec, topicId, this.#defaults);
    return this.#carryOut(decision, spec.validateOnly === true, spec.waitMs);
  }

  async createPartitions(
    name: string,
    count: number,
    validateOnly = false,
    assignments: readonly (readonly number[])[] | null = null,
    atFirstUse = false,
  ): Promise<TopicAnswer> {
    await this.#turns.take();
    const decision = decideCreatePartitions(this.#image, name, count, assignments, atFirstUse);
    return this.#carryOut(decision, validateOnly);
  }

  async foundPartitions(
    topicId: string,
    partitions: readonly number[],
  ): Promise<PartitionsAnswer | Refusal> {
    await this.#turns.take();
    const decision = decideFound(this.#image, topicId, partitions);
    if (!decision.ok) return decision;
    await this.#decisions.found(topicId, decision.partitions);
    return describePartitions(this.#image, topicId, partitions);
  }

  describePartitions(topicId: string, partitions: readonly number[]): PartitionsAnswer | Refusal {
    this.#decisions.touch();
    const described = describePartitions(this.#image, topicId, partitions);
    if (!described.ok) return described;
    const unconfirmed = described.partitions
      .filter((partition) => this.#decisions.isUnconfirmed(topicId, partition))
      .map(({ partition }) => partition);
    return unconfirmed.length === 0 ? described : { ...described, unconfirmed };
  }

  async alterConfigs(
    name: string,
    changes: readonly ConfigChange[],
    validateOnly = false,
  ): Promise<TopicAnswer> {
    await this.#turns.take();
    return this.#carryOut(decideAlterConfigs(this.#image, name, changes), validateOnly);
  }

  async deleteTopic(name: string, topicId?: string): Promise<TopicDeleted | Refusal> {
    await this.#turns.take();
    const decision = decideDeleteTopic(this.#image, name, topicId);
    if (!decision.ok) return decision;
    this.#decisions.record(decision.changes);
    await this.#decisions.deliver({ topicId: decision.topicId }, REQUEST_ROUND_MS);
    return { ok: true, topicId: decision.topicId };
  }

  async registerBroker(spec: BrokerSpec): Promise<BrokerAnswer> {
    const decision = decideRegister(this.#image, spec);
    if (!decision.ok) return decision;
    if (decision.changes.length > 0) this.#decisions.record(decision.changes);
    return { ok: true, broker: decision.broker };
  }

  async changeBroker(brokerId: number, action: BrokerAction): Promise<BrokerAnswer> {
    this.#decisions.settle();
    const decision = decideChangeBroker(this.#image, brokerId, action);
    if (!decision.ok) return decision;
    const { broker, changes } = decision;
    if (changes.length > 0) {
      const brokers = new Map(this.#image.brokers).set(brokerId, broker);
      this.#decisions.recordBrokers(changes, brokers);
      this.#ports.background(this.#leaders.recover());
    }
    await this.#decisions.deliver({}, DELIVERY_WAIT_MS_MAX);
    return { ok: true, broker };
  }

  alterBrokerConfigs(
    brokerId: number,
    changes: readonly ConfigChange[],
    validateOnly = false,
  ): BrokerAnswer {
    const decision = decideAlterBrokerConfigs(this.#image, brokerId, changes);
    if (!decision.ok) return decision;
    if (!validateOnly && decision.changes.length > 0) this.#decisions.record(decision.changes);
    return { ok: true, broker: decision.broker };
  }

  /** Answers as soon as it is decided, because a leader and its producers wait for it. */
  async alterInSync(request: AlterInSyncRequest): Promise<AlteredInSync | Refusal> {
    this.#decisions.settle();
    const decision = decideAlterInSync(this.#image, request);
    if (!decision.ok) return decision;
    const { topicId, partition, brokerId } = request;
    if (decision.change) {
      this.#decisions.recordPartition(topicId, decision.change);
      this.#decisions.deliverLater({ topicId, partition });
    }
    const replica = partitionOf(this.#image, topicId, partition)?.replicas.find(
      (one) => one.brokerId === brokerId,
    );
    // The change has completed a reassignment that removes the leader itself.
    if (!replica) return refuse("FENCED_LEADER_EPOCH");
    return {
      ok: true,
      assignment: assignmentOf(this.#image, { topicId, partition, ...replica }),
    };
  }

  async reportLeader(report: LeaderReport): Promise<PartitionAnswer> {
    this.#decisions.settle();
    return this.#leaders.report(report);
  }

  async reportReplica(report: ReplicaReport): Promise<{ readonly ok: true } | Refusal> {
    this.#decisions.settle();
    return this.#leaders.reportReplica(report);
  }

  async electLeader(
    name: string,
    partition: number,
    election: "preferred" | "unclean",
  ): Promise<PartitionAnswer> {
    this.#decisions.settle();
    const found = this.#partitionNamed(name, partition);
    if (!found.ok) return found;
    const { topicId } = found.topic;
    switch (election) {
      case "preferred":
        return this.#leaders.electPreferred(topicId, found.state);
      case "unclean":
        return this.#leaders.electUncleanly(topicId, found.state);
      default:
        return refuse("INVALID_REQUEST", "An election is preferred or unclean.");
    }
  }

  async reassign(
    name: string,
    partition: number,
    brokerIds: readonly number[] | null,
    keepsFactor = false,
  ): Promise<PartitionAnswer> {
    this.#decisions.settle();
    const found = this.#partitionNamed(name, partition);
    if (!found.ok) return found;
    const { topic, state } = found;
    const decision =
      brokerIds === null
        ? decideCancel(this.#image, state)
        : decideReassign(this.#image, topic, state, brokerIds, keepsFactor);
    if (!decision.ok) return decision;
    if (decision.change) {
      this.#decisions.recordPartition(topic.topicId, decision.change);
      await this.#decisions.deliver({ topicId: topic.topicId, partition }, DELIVERY_WAIT_MS_MAX);
    }
    const now = partitionOf(this.#image, topic.topicId, partition);
    return now ? { ok: true, partition: now } : refuse("UNKNOWN_TOPIC");
  }

  /** Ids rise; the rest of a block that was reserved before a restart is never handed out (KIP-98, KIP-730). */
  allocateProducerId(): ProducerIdentity {
    if (this.#producerIds.next === this.#producerIds.end) {
      const next = this.#image.nextProducerId;
      this.#decisions.record(decideReserveProducerIds(this.#image));
      this.#producerIds = { next, end: this.#image.nextProducerId };
    }
    const producerId = this.#producerIds.next;
    this.#producerIds.next += 1;
    return { ok: true, producerId, producerEpoch: 0 };
  }

  registerGroup(group: GroupEntry): { readonly ok: true } | Refusal {
    const decision = decideRegisterGroup(this.#image, group);
    if (!decision.ok) return decision;
    if (decision.changes.length > 0) this.#decisions.record(decision.changes);
    return { ok: true };
  }

  unregisterGroup(group: GroupEntry): { readonly ok: true } {
    const { changes } = decideUnregisterGroup(this.#image, group);
    if (changes.length > 0) this.#decisions.record(changes);
    return { ok: true };
  }

  groups(after: string, limit: number): GroupList {
    this.#decisions.touch();
    return listGroups(this.#image, after, limit);
  }

  /** The alarm has fired: deliveries are pending, or a partition without a leader may get one. */
  async onAlarm(): Promise<void> {
    await this.#decisions.onAlarm(() => this.#leaders.recover());
  }

  describe(): Omit<ControllerDescription, "rowsRead" | "rowsWritten"> {
    this.#decisions.touch();
    return describeCluster(this.#image, this.#probes.failed, this.#probes.damage.count());
  }

  async #carryOut(
    decision: TopicDecision | Refusal,
    validateOnly = false,
    waitMs: number = REQUEST_ROUND_MS,
  ): Promise<TopicAnswer> {
    if (!decision.ok) return decision;
    const { changes, topic } = decision;
    if (!validateOnly && changes.length > 0) {
      this.#decisions.record(changes);
      assert(this.#image.topics.has(topic.topicId), "a decision's topic is not in the image");
      await this.#decisions.deliver({ topicId: topic.topicId }, waitMs);
    }
    return { ok: true, topic };
  }

  #partitionNamed(name: string, partition: number): PartitionNamed | Refusal {
    const topic = topicNamed(this.#image, name);
    if (!topic) return refuse("UNKNOWN_TOPIC");
    const state = partitionOf(this.#image, topic.topicId, partition);
    return state ? { ok: true, topic, state } : refuse("UNKNOWN_PARTITION");
  }

  #topicsNamed(names: readonly string[]): TopicMetadata[] {
    return [...new Set(names)]
      .map((name) => topicNamed(this.#image, name))
      .filter((topic) => topic !== null);
  }
}
