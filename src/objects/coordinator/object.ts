/**
 * The Durable Object of a consumer group: the platform's storage, alarm, clock and calls behind the ports of the rules.
 * Holds no rule.
 */
import type { RE2JS } from "re2js";
import { configFromEnvironment, effectiveConfig } from "../../base/config.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import { parseGroupObjectName } from "../../base/ids.ts";
import type { Env } from "../runtime/env.ts";
import { ANSWER, objectWith, Shell, type CallsOf } from "../runtime/shell.ts";
import { platformRandom } from "../runtime/random.ts";
import { answerOrNull, controllerStub } from "../runtime/stubs.ts";
import { platformClock } from "../runtime/time.ts";
import type { CoordinatorApi, GroupDescription } from "../contracts/group.ts";
import { GroupCoordinator } from "./groups/coordinator.ts";
import type { ClusterPort, CoordinatorPorts } from "./groups/ports.ts";
import { groupStore } from "./groups/image/store.ts";

type Ok = { readonly ok: true };

/** Calls whose answer is the rules' own: all but the description, to which the shell adds its counts. */
type RulesApi = Omit<CoordinatorApi, "describeGroup">;

const CALLS: CallsOf<RulesApi> = {
  joinGroup: true,
  syncGroup: true,
  heartbeat: true,
  leaveGroup: true,
  commitOffsets: true,
  fetchOffsets: true,
  deleteOffsets: true,
  setOffsets: true,
  deleteGroup: true,
  createInstance: true,
  closeInstance: true,
  subscribe: true,
  unsubscribe: true,
  subscription: true,
  assign: true,
  assignment: true,
  seek: true,
  poll: true,
  resolve: true,
  deliver: true,
  commitInstance: true,
  committed: true,
};

export class Coordinator extends objectWith<RulesApi>(CALLS) {
  readonly #shell: Shell;
  #rules: GroupCoordinator | null = null;
  #wakeRowsRead = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#shell = new Shell(ctx, "group", () => refuse("COORDINATOR_NOT_AVAILABLE"));
    void ctx.blockConcurrencyWhile(async () => {
      // Large, so it is not loaded in isolates without groups.
      const re2 = await import("re2js");
      const alarmAtMs = await ctx.storage.getAlarm();
      const config = effectiveConfig(configFromEnvironment(env));
      const store = groupStore(this.#shell.storage);
      this.#rules = new GroupCoordinator(
        store,
        this.#ports(alarmAtMs, matcherOf(re2.RE2JS)),
        config,
      );
      this.#wakeRowsRead = this.#shell.storage.rowsRead;
    });
  }

  async describeGroup(): Promise<GroupDescription | Refusal> {
    return this.#answer(async (rules) => ({
      ...(await rules.describeGroup()),
      ...this.#shell.rows,
      wakeRowsRead: this.#wakeRowsRead,
    }));
  }

  override [ANSWER](call: (rules: GroupCoordinator) => unknown): Promise<unknown> {
    return this.#answer(call);
  }

  override async alarm(): Promise<void> {
    await this.#shell.failures.guard(() => this.#rules!.onAlarm());
  }

  #ports(alarmAtMs: number | null, matcher: CoordinatorPorts["matcher"]): CoordinatorPorts {
    return {
      groupId: parseGroupObjectName(this.ctx.id.name ?? ""),
      alarm: this.#shell.alarm,
      clock: platformClock,
      timer: this.#shell.timers,
      random: platformRandom,
      cluster: platformCluster(this.env),
      matcher,
      alarmAtMs,
      background: this.#shell.background,
      broken: this.#shell.failures.broken,
    };
  }

  #answer<T>(run: (rules: GroupCoordinator) => T | Promise<T>): Promise<T | Refusal> {
    return this.#shell.failures.answer(() => run(this.#rules!));
  }
}

/** By RE2, whose time is linear in the length of the name whatever the pattern is. */
function matcherOf(re2: typeof RE2JS): CoordinatorPorts["matcher"] {
  return (pattern) => {
    try {
      const compiled = re2.compile(pattern);
      return (name) => compiled.matches(name);
    } catch {
      return null;
    }
  };
}

function platformCluster(env: Env): ClusterPort {
  return {
    topics: (names) =>
      answerOrNull(async () => {
        const { topics } = await controllerStub(env).metadata(names);
        return topics.map(({ topic, topicId, partitions }) => ({
          topic,
          topicId,
          partitions: partitions.length,
        }));
      }),
    register: (groupId, sinceMs) =>
      answerOrNull<Ok | Refusal>(() => controllerStub(env).registerGroup({ groupId, sinceMs })),
    unregister: (groupId, sinceMs) =>
      answerOrNull<Ok | Refusal>(() => controllerStub(env).unregisterGroup({ groupId, sinceMs })),
  };
}
