/**
 * The controller's Durable Object: storage, alarm, clock and calls of the platform behind the ports
 * of the rules. Holds no rule.
 */
import { DurableObject } from "cloudflare:workers";
import { configFromEnvironment, effectiveConfig } from "../../base/config.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import type { Env } from "../runtime/env.ts";
import { Failures } from "../runtime/failures.ts";
import { platformRandom } from "../runtime/random.ts";
import { DurableAlarm, DurableStorage } from "../runtime/storage.ts";
import { partitionStub } from "../runtime/stubs.ts";
import { platformClock, platformTimer } from "../runtime/time.ts";
import { isUnopened } from "../../base/unopened.ts";
import type {
  BrokerAction,
  BrokerAnswer,
  BrokerSpec,
  ClusterMetadata,
  ConfigChange,
  ControllerApi,
  ControllerDescription,
  GroupEntry,
  GroupList,
  PartitionAnswer,
  ProducerIdentity,
  TopicAnswer,
  TopicDeleted,
  TopicSpec,
} from "../contracts/controller.ts";
import { ControllerRules } from "./controller.ts";
import type { ReplicaPort } from "./delivery/deliveries.ts";
import { controllerStore } from "./image/store.ts";
import type { Assigned, Probed } from "../contracts/assignment.ts";
import type {
  AlteredInSync,
  AlterInSyncRequest,
  LeaderReport,
  ReplicaReport,
} from "../contracts/controller-port.ts";

export class Controller extends DurableObject<Env> implements ControllerApi {
  readonly #storage: DurableStorage;
  readonly #alarm: DurableAlarm;
  readonly #rules: ControllerRules;
  readonly #failures: Failures;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#failures = new Failures(ctx, "controller");
    this.#storage = new DurableStorage(ctx.storage);
    this.#alarm = new DurableAlarm(ctx.storage);
    this.#rules = new ControllerRules(
      controllerStore(this.#storage),
      {
        alarm: this.#alarm,
        clock: platformClock,
        timer: platformTimer,
        random: platformRandom,
        replicas: replicaObjects(env),
        background: (work) => this.#background(work),
      },
      effectiveConfig(configFromEnvironment(env)),
    );
  }

  async metadata(
    topics: readonly string[] | null,
    topicIds: readonly string[] = [],
  ): Promise<ClusterMetadata> {
    return this.#rules.metadata(topics, topicIds);
  }

  async createTopic(spec: TopicSpec): Promise<TopicAnswer> {
    return this.#answer(() => this.#rules.createTopic(spec));
  }

  async deleteTopic(topic: string, topicId?: string): Promise<TopicDeleted | Refusal> {
    return this.#answer(() => this.#rules.deleteTopic(topic, topicId));
  }

  async createPartitions(
    topic: string,
    partitions: number,
    validateOnly = false,
    assignments: readonly (readonly number[])[] | null = null,
  ): Promise<TopicAnswer> {
    return this.#answer(() =>
      this.#rules.createPartitions(topic, partitions, validateOnly, assignments),
    );
  }

  async alterConfigs(
    topic: string,
    changes: readonly ConfigChange[],
    validateOnly = false,
  ): Promise<TopicAnswer> {
    return this.#answer(() => this.#rules.alterConfigs(topic, changes, validateOnly));
  }

  async registerBroker(spec: BrokerSpec): Promise<BrokerAnswer> {
    return this.#answer(() => this.#rules.registerBroker(spec));
  }

  async changeBroker(brokerId: number, action: BrokerAction): Promise<BrokerAnswer> {
    return this.#answer(() => this.#rules.changeBroker(brokerId, action));
  }

  async alterBrokerConfigs(
    brokerId: number,
    changes: readonly ConfigChange[],
    validateOnly = false,
  ): Promise<BrokerAnswer> {
    return this.#answer(async () =>
      this.#rules.alterBrokerConfigs(brokerId, changes, validateOnly),
    );
  }

  async alterInSync(request: AlterInSyncRequest): Promise<AlteredInSync | Refusal> {
    return this.#answer(() => this.#rules.alterInSync(request));
  }

  async reportLeader(report: LeaderReport): Promise<PartitionAnswer> {
    return this.#answer(() => this.#rules.reportLeader(report));
  }

  async reportReplica(report: ReplicaReport): Promise<{ readonly ok: true } | Refusal> {
    return this.#answer(() => this.#rules.reportReplica(report));
  }

  async electLeader(
    topic: string,
    partition: number,
    election: "preferred" | "unclean",
  ): Promise<PartitionAnswer> {
    return this.#answer(() => this.#rules.electLeader(topic, partition, election));
  }

  async reassign(
    topic: string,
    partition: number,
    brokerIds: readonly number[] | null,
    keepsFactor = false,
  ): Promise<PartitionAnswer> {
    return this.#answer(() => this.#rules.reassign(topic, partition, brokerIds, keepsFactor));
  }

  async allocateProducerId(): Promise<ProducerIdentity | Refusal> {
    return this.#answer(async () => this.#rules.allocateProducerId());
  }

  async registerGroup(group: GroupEntry): Promise<{ readonly ok: true } | Refusal> {
    return this.#answer(async () => this.#rules.registerGroup(group));
  }

  async unregisterGroup(group: GroupEntry): Promise<{ readonly ok: true } | Refusal> {
    return this.#answer(async () => this.#rules.unregisterGroup(group));
  }

  async groups(after: string, limit: number): Promise<GroupList> {
    return this.#rules.groups(after, limit);
  }

  async describe(): Promise<ControllerDescription> {
    const { rowsRead, rowsWritten } = this.#storage;
    return {
      ...this.#rules.describe(),
      rowsRead,
      rowsWritten: rowsWritten + this.#alarm.rowsWritten,
    };
  }

  override async alarm(): Promise<void> {
    await this.#failures.guard(() => this.#rules.onAlarm());
  }

  /** What fails behind an answer is left to the alarm that stands for it. */
  #background(work: Promise<void>): void {
    this.ctx.waitUntil(this.#failures.guard(() => work).catch(() => {}));
  }

  #answer<T>(run: () => Promise<T>): Promise<T | Refusal> {
    return this.#failures.answer(run);
  }
}

function replicaObjects(env: Env): ReplicaPort {
  // Reset, overloaded or cut off: it may have arrived or not; it will be asked again.
  const answerOf = async <T>(call: () => PromiseLike<T>): Promise<T | Refusal | null> => {
    try {
      return await call();
    } catch (error) {
      return isUnopened(error) ? refuse("STORAGE_LOST") : null;
    }
  };
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
