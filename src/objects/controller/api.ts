/**
 * What the controller's object answers to: the contract between it, the worker and the replicas.
 * Types only. Every method returns a union with {@link Refusal}; none throws for an operating error.
 */
import type { Refusal } from "../../base/errors.ts";

export type BrokerState = "active" | "draining" | "fenced";

/** A broker is a failure domain and a place, not a process: see design.md's terms. */
export interface BrokerDescription {
  readonly brokerId: number;
  readonly rack: string;
  /** The platform's location hint for the objects of this broker; empty for none. */
  readonly locationHint: string;
  readonly state: BrokerState;
  readonly brokerEpoch: number;
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
  readonly configs?: Readonly<Record<string, string>>;
  /** Checks everything, changes nothing. */
  readonly validateOnly?: boolean;
}

export interface ConfigChange {
  readonly name: string;
  /** `null` with SET is refused. */
  readonly value: string | null;
  readonly operation: "SET" | "DELETE";
}

export type TopicAnswer = { readonly ok: true; readonly topic: TopicMetadata } | Refusal;

export interface ProducerIdentity {
  readonly ok: true;
  readonly producerId: number;
  readonly producerEpoch: number;
}

export interface ControllerApi {
  /** Metadata of the topics named, or of all (`null`). Unknown names are left out. */
  metadata(topics: readonly string[] | null): Promise<ClusterMetadata>;
  /** Answers when the replicas have taken up their assignments, or are sure to be told later. */
  createTopic(spec: TopicSpec): Promise<TopicAnswer>;
  /** The topic is gone when this answers; its replicas' storage follows, through crashes. */
  deleteTopic(topic: string): Promise<{ readonly ok: true } | Refusal>;
  /** To a higher number of partitions; the same or fewer are refused with INVALID_PARTITIONS. */
  createPartitions(topic: string, partitions: number, validateOnly?: boolean): Promise<TopicAnswer>;
  alterConfigs(
    topic: string,
    changes: readonly ConfigChange[],
    validateOnly?: boolean,
  ): Promise<TopicAnswer>;
  /** A producer id that was never handed out before, epoch 0. */
  allocateProducerId(): Promise<ProducerIdentity | Refusal>;
  describe(): Promise<ControllerDescription>;
}

export interface ControllerDescription {
  readonly ok: true;
  readonly version: number;
  readonly topics: number;
  readonly partitions: number;
  /** Replicas of deleted topics whose storage is not yet known to be gone. */
  readonly pendingPurges: number;
  /** Replicas that have not yet confirmed their newest assignment. */
  readonly pendingAssignments: number;
  /** Since the object woke up. */
  readonly rowsRead: number;
  readonly rowsWritten: number;
}
