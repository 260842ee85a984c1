/**
 * The controller's Durable Object: storage, alarm, clock and calls of the platform behind the ports
 * of the rules. Holds no rule.
 */
import { DurableObject } from "cloudflare:workers";
import { configFromEnvironment, effectiveConfig } from "../../base/config.ts";
import { InvariantBroken, refuse, type Refusal } from "../../base/errors.ts";
import type { RandomPort } from "../../base/ports.ts";
import type { Env } from "../env.ts";
import { DurableAlarm, DurableStorage } from "../storage.ts";
import { platformClock, platformTimer } from "../time.ts";
import type {
  ClusterMetadata,
  ConfigChange,
  ControllerApi,
  ControllerDescription,
  ProducerIdentity,
  TopicAnswer,
  TopicSpec,
} from "./api.ts";
import { ControllerRules } from "./controller.ts";
import type { ReplicaPort } from "./deliveries.ts";
import { ControllerStore } from "./store.ts";

export class Controller extends DurableObject<Env> implements ControllerApi {
  readonly #storage: DurableStorage;
  readonly #alarm: DurableAlarm;
  readonly #rules: ControllerRules;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#storage = new DurableStorage(ctx.storage);
    this.#alarm = new DurableAlarm(ctx.storage);
    this.#rules = new ControllerRules(
      new ControllerStore(this.#storage),
      {
        alarm: this.#alarm,
        clock: platformClock,
        timer: platformTimer,
        random: platformRandom,
        replicas: replicaObjects(env),
      },
      effectiveConfig(configFromEnvironment(env)),
    );
  }

  async metadata(topics: readonly string[] | null): Promise<ClusterMetadata> {
    return this.#rules.metadata(topics);
  }

  async createTopic(spec: TopicSpec): Promise<TopicAnswer> {
    return this.#answer(() => this.#rules.createTopic(spec));
  }

  async deleteTopic(topic: string): Promise<{ readonly ok: true } | Refusal> {
    return this.#answer(() => this.#rules.deleteTopic(topic));
  }

  async createPartitions(
    topic: string,
    partitions: number,
    validateOnly = false,
  ): Promise<TopicAnswer> {
    return this.#answer(() => this.#rules.createPartitions(topic, partitions, validateOnly));
  }

  async alterConfigs(
    topic: string,
    changes: readonly ConfigChange[],
    validateOnly = false,
  ): Promise<TopicAnswer> {
    return this.#answer(() => this.#rules.alterConfigs(topic, changes, validateOnly));
  }

  async allocateProducerId(): Promise<ProducerIdentity | Refusal> {
    return this.#answer(async () => this.#rules.allocateProducerId());
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
    await this.#guard(() => this.#rules.onAlarm());
  }

  /** Storage that fails is an operating error. */
  async #answer<T>(run: () => Promise<T>): Promise<T | Refusal> {
    try {
      return await this.#guard(run);
    } catch (error) {
      console.error(JSON.stringify({ event: "controller-storage-failed", error: String(error) }));
      return refuse("KAFKA_STORAGE_ERROR");
    }
  }

  /** A broken assumption ends this instance: the next one starts from what was recorded. */
  async #guard<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof InvariantBroken) this.ctx.abort(error.message);
      throw error;
    }
  }
}

const platformRandom: RandomPort = {
  below: (below) => crypto.getRandomValues(new Uint32Array(1))[0]! % below,
  id: () => crypto.randomUUID().replaceAll("-", ""),
};

function replicaObjects(env: Env): ReplicaPort {
  // A new stub for each call: one that has thrown stays broken.
  const replica = (name: string, hint: string) =>
    hint === ""
      ? env.PARTITION.getByName(name)
      : env.PARTITION.getByName(name, { locationHint: hint as DurableObjectLocationHint });
  const confirmed = async (call: () => Promise<{ readonly ok: boolean }>): Promise<boolean> => {
    try {
      return (await call()).ok;
    } catch {
      // Reset, overloaded or cut off: it may have arrived or not; it will be told again.
      return false;
    }
  };
  return {
    assign: (name, hint, assignment) => confirmed(() => replica(name, hint).assign(assignment)),
    purge: (name, hint) => confirmed(() => replica(name, hint).purge()),
  };
}
