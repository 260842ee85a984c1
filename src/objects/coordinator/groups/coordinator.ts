/**
 * A group coordinator: answers the calls of a group's object (see the contract in `contracts/group.ts`, which gives
 * shapes and errors). Each call touches the storage, so that a superseded instance answers nothing, notes whom it
 * has heard of, and hands over to the part that decides. Reaches the outside only through its ports.
 */
import type { EffectiveConfig } from "../../../base/config.ts";
import { refuse, type Refusal } from "../../../base/errors.ts";
import type { GroupDescription } from "../../contracts/group.ts";
import type {
  AssignmentAnswer,
  CreatedInstance,
  DeliverRequest,
  InstanceCommit,
  InstanceSpec,
  PollPlan,
  PollRequest,
  ResolveRequest,
  Seek,
  Subscription,
  SubscriptionAnswer,
} from "../../contracts/instances.ts";
import type {
  HeartbeatRequest,
  JoinedGroup,
  JoinGroupRequest,
  JoinRefusal,
  LeavingMember,
  LeftGroup,
  SyncedGroup,
  SyncGroupRequest,
} from "../../contracts/members.ts";
import type {
  CommitRequest,
  Committed,
  DeletedOffsets,
  FetchedOffsets,
  OffsetToCommit,
  TopicPartition,
} from "../../contracts/offsets.ts";
import { CONSUMER } from "./classic/members.ts";
import { describeGroup, subscribedTopics } from "./description.ts";
import type { GroupImage } from "./image/image.ts";
import type { GroupStore } from "./image/store.ts";
import type { Instances } from "./instances/instances.ts";
import { GroupLifecycle, type GroupParts } from "./lifecycle.ts";
import type { IdentifiedOffsets } from "./offsets/commits.ts";
import type { CoordinatorPorts } from "./ports.ts";

type Ok = { readonly ok: true };

/** The longest that a poll waits for a rebalance, in milliseconds. */
const WAIT_MS_MAX = 60_000;

export class GroupCoordinator {
  readonly #lifecycle: GroupLifecycle;

  /** Wakes up: replays what was recorded. */
  constructor(store: GroupStore, ports: CoordinatorPorts, config: EffectiveConfig) {
    this.#lifecycle = new GroupLifecycle(store, ports, config);
  }

  /** What the object knows durably. For checks from outside: reads only. */
  get image(): GroupImage {
    return this.#lifecycle.image;
  }

