/**
 * The cluster under simulation: the objects of the controller, of replicas and of groups, put together as their shells
 * do, on simulated ports. Mirrors src/objects/…/object.ts and holds no rule.
 */
import { effectiveConfig } from "../../src/base/config.ts";
import { refuse } from "../../src/base/errors.ts";
import {
  CONTROLLER_NAME,
  groupObjectName,
  parseReplicaObjectName,
  replicaObjectName,
} from "../../src/base/ids.ts";
import { GroupCoordinator } from "../../src/objects/coordinator/groups/coordinator.ts";
import type { ClusterPort } from "../../src/objects/coordinator/groups/ports.ts";
import { groupStore } from "../../src/objects/coordinator/groups/image/store.ts";
import type { ClusterMetadata } from "../../src/objects/contracts/controller.ts";
import { ControllerRules } from "../../src/objects/controller/controller.ts";
import type { ReplicaPort } from "../../src/objects/controller/delivery/ports.ts";
import { controllerStore } from "../../src/objects/controller/image/store.ts";
import type { PeerPort } from "../../src/objects/contracts/replication.ts";
import type { ReplicaPorts } from "../../src/objects/partition/replica.ts";
import { TailBudget } from "../../src/objects/partition/reads/tail-memory.ts";
import { Cell, Unopened, type Instance, type Rules } from "./cell.ts";
import type { Caller } from "./network.ts";
import { ReplicaRules } from "./replica-rules.ts";
import type { World } from "./world.ts";

/** The place of the controller, which is no broker. */
export const CONTROLLER_PLACE = 0;

/** Without faults, nothing takes longer. */
const UNTIL_MS = 600_000;

/** So small that the journal of a group is full often, and a decision takes more than one row. */
const GROUP_RECORD = { rowLengthMax: 1_000, ringRows: 24 };

export type Settings = Readonly<Record<string, string>>;

/** A group's object, whose image the checks read. */
export class GroupRules implements Rules {
  readonly coordinator: GroupCoordinator;

  constructor(coordinator: GroupCoordinator) {
    this.coordinator = coordinator;
  }

  call(method: string, args: readonly unknown[]): unknown {
    const rules = this.coordinator as unknown as Record<string, (...args: unknown[]) => unknown>;
    return rules[method]!(...args);
  }

  alarm(): unknown {
    return this.coordinator.onAlarm();
  }
}

class ControllerCell implements Rules {
  readonly rules: ControllerRules;

  constructor(rules: ControllerRules) {
    this.rules = rules;
  }

  call(method: string, args: readonly unknown[]): unknown {
    const rules = this.rules as unknown as Record<string, (...args: unknown[]) => unknown>;
    return rules[method]!(...args);
  }

  alarm(): unknown {
    return this.rules.onAlarm();
  }
}

export class Cluster {
  readonly world: World;
  readonly settings: Settings;
  readonly controller: Cell;
  readonly cells = new Map<string, Cell>();
  /** The objects of consumer groups, by group id. */
  readonly groups = new Map<string, Cell>();
  onReplicaConfirmed: (cell: Cell) => void = () => {};
  onControllerConfirmed: () => void = () => {};
  onGroupConfirmed: (cell: Cell) => void = () => {};

  constructor(world: World, settings: Settings) {
    this.world = world;
    this.settings = settings;
    const random = world.random("controller");
    this.controller = new Cell(world, {
      name: CONTROLLER_NAME,
      place: CONTROLLER_PLACE,
      onConfirmed: () => this.onControllerConfirmed(),
      wake: (instance) => {
        const ports = {
          ...this.#ports(instance),
          timer: { after: (delayMs: number, run: () => void) => instance.after(delayMs, run) },
          random,
          replicas: this.#replicaPort(instance),
          background: (work: Promise<void>) => {
            work.catch((error: unknown) => instance.threw(error));
          },
        };
        const store = controllerStore(instance.handle);
        return new ControllerCell(new ControllerRules(store, ports, effectiveConfig(settings)));
      },
    });
  }

