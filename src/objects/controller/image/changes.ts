/**
 * The record of the controller's decisions: what can change in a cluster, and how it is written down.
 * Append-only in two senses: rows are only added, and so are kinds of change and fields. A kind never
 * changes its meaning, since logs written by older code are replayed by newer code.
 */
import type { BrokerState, PartitionMetadata, TopicMetadata } from "../../contracts/controller.ts";
import type { ChangeSet as ChangeSetOf } from "../../runtime/journal.ts";

/** A replica within its topic, as in the tail of its object's name: `<partition>/<brokerId>/<generation>`. */
export type ReplicaKey = string;

/**
 * Broker ids of one partition's replicas in order of preference. A new partition's first replica
 * leads at epoch 0, all are in sync and of generation {@link FIRST_GENERATION}: they start empty alike.
 */
export type NewPartition = readonly number[];

export const FIRST_GENERATION = 1;

/** What becomes of one partition; what is absent stays. Its partition epoch rises by one in any case. */
export interface PartitionChange {
  readonly partition: number;
  /** Who leads from now on, -1 for nobody. Given, it begins a new leader epoch, also where it names the same. */
  readonly leader?: number;
  /** The leader was not elected from the in-sync set: committed records may be lost. */
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
       * Its state and epoch from now on. Where it becomes fenced, or ceases to be, every partition
       * with a replica there rises by one partition epoch: all its replicas are told.
       */
      readonly type: "broker-changed";
      readonly brokerId: number;
      readonly state: BrokerState;
      readonly brokerEpoch: number;
    }
  | {
      /** All settings that the broker has of its own from now on. */
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
    }
  | {
      /** Numbered on from those that the topic has. */
      readonly type: "partitions-added";
      readonly topicId: string;
      readonly partitions: readonly NewPartition[];
    }
  | {
      /** All settings that the topic has of its own from now on; every partition epoch rises by one. */
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
      /** Those among the missing that have confirmed an older one. */
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

/** What is to be recorded of a topic, and the topic as it is after that. Without changes nothing is recorded. */
export interface TopicDecision {
  readonly ok: true;
  readonly changes: readonly Change[];
  readonly topic: TopicMetadata;
}

export type ChangeSet = ChangeSetOf<Change>;
