/**
 * What the controller's object answers to: the contract between it, the worker and the replicas.
 * Types only. Every method returns a union with {@link Refusal}; none throws for an operating error.
 */
import type { Refusal } from "../../base/errors.ts";
import type {
  AlteredInSync,
  AlterInSyncRequest,
  LeaderReport,
  ReplicaReport,
} from "./controller-port.ts";

export type BrokerState = "active" | "draining" | "fenced";

/** A broker is a failure domain and a place, not a process: see design.md's terms. */
export interface BrokerDescription {
  readonly brokerId: number;
  readonly rack: string;
  /** The platform's location hint for the objects of this broker; empty for none. */
  readonly locationHint: string;
  readonly state: BrokerState;
  readonly brokerEpoch: number;
  /** The broker's own settings, as text; absent: none. */
  readonly configs?: Readonly<Record<string, string>>;
}

export interface PartitionMetadata {
  readonly partition: number;
  /** Broker id; -1 when there is none. */
  readonly leader: number;
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
  /** In order of preference; the first is the preferred leader. */
  readonly replicas: readonly { readonly brokerId: number; readonly generation: number }[];
  readonly inSync: readonly number[];
  /** Broker ids among `replicas` that a reassignment adds, and that it removes when they are in sync; absent: none. */
  readonly adding?: readonly number[];
  readonly removing?: readonly number[];
  /** Leader epoch of the last unclean election; absent: there was none. */
  readonly uncleanEpoch?: number;
}

export interface TopicMetadata {
  readonly topic: string;
  readonly topicId: string;
  /** The topic's own settings, as text: what `effectiveConfig` takes as its first source. */
  readonly configs: Readonly<Record<string, string>>;
  readonly partitions: readonly PartitionMetadata[];
}

export interface ClusterMetadata {
  readonly ok: true;
  /** Counts every change of the cluster. */
  readonly version: number;
  readonly brokers: readonly BrokerDescription[];
  /** Those asked for that exist, by name; all of them when none was named. */
  readonly topics: readonly TopicMetadata[];
}

export interface TopicSpec {
  readonly topic: string;
  /** Absent: `num.partitions`. */
  readonly partitions?: number;
  /** Absent: `default.replication.factor`. */
  readonly replicationFactor?: number;
  /** By partition its broker ids, the preferred leader first; instead of both numbers. */
  readonly assignments?: readonly (readonly number[])[];
  readonly configs?: Readonly<Record<string, string>>;
  /** Checks everything, changes nothing. */
  readonly validateOnly?: boolean;
  /** How long the answer waits for the replicas to be told; absent: as long as a request may. The rest follows. */
  readonly waitMs?: number;
}

export interface ConfigChange {
  readonly name: string;
  /** `null` is refused but with DELETE. */
  readonly value: string | null;
  /** APPEND and SUBTRACT are for lists (KIP-339), and start from what holds without the change. */
  readonly operation: "SET" | "DELETE" | "APPEND" | "SUBTRACT";
}

export interface TopicDeleted {
  readonly ok: true;
  /** What it was. */
  readonly topicId?: string;
}

export type TopicAnswer = { readonly ok: true; readonly topic: TopicMetadata } | Refusal;

export interface ProducerIdentity {
  readonly ok: true;
  readonly producerId: number;
  readonly producerEpoch: number;
}

