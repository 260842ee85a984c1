/**
 * The calls of the controller's object: the contract between it, the worker and the replicas. Types only. Methods
 * return a union with {@link Refusal}; none throws for an operating error. During a deploy old and new code call each
 * other: add fields as optional, never change what one means.
 */
import type { Refusal } from "../../base/errors.ts";
import type {
  AlteredInSync,
  AlterInSyncRequest,
  LeaderReport,
  ReplicaReport,
} from "./controller-port.ts";

export type BrokerState = "active" | "draining" | "fenced";

/** A broker is a failure domain and a location, not a process. */
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
  /** Broker ids among `replicas` that a reassignment adds, and that it removes once the others are in sync; absent: none. */
  readonly adding?: readonly number[];
  readonly removing?: readonly number[];
  /** Leader epoch of the last unclean election; absent: there was none. */
  readonly uncleanEpoch?: number;
  /**
   * The partition was not used yet: none of its replicas has an object with storage, and it holds no record. It is
   * founded with {@link ControllerApi.foundPartitions} before it is used. Absent: it is founded.
   */
  readonly unfounded?: true;
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
  /** The topics asked for that exist; all topics where none was named. */
  readonly topics: readonly TopicMetadata[];
}

export interface TopicSpec {
  readonly topic: string;
  /** Absent: `num.partitions`. */
  readonly partitions?: number;
  /** Absent: `default.replication.factor`. */
  readonly replicationFactor?: number;
  /** Broker ids by partition, the preferred leader first; in place of both numbers. */
  readonly assignments?: readonly (readonly number[])[];
  readonly configs?: Readonly<Record<string, string>>;
  /** Checks the request and changes nothing. */
  readonly validateOnly?: boolean;
  /** How long the answer waits for the replicas, in milliseconds; absent: as long as a request may. The rest follows. */
  readonly waitMs?: number;
  /** Replicas get their storage when their partition is first used; absent: at once. */
  readonly atFirstUse?: true;
}

export interface ConfigChange {
  readonly name: string;
  /** `null` only with DELETE. */
  readonly value: string | null;
  /** APPEND and SUBTRACT are for lists (KIP-339), and start from the value without the change. */
  readonly operation: "SET" | "DELETE" | "APPEND" | "SUBTRACT";
}

export interface TopicDeleted {
  readonly ok: true;
  /** The deleted topic's. */
  readonly topicId?: string;
}

export interface PartitionsAnswer {
  readonly ok: true;
  /** In the order in which they were named. */
  readonly partitions: readonly PartitionMetadata[];
  /**
   * Numbers of those among them that were never in use, as far as the controller knows: not founded, or founded and no
   * replica has confirmed its first assignment yet. Absent: none, or the answer is one of `foundPartitions`.
   */
  readonly unconfirmed?: readonly number[];
}

export type TopicAnswer = { readonly ok: true; readonly topic: TopicMetadata } | Refusal;

export interface ProducerIdentity {
  readonly ok: true;
  readonly producerId: number;
  readonly producerEpoch: number;
}

