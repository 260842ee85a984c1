/**
 * The controller's Durable Object: the platform's storage, alarm, clock and calls behind the ports of the rules. Holds
 * no rule.
 */
import { configFromEnvironment, effectiveConfig } from "../../base/config.ts";
import type { Refusal } from "../../base/errors.ts";
import type { Env } from "../runtime/env.ts";
import { ANSWER, objectWith, Shell, type CallsOf } from "../runtime/shell.ts";
import { platformRandom } from "../runtime/random.ts";
import { answerOrNull, partitionStub, replicaAnswer } from "../runtime/stubs.ts";
import { platformClock } from "../runtime/time.ts";
import type { ControllerApi, ControllerDescription } from "../contracts/controller.ts";
import { ControllerRules } from "./controller.ts";
import type { ReplicaPort } from "./delivery/ports.ts";
import { controllerStore } from "./image/store.ts";
import type { Assigned, Probed } from "../contracts/assignment.ts";

/** Calls whose answer is the rules' own: all but the description, to which the shell adds its counts. */
type RulesApi = Omit<ControllerApi, "describe">;

const CALLS: CallsOf<RulesApi> = {
  metadata: true,
  createTopic: true,
  deleteTopic: true,
  createPartitions: true,
  foundPartitions: true,
  describePartitions: true,
  alterConfigs: true,
  registerBroker: true,
  changeBroker: true,
  alterBrokerConfigs: true,
  alterInSync: true,
  reportLeader: true,
  reportReplica: true,
  electLeader: true,
  reassign: true,
  allocateProducerId: true,
  registerGroup: true,
  unregisterGroup: true,
  groups: true,
};

export class Controller extends objectWith<RulesApi>(CALLS) {
  readonly #shell: Shell;
  readonly #rules: ControllerRules;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#shell = new Shell(ctx, "controller");
    this.#rules = new ControllerRules(
      controllerStore(this.#shell.storage),
      {
        alarm: this.#shell.alarm,
        clock: platformClock,
        timer: this.#shell.timers,
        random: platformRandom,
        replicas: replicaObjects(env),
        background: this.#shell.background,
      },
      effectiveConfig(configFromEnvironment(env)),
    );
  }

  async describe(): Promise<ControllerDescription> {
    return { ...this.#rules.describe(), ...this.#shell.rows };
  }

  override [ANSWER](call: (rules: ControllerRules) => unknown): Promise<unknown> {
    return this.#shell.failures.answer(() => call(this.#rules));
  }

  override async alarm(): Promise<void> {
    await this.#shell.failures.guard(() => this.#rules.onAlarm());
  }
}

function replicaObjects(env: Env): ReplicaPort {
  const answerOf = <T>(call: () => PromiseLike<T>): Promise<T | Refusal | null> =>
    answerOrNull(() => replicaAnswer(call));
  return {
    assign: (name, hint, assignment) =>
      answerOf<Assigned | Refusal>(() => partitionStub(env, name, hint).assign(assignment)),
    probe: (name, hint) => answerOf<Probed | Refusal>(() => partitionStub(env, name, hint).probe()),
    purge: async (name, hint) => {
      const answer = await answerOf(() => partitionStub(env, name, hint).purge());
      if (answer === null) return "unanswered";
      return answer.ok ? "purged" : "unopened";
    },
  };
}