export interface ControllerApi {
  /**
   * Metadata of the topics named, or of all (`null`), and of those with these ids. What is not known is left
   * out.
   */
  metadata(
    topics: readonly string[] | null,
    topicIds?: readonly string[],
  ): Promise<ClusterMetadata>;
  /** Answers when the replicas have taken up their assignments, or are sure to be told later. */
  createTopic(spec: TopicSpec): Promise<TopicAnswer>;
  /**
   * The topic is gone when this answers; its replicas' storage follows, through crashes. With an id only the
   * very topic goes: UNKNOWN_TOPIC_ID where another has its name.
   */
  deleteTopic(topic: string, topicId?: string): Promise<TopicDeleted | Refusal>;
  /** To a higher number of partitions; the same or fewer are refused with INVALID_PARTITIONS. `assignments`: of the new ones. */
  createPartitions(
    topic: string,
    partitions: number,
    validateOnly?: boolean,
    assignments?: readonly (readonly number[])[] | null,
  ): Promise<TopicAnswer>;
  alterConfigs(
    topic: string,
    changes: readonly ConfigChange[],
    validateOnly?: boolean,
  ): Promise<TopicAnswer>;
  /**
   * Registers a broker, or confirms one that is registered alike. Absent id: the next free one.
   * Errors: DUPLICATE_BROKER_REGISTRATION, INVALID_REQUEST.
   */
  registerBroker(spec: BrokerSpec): Promise<BrokerAnswer>;
  /**
   * - `fence`: its replicas refuse service, leave the in-sync sets (but where they are the last) and
   *   lead nothing. For a region that is lost, or is to be taken away.
   * - `drain`: it leads nothing and gets no new replicas; its replicas go on following.
   * - `unfence`: active again, from either; its replicas catch up and join by themselves.
   * Answers when the replicas were told, or are sure to be later. Errors: BROKER_NOT_FOUND,
   * ILLEGAL_STATE (a fenced broker cannot be drained).
   */
  changeBroker(brokerId: number, action: BrokerAction): Promise<BrokerAnswer>;
  /** As `alterConfigs`, of one broker. Errors: BROKER_NOT_FOUND, INVALID_CONFIG, INVALID_REQUEST. */
  alterBrokerConfigs(
    brokerId: number,
    changes: readonly ConfigChange[],
    validateOnly?: boolean,
  ): Promise<BrokerAnswer>;
  /** A leader's wish: see {@link AlterInSyncRequest}. */
  alterInSync(request: AlterInSyncRequest): Promise<AlteredInSync | Refusal>;
  /**
   * Somebody's call to the leader of this epoch has failed. The controller probes it, elects another
   * where it does not answer, and answers with how things stand then. Stale reports change nothing.
   */
  reportLeader(report: LeaderReport): Promise<PartitionAnswer>;
  /**
   * A leader's follower has answered that it is no replica (UNKNOWN_TOPIC_OR_PARTITION), having lost its
   * storage, or that storage fails it (KAFKA_STORAGE_ERROR, STORAGE_LOST). It is told again what it is, and leaves the
   * in-sync set where it has lost what it had. Stale reports change nothing.
   */
  reportReplica(report: ReplicaReport): Promise<{ readonly ok: true } | Refusal>;
  /**
   * Makes the preferred (first) replica the leader, or with `unclean` any replica that answers, in
   * sync or not. Errors: UNKNOWN_TOPIC, UNKNOWN_PARTITION, ELECTION_NOT_NEEDED,
   * PREFERRED_LEADER_NOT_AVAILABLE, ELIGIBLE_LEADERS_NOT_AVAILABLE.
   */
  electLeader(
    topic: string,
    partition: number,
    election: "preferred" | "unclean",
  ): Promise<PartitionAnswer>;
  /**
   * Moves a partition to these brokers, the preferred leader first: new replicas are added, and once
   * they are in sync the others are removed and purged. `null` calls a move off. `keepsFactor` refuses another number of
   * replicas than the partition is to have (KIP-860: INVALID_REPLICATION_FACTOR). Errors: UNKNOWN_TOPIC,
   * UNKNOWN_PARTITION, INVALID_REPLICA_ASSIGNMENT, NO_REASSIGNMENT_IN_PROGRESS.
   */
  reassign(
    topic: string,
    partition: number,
    brokerIds: readonly number[] | null,
    keepsFactor?: boolean,
  ): Promise<PartitionAnswer>;
  /** A producer id that was never handed out before, epoch 0. */
  allocateProducerId(): Promise<ProducerIdentity | Refusal>;
  /**
   * The list of groups: their ids, nothing of their state, which their own objects have. Registered before
   * a group's first row is written, unregistered after its last one is gone. Errors: INVALID_GROUP_ID,
   * GROUP_MAX_SIZE_REACHED (more groups than a cluster may have).
   */
  registerGroup(group: GroupEntry): Promise<{ readonly ok: true } | Refusal>;
  /** Changes nothing where the group was registered again since. */
  unregisterGroup(group: GroupEntry): Promise<{ readonly ok: true } | Refusal>;
  /** Ids in order, those after `after` (empty: from the first), at most `limit`. */
  groups(after: string, limit: number): Promise<GroupList>;
  describe(): Promise<ControllerDescription>;
}

export interface GroupEntry {
  readonly groupId: string;
  /** When this incarnation of the group began, in milliseconds since the epoch. */
  readonly sinceMs: number;
}

export interface GroupList {
  readonly ok: true;
  readonly groupIds: readonly string[];
  /** Whether there are more behind them: pages are also bounded by the length of the ids. */
  readonly hasMore?: boolean;
  /** Of all groups. */
  readonly total: number;
}

export interface BrokerSpec {
  readonly brokerId?: number;
  readonly rack: string;
  readonly locationHint: string;
}

export type BrokerAction = "fence" | "unfence" | "drain";

export type BrokerAnswer = { readonly ok: true; readonly broker: BrokerDescription } | Refusal;

export type PartitionAnswer =
  | { readonly ok: true; readonly partition: PartitionMetadata }
  | Refusal;

export interface ControllerDescription {
  readonly ok: true;
  readonly version: number;
  readonly topics: number;
  readonly partitions: number;
  /** Consumer groups. */
  readonly groups: number;
  /** Partitions with fewer in-sync replicas than replicas; without a leader; being reassigned. */
  readonly underReplicated: number;
  readonly offline: number;
  /** Replicas whose storage is lost, corrupt or does not open, as far as was heard since the object woke up. */
  readonly damagedReplicas?: number;
  readonly reassigning: number;
  /** Counted since the cluster began: decisions, and probes that had no answer. */
  readonly counts: ControllerCounts;
  /** Replicas of deleted topics whose storage is not yet known to be gone. */
  readonly pendingPurges: number;
  /** Replicas that have not yet confirmed their newest assignment. */
  readonly pendingAssignments: number;
  /** Since the object woke up. */
  readonly rowsRead: number;
  readonly rowsWritten: number;
}

export interface ControllerCounts {
  /** Leaders elected from the in-sync set. */
  readonly elections: number;
  readonly uncleanElections: number;
  readonly inSyncShrinks: number;
  readonly inSyncExpands: number;
  /** Since the object woke up: a probe that fails decides nothing by itself. */
  readonly failedProbes: number;
}
