/**
 * What a consumer group's object answers to: the contract between it and the worker. Types only.
 * Every method returns a union with {@link Refusal}; none throws for an operating error. During a
 * deploy old and new code call each other: add fields as optional, never change what one means.
 *
 * The first part is Kafka's classic group protocol, for members that come with a protocol of their
 * own; the second is for HTTP instances, members whose state lives in the object; the third is for
 * operators.
 */
import type { ErrorName, Refusal } from "../../base/errors.ts";

/** As Kafka names them (`org.apache.kafka.common.GroupState`, classic groups). */
export type GroupState = "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable" | "Dead";

/** A partition, by topic name. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

// Members that bring their own protocol.

/** One assignment protocol that a member supports, and what it says under it (opaque bytes). */
export interface MemberProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

export interface JoinGroupRequest {
  /** Where it does not stand in the object's name: see `isLongGroupId`. */
  readonly groupId?: string;
  /** Empty for a member that has none yet. */
  readonly memberId: string;
  /** Static membership (KIP-345); null without. */
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionTimeoutMs: number;
  /** How long a rebalance waits for this member to join again. */
  readonly rebalanceTimeoutMs: number;
  readonly protocolType: string;
  /** In order of preference. */
  readonly protocols: readonly MemberProtocol[];
  /** Whether a member without an id is first told one (KIP-394): MEMBER_ID_REQUIRED. */
  readonly requireKnownMemberId: boolean;
  /** Whether it understands {@link JoinedGroup.skipAssignment} (JoinGroup 9 on, KIP-814). */
  readonly supportsSkippingAssignment?: boolean;
}

export interface JoinedGroup {
  readonly ok: true;
  readonly generationId: number;
  readonly protocolType: string;
  readonly protocolName: string;
  readonly leader: string;
  readonly memberId: string;
  readonly skipAssignment: boolean;
  /** Of the leader's answer only: everybody, with what they said under the chosen protocol. */
  readonly members: readonly {
    readonly memberId: string;
    readonly groupInstanceId: string | null;
    readonly metadata: Uint8Array;
  }[];
}

/** MEMBER_ID_REQUIRED carries the id to join with. */
export interface JoinRefusal extends Refusal {
  readonly memberId?: string;
}

export interface SyncGroupRequest {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly generationId: number;
  /** null: not said (below SyncGroup 5). Else they must be the group's: INCONSISTENT_GROUP_PROTOCOL. */
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  /** The leader's: by member id. Empty from the others. */
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[];
}

export interface SyncedGroup {
  readonly ok: true;
  readonly protocolType: string;
  readonly protocolName: string;
  readonly assignment: Uint8Array;
}

export interface HeartbeatRequest {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly generationId: number;
}

export interface LeavingMember {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

export interface LeftGroup {
  readonly ok: true;
  /** In the request's order; null: it has left. */
  readonly members: readonly (LeavingMember & { readonly error: ErrorName | null })[];
}

// Offsets.

export interface OffsetToCommit extends TopicPartition {
  /**
   * The offset to go on from: that of the last record processed, plus one. A negative one is kept as it is and
   * says that there is none: readers begin where their own rule says.
   */
  readonly offset: number;
  /** Of the last record processed; -1 when not said. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  /** Of the topic as the caller knows it: what is committed holds for no later topic of the name. */
  readonly topicId?: string;
  /** The id is the client's own word (OffsetCommit 10), and the commit is of no other topic. */
  readonly isTopicIdGiven?: boolean;
}

export interface CommitRequest {
  /** As in {@link JoinGroupRequest}. */
  readonly groupId?: string;
  /** Generation -1: by nobody of the group, which is accepted only while it has no members. */
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly generationId: number;
  readonly offsets: readonly OffsetToCommit[];
  /** How long they are to be kept, in milliseconds (OffsetCommit 2 to 4); absent: as the service is set. */
  readonly retentionMs?: number;
}

export interface Committed {
  readonly ok: true;
  /** In the request's order; null: committed. All of them in one row. */
  readonly errors: readonly (ErrorName | null)[];
}

export interface CommittedOffset extends TopicPartition {
  /** -1: nothing is committed. */
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string;
  readonly committedMs: number;
  readonly topicId?: string;
}

export interface FetchedOffsets {
  readonly ok: true;
  readonly offsets: readonly CommittedOffset[];
}

export interface DeletedOffsets {
  readonly ok: true;
  /** In the request's order; null: it is gone. GROUP_SUBSCRIBED_TO_TOPIC. */
  readonly errors: readonly (ErrorName | null)[];
}

// HTTP instances.

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

// Operators.

export interface MemberDescription {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  /** Whether it is an HTTP instance. */
  readonly isInstance: boolean;
  /** Under the group's protocol; empty while there is none. */
  readonly metadata: Uint8Array;
  readonly assignment: Uint8Array;
  /** The assignment read, where the protocol type is `consumer` or the member an instance. */
  readonly partitions: readonly TopicPartition[];
}

export interface GroupDescription {
  readonly ok: true;
  readonly groupId: string;
  readonly state: GroupState;
  readonly generationId: number;
  readonly protocolType: string;
  readonly protocolName: string;
  /** Empty without one. */
  readonly leader: string;
  readonly members: readonly MemberDescription[];
  /** Instances that were assigned by hand or have not subscribed: they are no members. */
  readonly looseInstances: number;
  readonly committedPartitions: number;
  /** Since the object woke up. */
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly wakeRowsRead: number;
}

/** What is called over RPC. */
export interface CoordinatorApi {
  /**
   * Joins or joins again; answers when the rebalance that this brings about has everybody. Errors:
   * MEMBER_ID_REQUIRED, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, INCONSISTENT_GROUP_PROTOCOL,
   * INVALID_SESSION_TIMEOUT, INVALID_GROUP_ID, GROUP_MAX_SIZE_REACHED.
   */
  joinGroup(request: JoinGroupRequest): Promise<JoinedGroup | JoinRefusal>;
  /**
   * Answers with the member's assignment once the leader has given all of them. Errors: UNKNOWN_MEMBER_ID,
   * FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS, INCONSISTENT_GROUP_PROTOCOL.
   */
  syncGroup(request: SyncGroupRequest): Promise<SyncedGroup | Refusal>;
  /** Errors: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS (join again). Writes nothing. */
  heartbeat(request: HeartbeatRequest): Promise<{ readonly ok: true } | Refusal>;
  leaveGroup(members: readonly LeavingMember[]): Promise<LeftGroup | Refusal>;
  /**
   * One row, however many partitions. Errors of the request: GROUP_ID_NOT_FOUND (of a generation of a group that
   * is not there), UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS,
   * COORDINATOR_NOT_AVAILABLE (nobody could say which topics there are); of a partition:
   * OFFSET_METADATA_TOO_LARGE, UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION.
   */
  commitOffsets(request: CommitRequest): Promise<Committed | Refusal>;
  /** Those asked for, in that order, or all that are committed (`null`). */
  fetchOffsets(partitions: readonly TopicPartition[] | null): Promise<FetchedOffsets | Refusal>;
  /**
   * Errors: GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP (of members that are no consumers), COORDINATOR_NOT_AVAILABLE; of a
   * partition: GROUP_SUBSCRIBED_TO_TOPIC.
   */
  deleteOffsets(partitions: readonly TopicPartition[]): Promise<DeletedOffsets | Refusal>;
  /** State `Dead` where there is no such group. Writes nothing. */
  describeGroup(): Promise<GroupDescription | Refusal>;
  /** Errors: GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP. */
  deleteGroup(): Promise<{ readonly ok: true } | Refusal>;
  /**
   * An operator's commit: only while the group has no members. NON_EMPTY_GROUP. `groupId` as in
   * {@link JoinGroupRequest}.
   */
  setOffsets(offsets: readonly OffsetToCommit[], groupId?: string): Promise<Committed | Refusal>;

