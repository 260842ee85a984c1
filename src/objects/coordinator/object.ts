/**
 * The Durable Object of a consumer group: storage, alarm, clock and calls of the platform behind the
 * ports of the rules. Holds no rule.
 */
import { DurableObject } from "cloudflare:workers";
import { RE2JS } from "re2js";
import { configFromEnvironment, effectiveConfig } from "../../base/config.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import { parseGroupObjectName } from "../../base/ids.ts";
import type { Env } from "../runtime/env.ts";
import { Failures } from "../runtime/failures.ts";
import { platformRandom } from "../runtime/random.ts";
import { DurableAlarm, DurableStorage } from "../runtime/storage.ts";
import { controllerStub } from "../runtime/stubs.ts";
import { platformClock, platformTimer } from "../runtime/time.ts";
import type { CoordinatorApi, GroupDescription } from "../contracts/group.ts";
import { Coordinator as CoordinatorRules } from "./groups/coordinator.ts";
import type { ClusterPort, CoordinatorPorts } from "./groups/ports.ts";
import { groupStore } from "./groups/store.ts";
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
} from "../contracts/instances.ts";
import type {
  CommitRequest,
  Committed,
  DeletedOffsets,
  FetchedOffsets,
  OffsetToCommit,
  TopicPartition,
} from "../contracts/offsets.ts";
import type {
  HeartbeatRequest,
  JoinedGroup,
  JoinGroupRequest,
  JoinRefusal,
  LeavingMember,
  LeftGroup,
  SyncedGroup,
  SyncGroupRequest,
} from "../contracts/members.ts";

type Ok = { readonly ok: true };

export class Coordinator extends DurableObject<Env> implements CoordinatorApi {
  readonly #storage: DurableStorage;
  readonly #alarm: DurableAlarm;
  readonly #failures: Failures;
  #rules: CoordinatorRules | null = null;
  #wakeRowsRead = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#failures = new Failures(ctx, "group", () => refuse("COORDINATOR_NOT_AVAILABLE"));
    this.#storage = new DurableStorage(ctx.storage);
    this.#alarm = new DurableAlarm(ctx.storage);
    void ctx.blockConcurrencyWhile(async () => {
      const alarmAtMs = await ctx.storage.getAlarm();
      const config = effectiveConfig(configFromEnvironment(env));
      const store = groupStore(this.#storage);
      this.#rules = new CoordinatorRules(store, this.#ports(alarmAtMs), config);
      this.#wakeRowsRead = this.#storage.rowsRead;
    });
  }

  async joinGroup(request: JoinGroupRequest): Promise<JoinedGroup | JoinRefusal> {
    return this.#answer((rules) => rules.joinGroup(request));
  }

  async syncGroup(request: SyncGroupRequest): Promise<SyncedGroup | Refusal> {
    return this.#answer((rules) => rules.syncGroup(request));
  }

  async heartbeat(request: HeartbeatRequest): Promise<Ok | Refusal> {
    return this.#answer((rules) => rules.heartbeat(request));
  }

  async leaveGroup(members: readonly LeavingMember[]): Promise<LeftGroup | Refusal> {
    return this.#answer((rules) => rules.leaveGroup(members));
  }

  async commitOffsets(request: CommitRequest): Promise<Committed | Refusal> {
    return this.#answer((rules) => rules.commitOffsets(request));
  }

  async fetchOffsets(
    partitions: readonly TopicPartition[] | null,
  ): Promise<FetchedOffsets | Refusal> {
    return this.#answer((rules) => rules.fetchOffsets(partitions));
  }

  async deleteOffsets(partitions: readonly TopicPartition[]): Promise<DeletedOffsets | Refusal> {
    return this.#answer((rules) => rules.deleteOffsets(partitions));
  }

  async setOffsets(
    offsets: readonly OffsetToCommit[],
    groupId?: string,
  ): Promise<Committed | Refusal> {
    return this.#answer((rules) => rules.setOffsets(offsets, groupId));
  }

