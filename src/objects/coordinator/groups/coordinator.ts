/**
 * The rules of a group's object put together: decide, record, apply, reply. Founds the group when it is
 * first needed, keeps its deadlines, and ends it when nothing of it is left. Reaches the outside only
 * through its ports.
 */
import type { EffectiveConfig } from "../../../base/config.ts";
import { assert, refuse, type Refusal } from "../../../base/errors.ts";
import { groupIdProblem } from "../../../base/ids.ts";
import type { GroupDescription } from "../../contracts/group.ts";
import type { Change } from "./changes.ts";
import { Commits, type Judged } from "./offsets/commits.ts";
import { Deadlines } from "./deadlines.ts";
import { describeGroup, subscribedTopics, topicsInUse } from "./description.ts";
import { Expiry } from "./offsets/expiry.ts";
import { Group } from "./classic/group.ts";
import { applyChangeSet, emptyImage, type GroupImage } from "./image.ts";
import { Instances } from "./instances/instances.ts";
import { CONSUMER } from "./classic/members.ts";
import type { CoordinatorPorts, GroupContext } from "./ports.ts";
import { Rebalance } from "./classic/rebalance.ts";
import type { GroupStore } from "./store.ts";
import { TopicIds } from "./offsets/topic-ids.ts";
import { Topics } from "./topics.ts";
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
  CommitRequest,
  Committed,
  DeletedOffsets,
  FetchedOffsets,
  OffsetToCommit,
  TopicPartition,
} from "../../contracts/offsets.ts";
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

type Ok = { readonly ok: true };

/** A group without members, instances and offsets is there for so long, in milliseconds. */
const EMPTY_MS = 600_000;
/** What could not be told to the controller is told again after this, and so are look-ups of topics. */
const AGAIN_MS = 30_000;
const LOOK_UP_AGAIN_MS = 1_000;
/** The longest that a call waits for a rebalance, in milliseconds. */
const WAIT_MS_MAX = 60_000;

export class GroupCoordinator implements GroupContext {
  readonly config: EffectiveConfig;
  readonly #ports: CoordinatorPorts;
  readonly #store: GroupStore;
  readonly #deadlines: Deadlines;
  image: GroupImage;
  #topics!: Topics;
  #rebalance!: Rebalance;
  #group!: Group;
  #instances!: Instances;
  #commits!: Commits;
  #expiry!: Expiry;
  /** Members that this instance of the object has heard of. */
  readonly #heard = new Set<string>();
  #founding: Promise<Ok | Refusal> | null = null;
  #ending: Promise<void> | null = null;
  #endAgainMs = Number.NEGATIVE_INFINITY;
  #isReady = false;

  /** Wakes up: replays what was recorded. */
  constructor(store: GroupStore, ports: CoordinatorPorts, config: EffectiveConfig) {
    this.#ports = ports;
    this.#store = store;
    this.config = config;
    this.#deadlines = new Deadlines(ports, () => this.#onDeadline(false));
    this.image = store.load();
    this.#assemble();
  }

  get random() {
    return this.#ports.random;
  }

  nowMs(): number {
    return this.#ports.clock.nowMs();
  }

  record(...changes: readonly Change[]): void {
    const set = { atMs: this.nowMs(), changes };
    try {
      this.#store.append(this.image, set);
    } catch (error) {
      this.#ports.broken(error);
      throw error;
    }
    applyChangeSet(this.image, set);
  }

