/** HTTP instances: consumers whose state lives in their group's object. Types only. */
import type { OffsetToCommit, TopicPartition } from "./offsets.ts";

export type RecordsFormat = "binary" | "json" | "string";
export type OffsetReset = "earliest" | "latest" | "none";

/** Settings of an instance, checked by the worker against the config table's bounds. */
export interface InstanceSpec {
  /** Empty: the group makes one. */
  readonly name: string;
  readonly format: RecordsFormat;
  readonly offsetReset: OffsetReset;
  readonly autoCommit: boolean;
  readonly autoCommitIntervalMs: number;
  readonly fetchMinBytes: number;
  /** How long a poll that does not say so waits for `fetchMinBytes`, in milliseconds. */
  readonly requestTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  readonly maxPollIntervalMs: number;
  readonly maxPollRecords: number;
  /** Assignors in order of preference. */
  readonly assignors: readonly string[];
  /** `read_uncommitted` by default. */
  readonly isolation: "read_uncommitted" | "read_committed";
  /** Shown in descriptions of the group. */
  readonly clientId: string;
  readonly clientHost: string;
}

export interface CreatedInstance {
  readonly ok: true;
  readonly instanceId: string;
}

/** An instance's subscription: topic names, or a regular expression that names match as a whole. */
export type Subscription =
  | { readonly by: "topics"; readonly topics: readonly string[] }
  | { readonly by: "pattern"; readonly pattern: string };

export interface SubscriptionAnswer {
  readonly ok: true;
  /** The names subscribed to; for a pattern the names that match it at present. */
  readonly topics: readonly string[];
  readonly pattern: string | null;
}

export interface AssignmentAnswer {
  readonly ok: true;
  readonly partitions: readonly TopicPartition[];
}

/** A position to read from. The caller looks up the ends of logs. */
export interface Seek extends TopicPartition {
  readonly to: number;
}

export interface PollRequest {
  readonly instanceId: string;
  /**
   * The `pollId` of the last answer that has arrived, "" when none has. Positions move only past answers that have
   * arrived. Absent from a v2 client, which has the answer before when it polls again.
   */
  readonly received?: string;
  /** As the request asks for; absent: any. NOT_ACCEPTABLE when it is not the instance's. */
  readonly format?: RecordsFormat;
  /** How long the call may wait for a rebalance to end, in milliseconds. */
  readonly waitMs: number;
}

/** A partition to read, and from where. */
export interface PollPartition extends TopicPartition {
  readonly topicId: string;
  /** Null: there is no position yet; see `reset`. */
  readonly position: number | null;
  /** Where to begin without a position, or when the position is out of range. */
  readonly reset: OffsetReset;
}

/** What a poll reads. */
export interface PollPlan {
  readonly ok: true;
  readonly spec: InstanceSpec;
  /** -1 for an instance that was assigned its partitions by hand. */
  readonly generationId: number;
  /** Id of this poll, which its answer and {@link DeliverRequest} carry. */
  readonly pollId: string;
  /** False: the group is still rebalancing, and there is nothing to read until it is over. */
  readonly isAssigned: boolean;
  /** In the order in which they should be served, which rotates from poll to poll. */
  readonly partitions: readonly PollPartition[];
}

export interface ResolveRequest {
  readonly instanceId: string;
  readonly generationId: number;
  /** Offsets found for partitions without a position, or with a position that is out of range. */
  readonly offsets: readonly (TopicPartition & {
    readonly offset: number;
    readonly topicId: string;
  })[];
}

export interface DeliverRequest {
  readonly instanceId: string;
  readonly pollId: string;
  readonly generationId: number;
  /** The partitions whose positions move, and where to. */
  readonly positions: readonly (TopicPartition & { readonly nextOffset: number })[];
}

export interface InstanceCommit {
  readonly instanceId: string;
  /** Null: everything that was delivered. */
  readonly offsets: readonly OffsetToCommit[] | null;
  /** The generation of the plan that the caller has read by; absent: the present one. */
  readonly generationId?: number;
  /** As in {@link PollRequest}, where everything that was delivered is committed. */
  readonly received?: string;
}
