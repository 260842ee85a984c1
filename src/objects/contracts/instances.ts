/** HTTP instances: members of a group whose state lives in the group's object. Types only. */
import type { OffsetToCommit, TopicPartition } from "./offsets.ts";

export type RecordsFormat = "binary" | "json" | "string";
export type OffsetReset = "earliest" | "latest" | "none";

/** Settings of an instance, checked by the worker against the config table's bounds. */
export interface InstanceSpec {
  /** Empty: one is made. */
  readonly name: string;
  readonly format: RecordsFormat;
  readonly offsetReset: OffsetReset;
  readonly autoCommit: boolean;
  readonly autoCommitIntervalMs: number;
  readonly fetchMinBytes: number;
  /** How long a poll waits for `fetchMinBytes` when it does not say. */
  readonly requestTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  readonly maxPollIntervalMs: number;
  readonly maxPollRecords: number;
  /** Assignors in order of preference. */
  readonly assignors: readonly string[];
  /** `read_uncommitted` unless said. */
  readonly isolation: "read_uncommitted" | "read_committed";
  /** For descriptions of the group. */
  readonly clientId: string;
  readonly clientHost: string;
}

export interface CreatedInstance {
  readonly ok: true;
  readonly instanceId: string;
}

/** What an instance subscribes to: names, or names that match a regular expression as a whole. */
export type Subscription =
  | { readonly by: "topics"; readonly topics: readonly string[] }
  | { readonly by: "pattern"; readonly pattern: string };

export interface SubscriptionAnswer {
  readonly ok: true;
  /** The names subscribed to; of a pattern those that match at present. */
  readonly topics: readonly string[];
  readonly pattern: string | null;
}

export interface AssignmentAnswer {
  readonly ok: true;
  readonly partitions: readonly TopicPartition[];
}

/** Where a partition is read from. Ends of logs are looked up by the caller. */
export interface Seek extends TopicPartition {
  readonly to: number;
}

export interface PollRequest {
  readonly instanceId: string;
  /**
   * What of the answers before has arrived: the `pollId` of the last one received, "" when none was.
   * The position moves only behind what has arrived. Absent from a plain v2 client: whoever polls again
   * has had the answer before.
   */
  readonly received?: string;
  /** As the reader asked; absent: any. NOT_ACCEPTABLE when it is not the instance's. */
  readonly format?: RecordsFormat;
  /** How long the call may wait for a rebalance to end, in milliseconds. */
  readonly waitMs: number;
}

/** A partition to read, and from where. */
export interface PollPartition extends TopicPartition {
  readonly topicId: string;
  /** null: there is no position yet; see `reset`. */
  readonly position: number | null;
  /** Where to begin without a position, and where its position is out of range. */
  readonly reset: OffsetReset;
}

/** What a poll reads. */
export interface PollPlan {
  readonly ok: true;
  readonly spec: InstanceSpec;
  /** -1 for an instance that was assigned its partitions by hand. */
  readonly generationId: number;
  /** Of this poll: goes into its answer, and into {@link DeliverRequest}. */
  readonly pollId: string;
  /** False: the group is rebalancing still, and there is nothing to read before it is over. */
  readonly isAssigned: boolean;
  /** In the order in which they should be served, which turns from poll to poll. */
  readonly partitions: readonly PollPartition[];
}

export interface ResolveRequest {
  readonly instanceId: string;
  readonly generationId: number;
  /** Offsets found for partitions without a position (or with one out of range): where they begin. */
  readonly offsets: readonly (TopicPartition & {
    readonly offset: number;
    readonly topicId: string;
  })[];
}

export interface DeliverRequest {
  readonly instanceId: string;
  readonly pollId: string;
  readonly generationId: number;
  /** The partitions that have moved, and to where. */
  readonly positions: readonly (TopicPartition & { readonly nextOffset: number })[];
}

export interface InstanceCommit {
  readonly instanceId: string;
  /** null: all that was delivered. */
  readonly offsets: readonly OffsetToCommit[] | null;
  /** The generation the caller believes in; absent: not said. */
  readonly generationId?: number;
  /** As in {@link PollRequest}: which answer was the last to arrive, where all that was delivered is committed. */
  readonly received?: string;
}