  arm(): void {
    if (this.#isReady) this.#deadlines.set(this.#nextMs());
  }

  // Members that bring their own protocol.

  async joinGroup(request: JoinGroupRequest): Promise<JoinedGroup | JoinRefusal> {
    const refusal = this.#group.refusalOfJoin(request);
    if (refusal !== null) return refusal;
    const founded = await this.#found(request.groupId);
    if (!founded.ok) return founded;
    this.#hear(request.memberId);
    return this.#group.join(request);
  }

  async syncGroup(request: SyncGroupRequest): Promise<SyncedGroup | Refusal> {
    this.#store.touch();
    this.#hear(request.memberId);
    return this.#group.sync(request);
  }

  async heartbeat(request: HeartbeatRequest): Promise<Ok | Refusal> {
    this.#store.touch();
    this.#hear(request.memberId);
    this.#instances.heard(request.memberId);
    return this.#group.heartbeat(request);
  }

  async leaveGroup(members: readonly LeavingMember[]): Promise<LeftGroup | Refusal> {
    this.#store.touch();
    return this.#group.leave(members);
  }

  // Offsets.

  async commitOffsets(request: CommitRequest): Promise<Committed | Refusal> {
    const judged = await this.#commits.judge(request.offsets);
    if (!judged.ok) return judged;
    if (request.generationId < 0) {
      const founded = await this.#found(request.groupId);
      if (!founded.ok) return founded;
    }
    this.#hear(request.memberId);
    this.#store.touch();
    return this.#group.refusalOfCommit(request) ?? this.#commit(judged, request.retentionMs);
  }

  async fetchOffsets(
    partitions: readonly TopicPartition[] | null,
  ): Promise<FetchedOffsets | Refusal> {
    this.#store.touch();
    const dropped = await this.#commits.dropDead(partitions);
    if (!dropped.ok) return dropped;
    this.#store.touch();
    return this.#commits.fetch(partitions);
  }

  async deleteOffsets(partitions: readonly TopicPartition[]): Promise<DeletedOffsets | Refusal> {
    if (this.image.sinceMs === 0) return refuse("GROUP_ID_NOT_FOUND");
    // An object that has just woken up does not know which topics match its instances' patterns.
    if (!this.#topics.isKnown && !(await this.#topics.refresh())) {
      return refuse("COORDINATOR_NOT_AVAILABLE");
    }
    const subscribed = subscribedTopics(this.#rebalance, this.#topics, this.image);
    const isOfConsumers = this.#rebalance.protocolType === CONSUMER;
    if (subscribed === null && !isOfConsumers) return refuse("NON_EMPTY_GROUP");
    const answer = this.#commits.delete(partitions, subscribed);
    this.arm();
    return answer;
  }

  async setOffsets(
    offsets: readonly OffsetToCommit[],
    groupId?: string,
  ): Promise<Committed | Refusal> {
    const judged = await this.#commits.judge(offsets);
    if (!judged.ok) return judged;
    const founded = await this.#found(groupId);
    if (!founded.ok) return founded;
    if (this.#rebalance.members.size > 0) return refuse("NON_EMPTY_GROUP");
    return this.#commit(judged);
  }

  // Operators.

  async describeGroup(): Promise<
    Omit<GroupDescription, "rowsRead" | "rowsWritten" | "wakeRowsRead">
  > {
    this.#store.touch();
    return describeGroup(this.#groupId ?? "", this.image, this.#rebalance);
  }

  async deleteGroup(): Promise<Ok | Refusal> {
    this.#store.touch();
    if (this.image.sinceMs === 0) return refuse("GROUP_ID_NOT_FOUND");
    if (this.#rebalance.members.size + this.image.instances.size > 0)
      return refuse("NON_EMPTY_GROUP");
    await this.#end(() => this.#rebalance.members.size + this.image.instances.size === 0);
    if (this.image.sinceMs === 0) return { ok: true };
    return refuse(
      "COORDINATOR_NOT_AVAILABLE",
      "The group could not be taken off the list; try again.",
    );
  }

  // HTTP instances.

  async createInstance(spec: InstanceSpec, groupId?: string): Promise<CreatedInstance | Refusal> {
    const founded = await this.#found(groupId);
    return founded.ok ? this.#instances.create(spec) : founded;
  }

  async closeInstance(instanceId: string, received?: string): Promise<Ok | Refusal> {
    return this.#ofInstance(instanceId, () => this.#instances.close(instanceId, received));
  }

  async subscribe(instanceId: string, subscription: Subscription): Promise<Ok | Refusal> {
    return this.#ofInstance(instanceId, () => this.#instances.subscribe(instanceId, subscription));
  }

  async unsubscribe(instanceId: string): Promise<Ok | Refusal> {
    return this.#ofInstance(instanceId, () => this.#instances.unsubscribe(instanceId));
  }

  async subscription(instanceId: string): Promise<SubscriptionAnswer | Refusal> {
    return this.#ofInstance(instanceId, () => this.#instances.subscription(instanceId));
  }

  async assign(
    instanceId: string,
    partitions: readonly (TopicPartition & { readonly topicId: string })[],
  ): Promise<Ok | Refusal> {
    return this.#ofInstance(instanceId, () => this.#instances.assign(instanceId, partitions));
  }

  async assignment(instanceId: string): Promise<AssignmentAnswer | Refusal> {
    return this.#ofInstance(instanceId, () => this.#instances.assignment(instanceId));
  }

  async seek(instanceId: string, seeks: readonly Seek[]): Promise<Ok | Refusal> {
    return this.#ofInstance(instanceId, () => this.#instances.seek(instanceId, seeks));
  }

  async poll(request: PollRequest): Promise<PollPlan | Refusal> {
    const { instanceId } = request;
    const begun = this.#ofInstance(instanceId, () => this.#instances.beginPoll(request));
    if (begun !== null) return begun;
    if (!this.#topics.isFresh) this.#lookUp();
    const waitMs = Math.min(Math.max(0, request.waitMs), WAIT_MS_MAX);
    const untilMs = this.nowMs() + waitMs;
    for (;;) {
      const plan = this.#instances.plan(instanceId);
      if (!plan.ok || plan.isAssigned) return plan;
      const leftMs = untilMs - this.nowMs();
      if (leftMs <= 0) return plan;
      await this.#change(leftMs);
      // Where the instances were told to stop reading, waiting is not the same as having joined.
      const again = this.#instances.rejoin(instanceId);
      if (again !== null) return again;
    }
  }

  async resolve(request: ResolveRequest): Promise<Ok | Refusal> {
    return this.#ofInstance(request.instanceId, () => this.#instances.resolve(request));
  }

  async deliver(request: DeliverRequest): Promise<Ok | Refusal> {
    return this.#ofInstance(request.instanceId, () => this.#instances.deliver(request));
  }

  async commitInstance(request: InstanceCommit): Promise<Committed | Refusal> {
    // An object that has just woken up does not know which topics the names stand for.
    if (!this.#topics.isKnown) await this.#topics.refresh();
    return this.#ofInstance(request.instanceId, () => this.#instances.commit(request));
  }

  async committed(
    instanceId: string,
    partitions: readonly TopicPartition[],
  ): Promise<FetchedOffsets | Refusal> {
    const isThere = this.#ofInstance(instanceId, () => this.#instances.isThere(instanceId));
    if (!isThere) return refuse("UNKNOWN_MEMBER_ID");
    return this.fetchOffsets(partitions);
  }

  /** The alarm has fired. */
  async onAlarm(): Promise<void> {
    this.#deadlines.fired();
    this.#onDeadline(true);
    await this.#ending;
  }

  #ofInstance<A>(instanceId: string, run: () => A): A {
    this.#store.touch();
    if (this.image.instances.has(instanceId)) this.#hear(instanceId);
    return run();
  }

  /** What is only in memory begins anew from the image. */
  #assemble(): void {
    this.#isReady = false;
    this.#topics = new Topics(this.image, this.#ports);
    this.#rebalance = new Rebalance(this, this.#topics, () => this.#lookUp());
    this.#group = new Group(this, this.#rebalance);
    const { matcher } = this.#ports;
    this.#instances = new Instances(this, this.#group, this.#rebalance, this.#topics, matcher);
    this.#expiry = new Expiry(this.image, this.config, () =>
      topicsInUse(this.#rebalance, this.#topics, this.image),
    );
    this.#commits = new Commits(this, new TopicIds(this, this.#ports.cluster));
    this.#isReady = true;
    if (this.image.sinceMs !== 0) this.arm();
  }

  /** Null where nobody has said it yet. */
  get #groupId(): string | null {
    return this.#ports.groupId ?? this.image.groupId;
  }

  /** Before the first row: the group is on the controller's list. */
  #found(said?: string): Promise<Ok | Refusal> {
    if (this.image.sinceMs !== 0 && this.#ending === null) {
      this.#store.touch();
      return Promise.resolve({ ok: true });
    }
    this.#founding ??= this.#begin(said).finally(() => (this.#founding = null));
    return this.#founding;
  }

  async #begin(said?: string): Promise<Ok | Refusal> {
    await this.#ending;
    if (this.image.sinceMs !== 0) return { ok: true };
    const groupId = this.#ports.groupId ?? said;
    if (groupId === undefined) return refuse("INVALID_GROUP_ID", "Nobody has said the group's id.");
    const problem = groupIdProblem(groupId);
    if (problem !== null) return refuse("INVALID_GROUP_ID", problem);
    const sinceMs = this.nowMs();
    const registered = await this.#ports.cluster.register(groupId, sinceMs);
    if (registered === null) return refuse("COORDINATOR_NOT_AVAILABLE");
    if (!registered.ok) return registered;
    const own = this.#ports.groupId === null ? { groupId } : {};
    this.record({ type: "group-began", sinceMs, ...own });
    this.arm();
    return { ok: true };
  }

  /** Ends the group if that may still be when the controller has taken it off its list. */
  #end(mayEnd: () => boolean): Promise<void> {
    this.#ending ??= this.#leaveList(mayEnd).finally(() => (this.#ending = null));
    return this.#ending;
  }

  async #leaveList(mayEnd: () => boolean): Promise<void> {
    const { sinceMs } = this.image;
    const groupId = this.#groupId ?? "";
    const told = await this.#ports.cluster.unregister(groupId, sinceMs);
    this.#endAgainMs = this.nowMs() + AGAIN_MS;
    if (told?.ok !== true) return;
    if (!mayEnd()) {
      // Somebody came meanwhile, to whom it is still the same group.
      await this.#ports.cluster.register(groupId, sinceMs);
      return;
    }
    await this.#store.deleteAll();
    this.#deadlines.clear();
    this.image = emptyImage();
    this.#assemble();
  }

