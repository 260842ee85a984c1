/**
 * A controller on Node: the real rules over `node:sqlite`, replicas that answer as the test says, and a clock that only
 * the test moves. A crash keeps what is durable and loses the memory.
 */
import { effectiveConfig } from "../../../src/base/config.ts";
import { refuse, type Refusal } from "../../../src/base/errors.ts";
import type { RandomPort, TimerPort } from "../../../src/base/ports.ts";
import type { PartitionMetadata } from "../../../src/objects/contracts/controller.ts";
import { ControllerRules } from "../../../src/objects/controller/controller.ts";
import type { Purged, ReplicaPort } from "../../../src/objects/controller/delivery/ports.ts";
import { STORING_CALLS_AT_ONCE } from "../../../src/objects/controller/delivery/deliveries.ts";
import { controllerStore } from "../../../src/objects/controller/image/store.ts";
import type { JournalBounds } from "../../../src/objects/runtime/journal.ts";
import { ManualAlarm, SqliteStorage } from "../../support/sqlite-storage.ts";
import type {
  Assigned,
  Probed,
  ReplicaAssignment,
} from "../../../src/objects/contracts/assignment.ts";

/**
 * How a call ends. `lost`: it did not arrive. `unheard`: it arrived, and its answer did not. `held`: it waits until the
 * test lets it go. `unopened`: the object's storage cannot be opened. `failed`: the storage is open and writes fail.
 */
export type Reception = "confirmed" | "lost" | "unheard" | "held" | "unopened" | "failed";

export type CallKind = "assign" | "purge" | "probe";

/** One object's state: its newest assignment, and the end of its log. */
interface FakeReplica {
  assignment: ReplicaAssignment;
  wasReset: boolean;
  lastEpoch: number;
  logEndOffset: number;
}

/** The replicas' objects. Each keeps its newest assignment, as the real ones do. */
class FakeReplicas implements ReplicaPort {
  receive: (kind: CallKind, name: string) => Reception = () => "confirmed";
  readonly held: (() => void)[] = [];
  /** The objects that have storage, by name. */
  readonly objects = new Map<string, FakeReplica>();
  readonly hints = new Map<string, string>();
  readonly purged = new Set<string>();
  /** Every call, in order, as `<kind> <name>`. */
  readonly log: string[] = [];
  atOnce = 0;
  atOncePeak = 0;

  get calls(): number {
    return this.log.length;
  }

  get assignments(): Map<string, ReplicaAssignment> {
    return new Map([...this.objects].map(([name, { assignment }]) => [name, assignment]));
  }

  /** The platform loses an object's storage. */
  lose(name: string): void {
    if (!this.objects.delete(name)) throw new Error(`${name} holds nothing`);
  }

  assign(
    name: string,
    locationHint: string,
    assignment: ReplicaAssignment,
  ): Promise<Assigned | Refusal | null> {
    this.hints.set(name, locationHint);
    return this.#call("assign", name, () => {
      const known = this.objects.get(name);
      const object = known ?? {
        assignment,
        wasReset: !assignment.founding,
        lastEpoch: -1,
        logEndOffset: 0,
      };
      if (object.assignment.partitionEpoch < assignment.partitionEpoch) {
        object.assignment = assignment;
      }
      this.objects.set(name, object);
      return { ok: true, wasReset: object.wasReset };
    });
  }

  probe(name: string, locationHint: string): Promise<Probed | Refusal | null> {
    this.hints.set(name, locationHint);
    return this.#call("probe", name, () => {
      const object = this.objects.get(name);
      if (!object) return refuse("UNKNOWN_TOPIC_OR_PARTITION");
      const { assignment, wasReset, lastEpoch, logEndOffset } = object;
      const { leaderEpoch, partitionEpoch } = assignment;
      const log = { lastEpoch, logEndOffset, highWatermark: logEndOffset };
      return { ok: true, leaderEpoch, partitionEpoch, ...log, wasReset };
    });
  }

  async purge(name: string, locationHint: string): Promise<Purged> {
    this.hints.set(name, locationHint);
    const answer = await this.#call<{ readonly ok: true }>("purge", name, () => {
      this.purged.add(name);
      this.objects.delete(name);
      return { ok: true };
    });
    if (answer === null) return "unanswered";
    return answer.ok ? "purged" : "unopened";
  }

  async #call<T>(kind: CallKind, name: string, effect: () => T): Promise<T | Refusal | null> {
    this.log.push(`${kind} ${name}`);
    this.atOnce += 1;
    this.atOncePeak = Math.max(this.atOncePeak, this.atOnce);
    try {
      const reception = this.receive(kind, name);
      await Promise.resolve();
      if (reception === "held") await new Promise<void>((resolve) => this.held.push(resolve));
      if (reception === "lost") return null;
      if (reception === "unopened") return refuse("STORAGE_LOST");
      if (reception === "failed" && kind !== "probe") return refuse("KAFKA_STORAGE_ERROR");
      const answer = effect();
      return reception === "unheard" ? null : answer;
    } finally {
      this.atOnce -= 1;
    }
  }

  /** Lets every held call go on. */
  letGo(): void {
    for (const resume of this.held.splice(0)) resume();
  }
}

