/**
 * What can change in a cluster, as it is recorded: a cluster is the sum of these. Append-only in two senses: rows are
 * only added, and so are kinds of change and fields. A kind never changes its meaning or its name, because newer
 * code replays what older code has recorded.
 */
import type { BrokerState, PartitionMetadata, TopicMetadata } from "../../contracts/controller.ts";
import type { ChangeSet as ChangeSetOf } from "../../runtime/journal.ts";

/** A replica within its topic, as at the end of its object's name: `<partition>/<brokerId>/<generation>`. */
export type ReplicaKey = string;

/**
 * Broker ids of one partition's replicas, in order of preference. The first replica of a new partition leads, at
 * epoch 0; all are in sync, because all are empty, and of generation {@link FIRST_GENERATION}.
 */
export type NewPartition = readonly number[];

export const FIRST_GENERATION = 1;

/** The change of one partition; absent fields stay as they are. Its partition epoch always rises by one. */
export interface PartitionChange {
  readonly partition: number;
  /** Broker id of the leader, -1 for none. Begins a new leader epoch, also where the leader stays the same. */
  readonly leader?: number;
  /** The leader was not elected from the in-sync set; committed records may be lost. */
  readonly unclean?: true;
  readonly inSync?: readonly number[];
  /** New ones are founded empty, those left out are removed. Where it is given, so are `adding` and `removing`. */
  readonly replicas?: PartitionMetadata["replicas"];
  readonly adding?: readonly number[];
  readonly removing?: readonly number[];
}

export type Change =
  | {
      readonly type: "broker-registered";
      readonly brokerId: number;
      readonly rack: string;
      readonly locationHint: string;
      readonly brokerEpoch: number;
    }
  | {
      /**
       * Its state and epoch from now on. Where it becomes fenced, or is no longer, the partition epoch of every
       * partition with a replica there rises by one, and all its replicas get a new assignment.
       */
      readonly type: "broker-changed";
      readonly brokerId: number;
      readonly state: BrokerState;
      readonly brokerEpoch: number;
    }
  | {
      /** All of the broker's own settings from now on. */
      readonly type: "broker-configs-altered";
      readonly brokerId: number;
      readonly configs: Readonly<Record<string, string>>;
    }
  | {
      readonly type: "partitions-changed";
      readonly topicId: string;
      readonly partitions: readonly PartitionChange[];
    }
  | {
      readonly type: "topic-created";
      readonly topic: string;
      readonly topicId: string;
      readonly configs: Readonly<Record<string, string>>;
      readonly partitions: readonly NewPartition[];
      /** The partitions are founded by a change of their own; absent: by this one. */
      readonly unfounded?: true;
    }
  | {
      /** Their numbers follow those of the topic's partitions. */
      readonly type: "partitions-added";
      readonly topicId: string;
      readonly partitions: readonly NewPartition[];
      /** As of `topic-created`. */
      readonly unfounded?: true;
    }
  | {
      /** Partitions that were unfounded: their replicas are to get their first assignment. */
      readonly type: "partitions-founded";
      readonly topicId: string;
      readonly partitions: readonly number[];
    }
  | {
      /** All of the topic's own settings from now on; every partition epoch rises by one. */
      readonly type: "configs-altered";
      readonly topicId: string;
      readonly configs: Readonly<Record<string, string>>;
    }
  | { readonly type: "topic-deleted"; readonly topicId: string }
  | {
      /** Replicas of the topic have confirmed their newest assignment: all but those missing. */
      readonly type: "assignments-delivered";
      readonly topicId: string;
      readonly missing: readonly ReplicaKey[];
      /** Those among the missing that have confirmed an older assignment. */
      readonly founded?: readonly ReplicaKey[];
    }
  | {
      /** The storage of the topic's removed replicas is deleted: of all but those missing. */
      readonly type: "replicas-purged";
      readonly topicId: string;
      readonly missing: readonly ReplicaKey[];
    }
  | {
      /** Producer ids below this one may have been handed out (KIP-730). */
      readonly type: "producer-ids-reserved";
      readonly below: number;
    }
  | { readonly type: "group-registered"; readonly groupId: string; readonly sinceMs: number }
  | { readonly type: "group-unregistered"; readonly groupId: string };

/** What is to be recorded (nothing where there are no changes), and the topic after that. */
export interface TopicDecision {
  readonly ok: true;
  readonly changes: readonly Change[];
  readonly topic: TopicMetadata;
}

export type ChangeSet = ChangeSetOf<Change>;