  get #parts(): GroupParts {
    return this.#lifecycle.parts;
  }

  /** The alarm has fired. */
  async onAlarm(): Promise<void> {
    await this.#lifecycle.onAlarm();
  }

  // Members that bring their own protocol.

  async joinGroup(request: JoinGroupRequest): Promise<JoinedGroup | JoinRefusal> {
    const refusal = this.#parts.group.refusalOfJoin(request);
    if (refusal !== null) return refusal;
    const ensured = await this.#lifecycle.registration.ensure(request.groupId);
    if (!ensured.ok) return ensured;
    this.#lifecycle.liveness.hear(request.memberId);
    return this.#parts.group.join(request);
  }

  async syncGroup(request: SyncGroupRequest): Promise<SyncedGroup | Refusal> {
    this.#lifecycle.touch();
    this.#lifecycle.liveness.hear(request.memberId);
    return this.#parts.group.sync(request);
  }

  async heartbeat(request: HeartbeatRequest): Promise<Ok | Refusal> {
    this.#lifecycle.touch();
    this.#lifecycle.liveness.hear(request.memberId);
    this.#parts.instances.renew(request.memberId);
    return this.#parts.group.heartbeat(request);
  }

  async leaveGroup(members: readonly LeavingMember[]): Promise<LeftGroup | Refusal> {
    this.#lifecycle.touch();
    return this.#parts.group.leave(members);
  }

  // Offsets.

  async commitOffsets(request: CommitRequest): Promise<Committed | Refusal> {
    const identified = await this.#parts.commits.identify(request.offsets);
    if (!identified.ok) return identified;
    if (request.generationId < 0) {
      const ensured = await this.#lifecycle.registration.ensure(request.groupId);
      if (!ensured.ok) return ensured;
    }
    this.#lifecycle.liveness.hear(request.memberId);
    this.#lifecycle.touch();
    const refusal = this.#parts.group.refusalOfCommit(request);
    return refusal ?? this.#commit(identified, request.retentionMs);
  }

  async fetchOffsets(
    partitions: readonly TopicPartition[] | null,
  ): Promise<FetchedOffsets | Refusal> {
    this.#lifecycle.touch();
    const dropped = await this.#parts.commits.dropOfDeletedTopics(partitions);
    if (!dropped.ok) return dropped;
    this.#lifecycle.touch();
    return this.#parts.commits.fetch(partitions);
  }

  async deleteOffsets(partitions: readonly TopicPartition[]): Promise<DeletedOffsets | Refusal> {
    if (this.image.sinceMs === 0) return refuse("GROUP_ID_NOT_FOUND");
    // An object that has just woken up does not know which topics match its instances' patterns.
    if (!this.#parts.topics.isKnown && !(await this.#parts.topics.refresh())) {
      return refuse("COORDINATOR_NOT_AVAILABLE");
    }
    const { rebalance, topics, commits } = this.#parts;
    const subscribed = subscribedTopics(rebalance, topics, this.image);
    if (subscribed === null && rebalance.protocolType !== CONSUMER)
      return refuse("NON_EMPTY_GROUP");
    const answer = commits.delete(partitions, subscribed);
    this.#lifecycle.arm();
    return answer;
  }

  async setOffsets(
    offsets: readonly OffsetToCommit[],
    groupId?: string,
  ): Promise<Committed | Refusal> {
    const identified = await this.#parts.commits.identify(offsets);
    if (!identified.ok) return identified;
    const ensured = await this.#lifecycle.registration.ensure(groupId);
    if (!ensured.ok) return ensured;
    if (this.#parts.rebalance.members.size > 0) return refuse("NON_EMPTY_GROUP");
    return this.#commit(identified);
  }

  #commit(identified: IdentifiedOffsets, retentionMs?: number): Committed {
    const committed = this.#parts.commits.commit(identified, retentionMs);
    if (this.image.emptySinceMs !== null) this.#lifecycle.arm();
    return committed;
  }

  // Operators.

  async describeGroup(): Promise<
    Omit<GroupDescription, "rowsRead" | "rowsWritten" | "wakeRowsRead">
  > {
    this.#lifecycle.touch();
    const groupId = this.#lifecycle.registration.groupId ?? "";
    return describeGroup(groupId, this.image, this.#parts.rebalance);
  }

  async deleteGroup(): Promise<Ok | Refusal> {
    this.#lifecycle.touch();
    if (this.image.sinceMs === 0) return refuse("GROUP_ID_NOT_FOUND");
    if (!this.#lifecycle.isDeserted) return refuse("NON_EMPTY_GROUP");
    await this.#lifecycle.registration.end(() => this.#lifecycle.isDeserted);
    if (this.image.sinceMs === 0) return { ok: true };
    return refuse(
      "COORDINATOR_NOT_AVAILABLE",
      "The group could not be taken off the list; try again.",
    );
  }

  // HTTP instances.

  async createInstance(spec: InstanceSpec, groupId?: string): Promise<CreatedInstance | Refusal> {
    const ensured = await this.#lifecycle.registration.ensure(groupId);
    return ensured.ok ? this.#parts.instances.create(spec) : ensured;
  }

  async closeInstance(instanceId: string, received?: string): Promise<Ok | Refusal> {
    return this.#instances(instanceId).close(instanceId, received);
  }

  async subscribe(instanceId: string, subscription: Subscription): Promise<Ok | Refusal> {
    return this.#instances(instanceId).subscribe(instanceId, subscription);
  }

  async unsubscribe(instanceId: string): Promise<Ok | Refusal> {
    return this.#instances(instanceId).unsubscribe(instanceId);
  }

  async subscription(instanceId: string): Promise<SubscriptionAnswer | Refusal> {
    return this.#instances(instanceId).subscription(instanceId);
  }

  async assign(
    instanceId: string,
    partitions: readonly (TopicPartition & { readonly topicId: string })[],
  ): Promise<Ok | Refusal> {
    return this.#instances(instanceId).assign(instanceId, partitions);
  }

  async assignment(instanceId: string): Promise<AssignmentAnswer | Refusal> {
    return this.#instances(instanceId).assignment(instanceId);
  }

  async seek(instanceId: string, seeks: readonly Seek[]): Promise<Ok | Refusal> {
    return this.#instances(instanceId).seek(instanceId, seeks);
  }

  async poll(request: PollRequest): Promise<PollPlan | Refusal> {
    const { instanceId } = request;
    const refusal = this.#instances(instanceId).polls.begin(request);
    if (refusal !== null) return refusal;
    if (!this.#parts.topics.isFresh) this.#lifecycle.lookUpTopics();
    const waitMs = Math.min(Math.max(0, request.waitMs), WAIT_MS_MAX);
    const untilMs = this.#lifecycle.nowMs() + waitMs;
    for (;;) {
      const plan = this.#parts.instances.polls.plan(instanceId);
      if (!plan.ok || plan.isAssigned) return plan;
      const leftMs = untilMs - this.#lifecycle.nowMs();
      if (leftMs <= 0) return plan;
      await this.#lifecycle.untilChanged(leftMs);
      // Instances that were told to stop reading have to join again, although they wait already.
      const again = this.#parts.instances.polls.rejoin(instanceId);
      if (again !== null) return again;
    }
  }

  async resolve(request: ResolveRequest): Promise<Ok | Refusal> {
    return this.#instances(request.instanceId).polls.resolve(request);
  }

  async deliver(request: DeliverRequest): Promise<Ok | Refusal> {
    return this.#instances(request.instanceId).polls.deliver(request);
  }

  async commitInstance(request: InstanceCommit): Promise<Committed | Refusal> {
    // An object that has just woken up does not know the ids of the topics.
    if (!this.#parts.topics.isKnown) await this.#parts.topics.refresh();
    return this.#instances(request.instanceId).polls.commit(request);
  }

  async committed(
    instanceId: string,
    partitions: readonly TopicPartition[],
  ): Promise<FetchedOffsets | Refusal> {
    const isKnown = this.#instances(instanceId).isKnown(instanceId);
    return isKnown ? this.fetchOffsets(partitions) : refuse("UNKNOWN_MEMBER_ID");
  }

  /** The instances, to a call of one of them. */
  #instances(instanceId: string): Instances {
    this.#lifecycle.touch();
    if (this.image.instances.has(instanceId)) this.#lifecycle.liveness.hear(instanceId);
    return this.#parts.instances;
  }
}