class Timers implements TimerPort {
  readonly #due = new Map<() => void, number>();
  nowMs = 1_700_000_000_000;
  /** Timers without a delay: they run when nothing else is left to run. */
  turns = 0;

  after(delayMs: number, run: () => void): () => void {
    if (delayMs === 0) {
      this.turns += 1;
      const turn = setImmediate(run);
      return () => clearImmediate(turn);
    }
    this.#due.set(run, this.nowMs + delayMs);
    return () => this.#due.delete(run);
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (const [run, atMs] of this.#due) {
      if (atMs > this.nowMs) continue;
      this.#due.delete(run);
      run();
    }
  }
}

const BOUNDS: JournalBounds = { rowLengthMax: 600_000, ringRows: 256 };

/** Lets everything run that waits for nothing external, timers without a delay included. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 2 * STORING_CALLS_AT_ONCE; turn += 1) await new Promise(setImmediate);
}

export class ControllerHarness {
  readonly alarm = new ManualAlarm();
  readonly replicas = new FakeReplicas();
  readonly timers = new Timers();
  storage = new SqliteStorage({ alarm: this.alarm });
  rules: ControllerRules;
  /** Errors of work that goes on behind answers. */
  readonly failedBehind: unknown[] = [];
  readonly #bounds: JournalBounds;
  readonly #settings: Readonly<Record<string, string>>;
  /** The instance whose alarm handler is running. */
  #firing: ControllerRules | null = null;
  #ids = 0;

  constructor(
    bounds: Partial<JournalBounds> = {},
    settings: Readonly<Record<string, string>> = {},
  ) {
    this.#bounds = { ...BOUNDS, ...bounds };
    this.#settings = settings;
    this.rules = this.#wake();
  }

  /** The instance ends, with everything that is under way; a new one wakes up. */
  crash(): void {
    this.storage.beforeStatement = null;
    this.storage = this.storage.reopen();
    this.#retryAlarm();
    this.rules = this.#wake();
  }

  /** A second instance, with what one that woke up now would know. */
  replayed(): ControllerRules {
    return this.#wake();
  }

  advance(ms: number): void {
    this.timers.advance(ms);
  }

  /** Whether an alarm is set and could fire: the platform runs one handler at a time. */
  get alarmIsFree(): boolean {
    return this.alarm.atMs !== null && this.#firing === null;
  }

  /** Whether a handler will run, or run again, also after a crash. */
  get alarmIsSure(): boolean {
    return this.alarm.atMs !== null || this.#firing !== null;
  }

  /** Moves the clock to the alarm and fires it; returns the delay that it was set to, in milliseconds. */
  async fireAlarm(): Promise<number> {
    const { atMs } = this.alarm;
    if (atMs === null) throw new Error("no alarm is set");
    const delayMs = atMs - this.timers.nowMs;
    this.advance(Math.max(delayMs, 0));
    this.alarm.atMs = null;
    const { rules } = this;
    this.#firing = rules;
    try {
      await rules.onAlarm();
      if (this.#firing === rules) this.#firing = null;
    } catch (error) {
      if (this.#firing === rules) this.#retryAlarm();
      throw error;
    }
    return delayMs;
  }

  /** Creates a topic; throws where that is refused. */
  async topic(
    topic: string,
    partitions = 1,
    replicationFactor = 1,
    configs: Readonly<Record<string, string>> = {},
  ) {
    const spec = { topic, partitions, replicationFactor, configs };
    const answer = await this.rules.createTopic(spec);
    if (!answer.ok) throw new Error(answer.message);
    return answer.topic;
  }

  /** One partition as it is now. */
  partition(topic: string, partition = 0): PartitionMetadata {
    const found = this.rules.metadata([topic]).topics[0]?.partitions[partition];
    if (!found) throw new Error(`${topic}/${partition} does not exist`);
    return found;
  }

  /** The name of a replica's object. */
  objectName(topic: string, brokerId: number, partition = 0): string {
    const topicId = this.rules.metadata([topic]).topics[0]?.topicId;
    const replica = this.partition(topic, partition).replicas.find(
      (one) => one.brokerId === brokerId,
    );
    if (!replica) throw new Error(`${topic}/${partition} has no replica on ${brokerId}`);
    return `${topicId}/${partition}/${brokerId}/${replica.generation}`;
  }

  /** The platform fires an alarm again whose handler threw or did not finish. */
  #retryAlarm(): void {
    if (this.#firing) this.alarm.atMs ??= this.timers.nowMs + 2_000;
    this.#firing = null;
  }

  #wake(): ControllerRules {
    const random: RandomPort = {
      below: () => 0,
      id: () => (this.#ids += 1).toString(16).padStart(32, "0"),
    };
    const { alarm, replicas, timers } = this;
    const clock = { nowMs: () => timers.nowMs };
    const background = (work: Promise<void>): void => {
      work.catch((error: unknown) => this.failedBehind.push(error));
    };
    return new ControllerRules(
      controllerStore(this.storage, this.#bounds),
      { alarm, replicas, clock, timer: timers, random, background },
      effectiveConfig(this.#settings),
    );
  }
}