  /** The object of this name, which exists from its first call on. */
  cell(name: string): Cell {
    const known = this.cells.get(name);
    if (known) return known;
    const replica = parseReplicaObjectName(name);
    if (!replica) throw new Error(`not a replica's object: ${name}`);
    const cell = new Cell(this.world, {
      name,
      place: replica.brokerId,
      onConfirmed: (confirmed) => this.onReplicaConfirmed(confirmed),
      wake: (instance) => new ReplicaRules(instance, this.#replicaPorts(instance)),
    });
    this.cells.set(name, cell);
    return cell;
  }

  /** The object of a group. It is at the place of a broker, and is cut off with it. */
  group(groupId: string, place: number): Cell {
    const known = this.groups.get(groupId);
    if (known) return known;
    const random = this.world.random(`group ${groupId}`);
    const cell = new Cell(this.world, {
      name: groupObjectName(groupId),
      place,
      onConfirmed: (confirmed) => this.onGroupConfirmed(confirmed),
      wake: (instance) => {
        const ports = {
          ...this.#ports(instance),
          groupId,
          timer: { after: (delayMs: number, run: () => void) => instance.after(delayMs, run) },
          random,
          cluster: this.#clusterPort(instance),
          matcher: (pattern: string) => {
            const compiled = new RegExp(`^(?:${pattern})$`);
            return (name: string) => compiled.test(name);
          },
          alarmAtMs: instance.cell.disk.alarmAtMs,
          background: (work: Promise<void>) => {
            work.catch((error: unknown) => instance.threw(error));
          },
          broken: (error: unknown) => {
            instance.threw(error);
            instance.cell.abort(instance);
          },
        };
        const store = groupStore(instance.handle, GROUP_RECORD);
        return new GroupRules(new GroupCoordinator(store, ports, effectiveConfig(this.settings)));
      },
    });
    this.groups.set(groupId, cell);
    return cell;
  }

  call(caller: Caller, to: Cell, method: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.world.network.call(caller, to, method, args);
  }

  /** Runs the simulation until `work` is finished. */
  async until<T>(work: Promise<T>): Promise<T | null> {
    const { scheduler } = this.world;
    let result: T | null = null;
    let isDone = false;
    void work.then((value) => {
      result = value;
      isDone = true;
    });
    await scheduler.run(scheduler.nowMs + UNTIL_MS, () => isDone);
    this.world.expect(isDone, () => "21: there is no answer in fair weather");
    return result;
  }

  #ports(instance: Instance) {
    const { place } = instance.cell;
    return {
      alarm: instance.handle.alarm,
      clock: { nowMs: () => this.world.clockMs(place) },
    };
  }

  /** As the group's shell: a call that failed is null. */
  #clusterPort(instance: Instance): ClusterPort {
    const caller = callerOf(instance);
    const ask = async <A>(method: string, argument: unknown): Promise<A | null> => {
      try {
        return (await this.call(caller, this.controller, method, argument)) as A;
      } catch {
        return null;
      }
    };
    return {
      topics: async (names) => {
        const answer = await ask<ClusterMetadata>("metadata", names);
        if (answer === null) return null;
        return answer.topics.map(({ topic, topicId, partitions }) => ({
          topic,
          topicId,
          partitions: partitions.length,
        }));
      },
      register: (groupId, sinceMs) => ask("registerGroup", { groupId, sinceMs }),
      unregister: (groupId, sinceMs) => ask("unregisterGroup", { groupId, sinceMs }),
    };
  }

  #replicaPorts(instance: Instance): ReplicaPorts {
    const caller = callerOf(instance);
    const peer =
      (method: string) =>
      (to: Parameters<PeerPort["pull"]>[0], request: unknown): Promise<never> =>
        answered(
          this.call(caller, this.cell(replicaObjectName(to)), method, request),
        ) as Promise<never>;
    const controller =
      (method: string) =>
      (request: unknown): Promise<never> =>
        this.call(caller, this.controller, method, request) as Promise<never>;
    return {
      ...this.#ports(instance),
      storage: instance.handle,
      timers: { after: (delayMs, run) => instance.after(delayMs, run) },
      peers: { replicate: peer("replicate"), catchUp: peer("catchUp"), pull: peer("pull") },
      controller: {
        alterInSync: controller("alterInSync"),
        reportReplica: controller("reportReplica"),
      },
      tailBudget: new TailBudget(33_554_432),
      settings: this.settings,
      alarmAtMs: instance.cell.disk.alarmAtMs,
      broken: (error) => {
        instance.threw(error);
        instance.cell.abort(instance);
      },
    };
  }

  /** As the controller's shell: a call that failed is null. */
  #replicaPort(instance: Instance): ReplicaPort {
    const caller = callerOf(instance);
    const ask = async <A>(name: string, method: string, ...args: unknown[]): Promise<A | null> => {
      try {
        return (await answered(this.call(caller, this.cell(name), method, ...args))) as A;
      } catch {
        return null;
      }
    };
    return {
      assign: (name, _hint, assignment) => ask(name, "assign", assignment),
      probe: (name) => ask(name, "probe"),
      purge: async (name) => {
        const answer = await ask<{ readonly ok: boolean }>(name, "purge");
        if (answer === null) return "unanswered";
        return answer.ok ? "purged" : "unopened";
      },
    };
  }
}

/** As the shells do: turns the error of an object whose storage does not open into a refusal. */
async function answered(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Unopened) return refuse("STORAGE_LOST");
    throw error;
  }
}

function callerOf(instance: Instance): Caller {
  return { place: instance.cell.place, name: instance.cell.name, instance };
}
