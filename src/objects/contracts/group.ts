/**
 * What a consumer group's object answers to: the contract between it and the worker. Types only.
 * Every method returns a union with {@link Refusal}; none throws for an operating error. During a
 * deploy old and new code call each other: add fields as optional, never change what one means.
 * Shapes of members, offsets and instances stand beside it.
 */
import type { Refusal } from "../../base/errors.ts";
import type {
  InstanceSpec,
  CreatedInstance,
  Subscription,
  SubscriptionAnswer,
  AssignmentAnswer,
  Seek,
  PollRequest,
  PollPlan,
  ResolveRequest,
  DeliverRequest,
  InstanceCommit,
} from "./instances.ts";
import type {
  JoinGroupRequest,
  JoinedGroup,
  JoinRefusal,
  SyncGroupRequest,
  SyncedGroup,
  HeartbeatRequest,
  LeavingMember,
  LeftGroup,
} from "./members.ts";
import type {
  TopicPartition,
  OffsetToCommit,
  CommitRequest,
  Committed,
  FetchedOffsets,
  DeletedOffsets,
} from "./offsets.ts";

/** As Kafka names them (`org.apache.kafka.common.GroupState`, classic groups). */
export type GroupState = "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable" | "Dead";

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
