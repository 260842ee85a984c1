/**
 * A controller on Node: the real rules over `node:sqlite`, replicas that answer as the test says, and
 * a clock that only the test moves. A crash keeps what was durable and nothing of memory.
 */
import { effectiveConfig } from "../../../src/base/config.ts";
import type { RandomPort, TimerPort } from "../../../src/base/ports.ts";
import { ControllerRules } from "../../../src/objects/controller/controller.ts";
import type { ReplicaPort } from "../../../src/objects/controller/deliveries.ts";
import { ControllerStore, type StoreBounds } from "../../../src/objects/controller/store.ts";
import type { ReplicaAssignment } from "../../../src/objects/partition/api.ts";
import { ManualAlarm, SqliteStorage } from "../../support/sqlite-storage.ts";

/** `lost`: did not arrive. `unheard`: arrived, the answer did not. `held`: until the test lets go. */
export type Reception = "confirmed" | "lost" | "unheard" | "held";

/** The replicas' objects: each keeps its newest assignment, as the real ones do. */
class FakeReplicas implements ReplicaPort {
  receive: (kind: "assign" | "purge", name: string) => Reception = () => "confirmed";
  readonly held: (() => void)[] = [];
  /** What the objects hold, by name; purged ones hold nothing. */
  readonly assignments = new Map<string, ReplicaAssignment>();
  readonly hints = new Map<string, string>();
  readonly purged = new Set<string>();
  calls = 0;
  atOnce = 0;
  atOncePeak = 0;

  assign(name: string, locationHint: string, assignment: ReplicaAssignment): Promise<boolean> {
    this.hints.set(name, locationHint);
    return this.#call("assign", name, () => {
      if (this.purged.has(name)) throw new Error(`${name} is assigned after it was purged`);
      const known = this.assignments.get(name);
      if (known && known.partitionEpoch >= assignment.partitionEpoch) return;
      this.assignments.set(name, assignment);
    });
  }

  purge(name: string, locationHint: string): Promise<boolean> {
    this.hints.set(name, locationHint);
    return this.#call("purge", name, () => {
      this.purged.add(name);
      this.assignments.delete(name);
    });
  }

  async #call(kind: "assign" | "purge", name: string, effect: () => void): Promise<boolean> {
    this.calls += 1;
    this.atOnce += 1;
    this.atOncePeak = Math.max(this.atOncePeak, this.atOnce);
    try {
      const reception = this.receive(kind, name);
      await Promise.resolve();
      if (reception === "held") await new Promise<void>((resolve) => this.held.push(resolve));
      if (reception === "lost") return false;
      effect();
      return reception !== "unheard";
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

  after(delayMs: number, run: () => void): () => void {
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

const BOUNDS: StoreBounds = { rowBytesMax: 1_990_000, snapshotEvery: 200 };

export class ControllerHarness {
  readonly alarm = new ManualAlarm();
  readonly replicas = new FakeReplicas();
  readonly timers = new Timers();
  storage = new SqliteStorage({ alarm: this.alarm });
  rules: ControllerRules;
  readonly #bounds: StoreBounds;
  readonly #settings: Readonly<Record<string, string>>;
  /** The instance whose alarm handler is running. */
  #firing: ControllerRules | null = null;
  #ids = 0;

  constructor(bounds: Partial<StoreBounds> = {}, settings: Readonly<Record<string, string>> = {}) {
    this.#bounds = { ...BOUNDS, ...bounds };
    this.#settings = settings;
    this.rules = this.#wake();
  }

  /** The instance is gone, with everything that was under way; a new one wakes up. */
  crash(): void {
    this.storage.beforeStatement = null;
    this.storage = this.storage.reopen();
    this.#retryAlarm();
    this.rules = this.#wake();
  }

  /** What an instance that woke up now would know, beside the one that is awake. */
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

  /** Whether a handler will run, or run again, even after a crash. */
  get alarmIsSure(): boolean {
    return this.alarm.atMs !== null || this.#firing !== null;
  }

  /** Moves the clock to the alarm and fires it; the delay it had been set to, in milliseconds. */
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

  /** Creates a topic that the test takes for granted. */
  async topic(topic: string, partitions = 1, replicationFactor = 1) {
    const answer = await this.rules.createTopic({ topic, partitions, replicationFactor });
    if (!answer.ok) throw new Error(answer.message);
    return answer.topic;
  }

  /** The platform fires an alarm again whose handler threw or did not come to its end. */
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
    return new ControllerRules(
      new ControllerStore(this.storage, this.#bounds),
      { alarm, replicas, clock, timer: timers, random },
      effectiveConfig(this.#settings),
    );
  }
}
