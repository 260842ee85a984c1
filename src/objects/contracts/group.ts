/**
 * The calls of a consumer group's object: the contract between it and the worker. Types only. Methods return a union
 * with {@link Refusal}; none throws for an operating error. During a deploy old and new code call each other: add
 * fields as optional, never change what one means. Shapes of members, offsets and instances are in the files beside it.
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

/** Kafka's names of a classic group's states (`org.apache.kafka.common.GroupState`). */
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
  /** The decoded assignment, where the protocol type is `consumer` or the member is an instance; else empty. */
  readonly partitions: readonly TopicPartition[];
}

export interface GroupDescription {
  readonly ok: true;
  readonly groupId: string;
  readonly state: GroupState;
  readonly generationId: number;
  readonly protocolType: string;
  readonly protocolName: string;
  /** Empty where there is none. */
  readonly leader: string;
  readonly members: readonly MemberDescription[];
  /** Number of instances that are no members: assigned by hand, or not subscribed. */
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
   * Joins or joins again; answers when the rebalance that this causes is complete. Errors:
   * MEMBER_ID_REQUIRED, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, INCONSISTENT_GROUP_PROTOCOL,
   * INVALID_SESSION_TIMEOUT, INVALID_GROUP_ID, GROUP_MAX_SIZE_REACHED.
   */
  joinGroup(request: JoinGroupRequest): Promise<JoinedGroup | JoinRefusal>;
  /**
   * Answers with the member's assignment once the leader has sent the assignments. Errors: UNKNOWN_MEMBER_ID,
   * FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS, INCONSISTENT_GROUP_PROTOCOL.
   */
  syncGroup(request: SyncGroupRequest): Promise<SyncedGroup | Refusal>;
  /** Errors: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS (join again). Writes nothing. */
  heartbeat(request: HeartbeatRequest): Promise<{ readonly ok: true } | Refusal>;
  /** Removes members; each has an error of its own: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID. */
  leaveGroup(members: readonly LeavingMember[]): Promise<LeftGroup | Refusal>;
  /**
   * Commits offsets: one row, however many partitions. Errors of the request: GROUP_ID_NOT_FOUND (a generation of a
   * group that does not exist), UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS,
   * COORDINATOR_NOT_AVAILABLE (the controller was not reached), INVALID_REQUEST; of a partition:
   * OFFSET_METADATA_TOO_LARGE, UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION.
   */
  commitOffsets(request: CommitRequest): Promise<Committed | Refusal>;
  /** The offsets of the partitions, in their order, or all that are committed (`null`). Errors: COORDINATOR_NOT_AVAILABLE. */
  fetchOffsets(partitions: readonly TopicPartition[] | null): Promise<FetchedOffsets | Refusal>;
  /**
   * An operator's deletion. Errors: GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP (its members are no consumers),
   * COORDINATOR_NOT_AVAILABLE; of a partition: GROUP_SUBSCRIBED_TO_TOPIC.
   */
  deleteOffsets(partitions: readonly TopicPartition[]): Promise<DeletedOffsets | Refusal>;
  /** State `Dead` where there is no such group. Writes nothing. */
  describeGroup(): Promise<GroupDescription | Refusal>;
  /** Errors: GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP, COORDINATOR_NOT_AVAILABLE. */
  deleteGroup(): Promise<{ readonly ok: true } | Refusal>;
  /**
   * An operator's commit, possible only while the group has no members. `groupId` as in {@link JoinGroupRequest}.
   * Errors: NON_EMPTY_GROUP, and those of partitions as in `commitOffsets`.
   */
  setOffsets(offsets: readonly OffsetToCommit[], groupId?: string): Promise<Committed | Refusal>;

  /** `groupId` as in {@link JoinGroupRequest}. Errors: INSTANCE_EXISTS, GROUP_MAX_SIZE_REACHED, INVALID_CONSUMER_CONFIG. */
  createInstance(spec: InstanceSpec, groupId?: string): Promise<CreatedInstance | Refusal>;
  /**
   * Ends the instance. `received` as in {@link PollRequest}: what has not arrived is not committed. Errors:
   * UNKNOWN_MEMBER_ID, as for every call below where the instance does not exist.
   */
  closeInstance(instanceId: string, received?: string): Promise<{ readonly ok: true } | Refusal>;
  /**
   * Replaces the subscription and joins. Errors: ALREADY_SUBSCRIBED (assigned by hand), INVALID_REQUEST,
   * INCONSISTENT_GROUP_PROTOCOL, GROUP_MAX_SIZE_REACHED.
   */
  subscribe(
    instanceId: string,
    subscription: Subscription,
  ): Promise<{ readonly ok: true } | Refusal>;
  /** Ends subscription and assignment. */
  unsubscribe(instanceId: string): Promise<{ readonly ok: true } | Refusal>;
  subscription(instanceId: string): Promise<SubscriptionAnswer | Refusal>;
  /**
   * Assigns partitions by hand, without membership. `topicId` as the worker knows it. Errors: ALREADY_SUBSCRIBED,
   * INVALID_REQUEST.
   */
  assign(
    instanceId: string,
    partitions: readonly (TopicPartition & { readonly topicId: string })[],
  ): Promise<{ readonly ok: true } | Refusal>;
  assignment(instanceId: string): Promise<AssignmentAnswer | Refusal>;
  /** Errors: ILLEGAL_STATE (a partition is not assigned to the instance), INVALID_REQUEST (a negative offset). */
  seek(instanceId: string, seeks: readonly Seek[]): Promise<{ readonly ok: true } | Refusal>;
  /**
   * Begins a poll. Joins again where the group rebalances, and commits automatically when that is due. Errors:
   * NOT_ACCEPTABLE, ILLEGAL_STATE (neither subscribed nor assigned), INCONSISTENT_GROUP_PROTOCOL.
   */
  poll(request: PollRequest): Promise<PollPlan | Refusal>;
  /**
   * Keeps positions that the caller has looked up. Errors: ILLEGAL_GENERATION (a partition is not the instance's any
   * more), REBALANCE_IN_PROGRESS.
   */
  resolve(request: ResolveRequest): Promise<{ readonly ok: true } | Refusal>;
  /**
   * Notes what is in the answer of a poll, before it is sent; the answer may not be sent where this is refused.
   * Errors: ILLEGAL_GENERATION (a partition has moved), REBALANCE_IN_PROGRESS, ILLEGAL_STATE (a later poll has
   * begun). Writes nothing.
   */
  deliver(request: DeliverRequest): Promise<{ readonly ok: true } | Refusal>;
  /**
   * Errors: ILLEGAL_GENERATION (a partition is not the instance's, or the generation given is another one),
   * REBALANCE_IN_PROGRESS, ILLEGAL_STATE (assigned by hand in a group with members); of a partition as in
   * `commitOffsets`.
   */
  commitInstance(request: InstanceCommit): Promise<Committed | Refusal>;
  /** The group's committed offsets of these partitions. */
  committed(
    instanceId: string,
    partitions: readonly TopicPartition[],
  ): Promise<FetchedOffsets | Refusal>;
}