export interface ControllerApi {
  /**
   * Metadata of the topics named, or of all (`null`), and of those with these ids. Unknown topics are left out.
   * Writes nothing.
   */
  metadata(
    topics: readonly string[] | null,
    topicIds?: readonly string[],
  ): Promise<ClusterMetadata>;
  /**
   * Answers when the replicas have taken up their assignments, or are sure to get them later. Errors:
   * INVALID_TOPIC_EXCEPTION, TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR,
   * INVALID_REPLICA_ASSIGNMENT, INVALID_CONFIG, INVALID_REQUEST.
   */
  createTopic(spec: TopicSpec): Promise<TopicAnswer>;
  /**
   * The topic is deleted when this answers; the storage of its replicas is deleted soon after, whatever crashes.
   * Errors: UNKNOWN_TOPIC, UNKNOWN_TOPIC_ID (the topic of that name has another id than the one given).
   */
  deleteTopic(topic: string, topicId?: string): Promise<TopicDeleted | Refusal>;
  /**
   * Raises the number of partitions; `assignments`: broker ids of the new ones. Errors: UNKNOWN_TOPIC,
   * INVALID_PARTITIONS (the same number or fewer, or too many), INVALID_REPLICA_ASSIGNMENT,
   * INVALID_REPLICATION_FACTOR.
   */
  createPartitions(
    topic: string,
    partitions: number,
    validateOnly?: boolean,
    assignments?: readonly (readonly number[])[] | null,
    atFirstUse?: boolean,
  ): Promise<TopicAnswer>;
  /**
   * Founds partitions: their replicas get storage. Answers with the partitions as they are then, when their leaders
   * were assigned or are sure to be later. Idempotent. Errors, after which nothing is changed: UNKNOWN_TOPIC_ID,
   * UNKNOWN_PARTITION.
   */
  foundPartitions(
    topicId: string,
    partitions: readonly number[],
  ): Promise<PartitionsAnswer | Refusal>;
  /** Partitions as they are now, founded or not. Errors: UNKNOWN_TOPIC_ID, UNKNOWN_PARTITION. */
  describePartitions(
    topicId: string,
    partitions: readonly number[],
  ): Promise<PartitionsAnswer | Refusal>;
  /** Alters the topic's own settings, all or none. Errors: UNKNOWN_TOPIC, INVALID_CONFIG, INVALID_REQUEST. */
  alterConfigs(
    topic: string,
    changes: readonly ConfigChange[],
    validateOnly?: boolean,
  ): Promise<TopicAnswer>;
  /**
   * Registers a broker, or confirms one that is registered with the same rack and hint. Absent id: the next free one.
   * Errors: DUPLICATE_BROKER_REGISTRATION, INVALID_REQUEST.
   */
  registerBroker(spec: BrokerSpec): Promise<BrokerAnswer>;
  /**
   * - `fence`: its replicas refuse service, lead nothing, and leave the in-sync sets unless they are the last members.
   *   For a region that is lost, or is about to be.
   * - `drain`: it leads nothing and gets no new replicas; its replicas continue to follow.
   * - `unfence`: active again, from either state; its replicas catch up and join by themselves.
   * Answers when the replicas were assigned, or are sure to be later. Errors: BROKER_NOT_FOUND, INVALID_REQUEST,
   * ILLEGAL_STATE (a fenced broker cannot be drained).
   */
  changeBroker(brokerId: number, action: BrokerAction): Promise<BrokerAnswer>;
  /** As `alterConfigs`, for one broker. Errors: BROKER_NOT_FOUND, INVALID_CONFIG, INVALID_REQUEST. */
  alterBrokerConfigs(
    brokerId: number,
    changes: readonly ConfigChange[],
    validateOnly?: boolean,
  ): Promise<BrokerAnswer>;
  /** See `ControllerPort.alterInSync`. */
  alterInSync(request: AlterInSyncRequest): Promise<AlteredInSync | Refusal>;
  /**
   * A call to the leader of this epoch has failed. The controller probes the leader, elects another where it does not
   * answer, and answers with the partition's state after that. Stale reports change nothing. Errors:
   * UNKNOWN_TOPIC_OR_PARTITION.
   */
  reportLeader(report: LeaderReport): Promise<PartitionAnswer>;
  /**
   * A follower has answered its leader that it is no replica (UNKNOWN_TOPIC_OR_PARTITION), because it has lost its
   * storage, or that its storage fails (KAFKA_STORAGE_ERROR, STORAGE_LOST). Its assignment is sent again, and it leaves
   * the in-sync set where it has lost its log. Stale reports change nothing. Errors: UNKNOWN_TOPIC_OR_PARTITION.
   */
  reportReplica(report: ReplicaReport): Promise<{ readonly ok: true } | Refusal>;
  /**
   * Makes the preferred (first) replica the leader, or with `unclean` any replica that answers, in sync or not. Errors: UNKNOWN_TOPIC, UNKNOWN_PARTITION, ELECTION_NOT_NEEDED,
   * PREFERRED_LEADER_NOT_AVAILABLE, ELIGIBLE_LEADERS_NOT_AVAILABLE.
   */
  electLeader(
    topic: string,
    partition: number,
    election: "preferred" | "unclean",
  ): Promise<PartitionAnswer>;
  /**
   * Moves a partition to these brokers, the preferred leader first: new replicas are added, and once they are in sync
   * the others are removed and their storage is deleted. `null` cancels a reassignment. `keepsFactor` refuses a change
   * of the number of replicas (KIP-860: INVALID_REPLICATION_FACTOR). Errors: UNKNOWN_TOPIC, UNKNOWN_PARTITION,
   * INVALID_REPLICA_ASSIGNMENT, NO_REASSIGNMENT_IN_PROGRESS.
   */
  reassign(
    topic: string,
    partition: number,
    brokerIds: readonly number[] | null,
    keepsFactor?: boolean,
  ): Promise<PartitionAnswer>;
  /** A producer id that was never handed out before, at epoch 0 (KIP-98, KIP-730). */
  allocateProducerId(): Promise<ProducerIdentity | Refusal>;
  /**
   * Puts a group on the list of groups, which has their ids only; their state is in their own objects. A group is
   * registered before its first row is written, and unregistered before its storage is deleted. Errors:
   * INVALID_GROUP_ID, GROUP_MAX_SIZE_REACHED (more groups than a cluster may have).
   */
  registerGroup(group: GroupEntry): Promise<{ readonly ok: true } | Refusal>;
  /** Takes a group off the list; changes nothing where it was registered again since. */
  unregisterGroup(group: GroupEntry): Promise<{ readonly ok: true } | Refusal>;
  /** At most `limit` ids in order, those after `after` (empty: from the first). */
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
  /** Whether more follow: pages are bounded by the length of the ids as well as by `limit`. */
  readonly hasMore?: boolean;
  /** Number of all groups. */
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
  /** Number of consumer groups. */
  readonly groups: number;
  /** Numbers of partitions: with fewer in-sync replicas than replicas, without a leader, and being reassigned. */
  readonly underReplicated: number;
  readonly offline: number;
  /** Replicas whose storage is lost, corrupt or does not open, as far as is known since the object woke up. */
  readonly damagedReplicas?: number;
  readonly reassigning: number;
  /** Decisions since the cluster began, and probes without an answer since the object woke up. */
  readonly counts: ControllerCounts;
  /** Removed replicas whose storage is not yet known to be deleted. */
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
  /** Since the object woke up; a failed probe decides nothing by itself. */
  readonly failedProbes: number;
}