  #commit(judged: Judged, retentionMs?: number): Committed {
    const committed = this.#commits.commit(judged, retentionMs);
    if (this.image.emptySinceMs !== null) this.arm();
    return committed;
  }

  /** Looks topics up behind an answer; goes on with the rebalance that needs them. */
  #lookUp(): void {
    const rebalance = this.#rebalance;
    const work = async (): Promise<void> => {
      const isKnown = await this.#topics.refresh();
      if (rebalance !== this.#rebalance) return;
      if (isKnown) {
        rebalance.prepareIfTopicsChanged();
        rebalance.tryComplete();
      } else if (rebalance.state === "PreparingRebalance") {
        this.#ports.timers.after(LOOK_UP_AGAIN_MS, () => rebalance.tryComplete());
      }
      this.arm();
    };
    this.#ports.background(work());
  }

  /** Until the group changes its state, or for a while. */
  #change(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        forget();
        cancel();
        resolve();
      };
      const forget = this.#rebalance.onChange(done);
      const cancel = this.#ports.timers.after(waitMs, done);
    });
  }

  /** Of a member: it is not silent. */
  #hear(memberId: string): void {
    if (memberId === "" || this.#heard.has(memberId)) return;
    if (!this.image.members.has(memberId) && !this.image.instances.has(memberId)) return;
    this.#heard.add(memberId);
    if (this.image.silent.has(memberId)) this.record({ type: "heard", memberId });
  }

  #nextMs(): number {
    const { image } = this;
    if (image.sinceMs === 0) return Number.POSITIVE_INFINITY;
    let nextMs = Math.min(this.#rebalance.nextMs(), this.#instances.nextMs());
    if (this.#isVacant) {
      nextMs = Math.min(nextMs, Math.max(this.#endMs, this.#endAgainMs));
    }
    return Math.min(nextMs, this.#expiry.nextMs());
  }

  get #isVacant(): boolean {
    const { image } = this;
    return this.#rebalance.members.size + image.instances.size + image.offsets.size === 0;
  }

  get #endMs(): number {
    return (this.image.emptySinceMs ?? this.nowMs()) + EMPTY_MS;
  }

  #onDeadline(isAlarm: boolean): void {
    if (this.image.sinceMs === 0) return;
    this.#store.touch();
    if (isAlarm) this.#markSilent();
    this.#instances.expire();
    this.#group.expire();
    const expired = this.#expiry.decide(this.nowMs());
    if (expired.length > 0) this.record(...expired);
    const mayEnd = (): boolean => this.#isVacant && this.#endMs <= this.nowMs();
    if (mayEnd() && this.#endAgainMs <= this.nowMs()) {
      this.#ports.background(this.#end(mayEnd).then(() => this.arm()));
      return;
    }
    this.arm();
  }

  /**
   * The platform may put an object to sleep between two alarms, and with it what it has heard. Waking up
   * gives everybody a whole session; so that nobody lives on for ever that way, a silence is written
   * down, and ends the second time.
   */
  #markSilent(): void {
    const nowMs = this.nowMs();
    const silent: string[] = [];
    const gone: string[] = [];
    const ids = new Set([...this.image.members.keys(), ...this.image.instances.keys()]);
    for (const memberId of ids) {
      if (this.#heard.has(memberId)) continue;
      const sinceMs = this.image.silent.get(memberId);
      if (sinceMs === undefined) silent.push(memberId);
      else if (sinceMs + this.#sessionMs(memberId) <= nowMs) gone.push(memberId);
    }
    // rule: silence-is-recorded
    if (silent.length > 0) this.record({ type: "silent", memberIds: silent });
    this.#instances.end(gone);
    const members = gone.filter((memberId) => this.#rebalance.members.has(memberId));
    if (members.length > 0) this.#group.remove(members);
  }

  #sessionMs(memberId: string): number {
    const sessionMs =
      this.image.members.get(memberId)?.sessionTimeoutMs ??
      this.image.instances.get(memberId)?.spec.sessionTimeoutMs;
    assert(sessionMs !== undefined, "a member that is silent has no session");
    return sessionMs;
  }
}