  async describeGroup(): Promise<GroupDescription | Refusal> {
    return this.#answer(async (rules) => {
      const { rowsRead } = this.#storage;
      const rowsWritten = this.#storage.rowsWritten + this.#alarm.rowsWritten;
      const wakeRowsRead = this.#wakeRowsRead;
      return { ...(await rules.describeGroup()), rowsRead, rowsWritten, wakeRowsRead };
    });
  }

  async deleteGroup(): Promise<Ok | Refusal> {
    return this.#answer((rules) => rules.deleteGroup());
  }

  async createInstance(spec: InstanceSpec, groupId?: string): Promise<CreatedInstance | Refusal> {
    return this.#answer((rules) => rules.createInstance(spec, groupId));
  }

  async closeInstance(instanceId: string, received?: string): Promise<Ok | Refusal> {
    return this.#answer((rules) => rules.closeInstance(instanceId, received));
  }

  async subscribe(instanceId: string, subscription: Subscription): Promise<Ok | Refusal> {
    return this.#answer((rules) => rules.subscribe(instanceId, subscription));
  }

  async unsubscribe(instanceId: string): Promise<Ok | Refusal> {
    return this.#answer((rules) => rules.unsubscribe(instanceId));
  }

  async subscription(instanceId: string): Promise<SubscriptionAnswer | Refusal> {
    return this.#answer((rules) => rules.subscription(instanceId));
  }

  async assign(
    instanceId: string,
    partitions: readonly (TopicPartition & { readonly topicId: string })[],
  ): Promise<Ok | Refusal> {
    return this.#answer((rules) => rules.assign(instanceId, partitions));
  }

  async assignment(instanceId: string): Promise<AssignmentAnswer | Refusal> {
    return this.#answer((rules) => rules.assignment(instanceId));
  }

  async seek(instanceId: string, seeks: readonly Seek[]): Promise<Ok | Refusal> {
    return this.#answer((rules) => rules.seek(instanceId, seeks));
  }

  async poll(request: PollRequest): Promise<PollPlan | Refusal> {
    return this.#answer((rules) => rules.poll(request));
  }

  async resolve(request: ResolveRequest): Promise<Ok | Refusal> {
    return this.#answer((rules) => rules.resolve(request));
  }

  async deliver(request: DeliverRequest): Promise<Ok | Refusal> {
    return this.#answer((rules) => rules.deliver(request));
  }

  async commitInstance(request: InstanceCommit): Promise<Committed | Refusal> {
    return this.#answer((rules) => rules.commitInstance(request));
  }

  async committed(
    instanceId: string,
    partitions: readonly TopicPartition[],
  ): Promise<FetchedOffsets | Refusal> {
    return this.#answer((rules) => rules.committed(instanceId, partitions));
  }

  override async alarm(): Promise<void> {
    await this.#failures.guard(() => this.#rules!.onAlarm());
  }

  #ports(alarmAtMs: number | null): CoordinatorPorts {
    return {
      groupId: parseGroupObjectName(this.ctx.id.name ?? ""),
      alarm: this.#alarm,
      clock: platformClock,
      timers: platformTimer,
      random: platformRandom,
      cluster: platformCluster(this.env),
      matcher,
      alarmAtMs,
      background: (work) => this.#background(work),
      broken: this.#failures.broken,
    };
  }

  #background(work: Promise<void>): void {
    this.ctx.waitUntil(this.#failures.guard(() => work).catch(() => {}));
  }

  #answer<T>(run: (rules: CoordinatorRules) => Promise<T>): Promise<T | Refusal> {
    return this.#failures.answer(() => run(this.#rules!));
  }
}

/** RE2: linear in the length of the name, whatever the pattern. */
function matcher(pattern: string): ((name: string) => boolean) | null {
  try {
    const compiled = RE2JS.compile(pattern);
    return (name) => compiled.matches(name);
  } catch {
    return null;
  }
}

function platformCluster(env: Env): ClusterPort {
  // Reset, overloaded or cut off: it will be asked again.
  const answerOf = async <T>(call: () => Promise<T>): Promise<T | null> => {
    try {
      return await call();
    } catch {
      return null;
    }
  };
  return {
    topics: (names) =>
      answerOf(async () => {
        const { topics } = await controllerStub(env).metadata(names);
        return topics.map(({ topic, topicId, partitions }) => ({
          topic,
          topicId,
          partitions: partitions.length,
        }));
      }),
    register: (groupId, sinceMs) =>
      answerOf<Ok | Refusal>(() => controllerStub(env).registerGroup({ groupId, sinceMs })),
    unregister: (groupId, sinceMs) =>
      answerOf<Ok | Refusal>(() => controllerStub(env).unregisterGroup({ groupId, sinceMs })),
  };
}