  /** Errors: INSTANCE_EXISTS, GROUP_MAX_SIZE_REACHED. `groupId` as in {@link JoinGroupRequest}. */
  createInstance(spec: InstanceSpec, groupId?: string): Promise<CreatedInstance | Refusal>;
  /**
   * Leaves the group. `received` as in {@link PollRequest}: what has not arrived is not committed. Errors:
   * UNKNOWN_MEMBER_ID, as everything below for an instance that is not there.
   */
  closeInstance(instanceId: string, received?: string): Promise<{ readonly ok: true } | Refusal>;
  /** Replaces the subscription and joins. ALREADY_SUBSCRIBED (assigned by hand), INCONSISTENT_GROUP_PROTOCOL. */
  subscribe(
    instanceId: string,
    subscription: Subscription,
  ): Promise<{ readonly ok: true } | Refusal>;
  /** Ends subscription and assignment. */
  unsubscribe(instanceId: string): Promise<{ readonly ok: true } | Refusal>;
  subscription(instanceId: string): Promise<SubscriptionAnswer | Refusal>;
  /** By hand: no member, no rebalance. ALREADY_SUBSCRIBED. `topicId` of each, as the worker knows it. */
  assign(
    instanceId: string,
    partitions: readonly (TopicPartition & { readonly topicId: string })[],
  ): Promise<{ readonly ok: true } | Refusal>;
  assignment(instanceId: string): Promise<AssignmentAnswer | Refusal>;
  /** ILLEGAL_STATE: a partition is not assigned to the instance. */
  seek(instanceId: string, seeks: readonly Seek[]): Promise<{ readonly ok: true } | Refusal>;
  /**
   * Begins a poll, and is the instance's rejoining where the group rebalances. Commits automatically when
   * that is due. NOT_ACCEPTABLE, ILLEGAL_STATE (neither subscribed nor assigned).
   */
  poll(request: PollRequest): Promise<PollPlan | Refusal>;
  /** Keeps positions that were looked up. ILLEGAL_GENERATION where a partition is not the instance's any more. */
  resolve(request: ResolveRequest): Promise<{ readonly ok: true } | Refusal>;
  /**
   * Before the answer of a poll leaves: takes note of what is in it. ILLEGAL_GENERATION where a partition
   * has moved, ILLEGAL_STATE where a later poll has begun: nothing may be answered then. Writes nothing.
   */
  deliver(request: DeliverRequest): Promise<{ readonly ok: true } | Refusal>;
  /** ILLEGAL_GENERATION: a partition is not the instance's, or the generation said is an old one. */
  commitInstance(request: InstanceCommit): Promise<Committed | Refusal>;
  /** What the group has committed for these. */
  committed(
    instanceId: string,
    partitions: readonly TopicPartition[],
  ): Promise<FetchedOffsets | Refusal>;
}
