/**
 * A consumer group's object on Node: the real rules over `node:sqlite`, with a clock, timers, an alarm and a controller
 * that the test controls, and restarts that keep only what was recorded.
 */
import { effectiveConfig } from "../../src/base/config.ts";
import type { Refusal } from "../../src/base/errors.ts";
import { GroupCoordinator } from "../../src/objects/coordinator/groups/coordinator.ts";
import type { TopicFact } from "../../src/objects/coordinator/groups/ports.ts";
import { groupStore } from "../../src/objects/coordinator/groups/image/store.ts";
import { ManualAlarm, SqliteStorage } from "./sqlite-storage.ts";
import type { InstanceSpec, PollPlan } from "../../src/objects/contracts/instances.ts";
import type { JoinGroupRequest } from "../../src/objects/contracts/members.ts";
import type { TopicPartition } from "../../src/objects/contracts/offsets.ts";

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

export const SPEC: InstanceSpec = {
  name: "",
  format: "json",
  offsetReset: "earliest",
  autoCommit: false,
  autoCommitIntervalMs: 5_000,
  fetchMinBytes: 1,
  requestTimeoutMs: 1_000,
  sessionTimeoutMs: 10_000,
  maxPollIntervalMs: 300_000,
  maxPollRecords: 500,
  assignors: ["cooperative-sticky", "range", "roundrobin", "sticky"],
  isolation: "read_uncommitted",
  clientId: "test",
  clientHost: "127.0.0.1",
};

export class GroupHarness {
  readonly alarm = new ManualAlarm();
  storage = new SqliteStorage({ alarm: this.alarm });
  nowMs = 1_700_000_000_000;
  /** The topics that the controller knows; null: it cannot be reached. */
  topics: Map<string, TopicFact> | null = new Map();
  readonly listed = new Set<string>();
  isControllerUp = true;
  /** How often the controller was asked for topics. */
  questions = 0;
  brokenBy: unknown = null;
  group: GroupCoordinator;
  #timers = new Set<Timer>();
  #ids = 0;
  #work: Promise<void>[] = [];
  readonly #settings: Record<string, string>;

  constructor(settings: Record<string, string> = {}) {
    this.#settings = { "group.initial.rebalance.delay.ms": "0", ...settings };
    this.group = this.#wake();
  }

  topic(name: string, partitions: number, topicId = `id-${name}`): void {
    this.topics!.set(name, { topic: name, topicId, partitions });
  }

  /** Wakes up again: keeps what was recorded, loses the memory. */
  restart(): void {
    this.#timers.clear();
    this.storage = this.storage.reopen();
    this.group = this.#wake();
  }

  /** Lets everything run that takes no time. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) {
      const work = this.#work;
      this.#work = [];
      await Promise.all(work);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Moves the clock, and runs every timer and alarm that becomes due. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    for (;;) {
      await this.settle();
      const due = [...this.#timers].toSorted((a, b) => a.atMs - b.atMs)[0];
      const nextMs = Math.min(due?.atMs ?? Infinity, this.alarm.atMs ?? Infinity);
      if (nextMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      if (due && due.atMs <= this.nowMs) {
        this.#timers.delete(due);
        due.run();
      } else {
        this.alarm.clear();
        await this.group.onAlarm();
      }
    }
    this.nowMs = untilMs;
    await this.settle();
  }

  /** Settles, then returns the answer of a call; "waiting" where it has none yet. */
  async outcome<T>(call: Promise<T>): Promise<T | "waiting"> {
    let outcome: T | "waiting" = "waiting";
    void call.then((value) => (outcome = value));
    await this.settle();
    return outcome;
  }

  join(memberId: string, changes: Partial<JoinGroupRequest> = {}) {
    return this.group.joinGroup({
      memberId,
      groupInstanceId: null,
      clientId: "client",
      clientHost: "/127.0.0.1",
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 60_000,
      protocolType: "consumer",
      protocols: [{ name: "range", metadata: new Uint8Array([1, 2, 3]) }],
      requireKnownMemberId: false,
      ...changes,
    });
  }

  async instance(name: string, topics: readonly string[], changes: Partial<InstanceSpec> = {}) {
    const created = await this.group.createInstance({ ...SPEC, name, ...changes });
    if (!created.ok) return created;
    return this.group.subscribe(name, { by: "topics", topics });
  }

  poll(instanceId: string, received?: string): Promise<PollPlan | Refusal> {
    return this.group.poll({ instanceId, waitMs: 0, ...(received !== undefined && { received }) });
  }

  /** All instances poll in turn until no plan changes. */
  async polled(...names: readonly string[]): Promise<Record<string, string[]>> {
    let before = "";
    for (let round = 0; round < 20; round++) {
      const found: Record<string, string[]> = {};
      for (const name of names) {
        const plan = await this.poll(name);
        await this.settle();
        found[name] = plan.ok && plan.isAssigned ? namesOf(plan.partitions) : [];
      }
      const now = JSON.stringify(found);
      if (now === before && round > 3) return found;
      before = now;
    }
    throw new Error(`the plans do not settle: ${before}`);
  }

  #wake(): GroupCoordinator {
    const cluster = {
      topics: async (names: readonly string[] | null) => {
        this.questions += 1;
        if (this.topics === null) return null;
        const all = [...this.topics.values()];
        return names === null ? all : all.filter(({ topic }) => names.includes(topic));
      },
      register: async () => {
        if (!this.isControllerUp) return null;
        this.listed.add("g");
        return { ok: true } as const;
      },
      unregister: async () => {
        if (!this.isControllerUp) return null;
        this.listed.delete("g");
        return { ok: true } as const;
      },
    };
    return new GroupCoordinator(
      groupStore(this.storage),
      {
        groupId: "g",
        alarm: this.alarm,
        clock: { nowMs: () => this.nowMs },
        timer: {
          after: (delayMs, run) => {
            const timer = { atMs: this.nowMs + delayMs, run };
            this.#timers.add(timer);
            return () => this.#timers.delete(timer);
          },
        },
        random: {
          below: (below) => this.#ids++ % below,
          id: () => (this.#ids++).toString(16).padStart(32, "0"),
        },
        cluster,
        matcher: (pattern) => {
          if (pattern === "(") return null;
          const compiled = new RegExp(`^(?:${pattern})$`);
          return (name) => compiled.test(name);
        },
        alarmAtMs: this.alarm.atMs,
        background: (work) => void this.#work.push(work),
        broken: (error) => (this.brokenBy = error),
      },
      effectiveConfig(this.#settings),
    );
  }
}

export function namesOf(partitions: readonly TopicPartition[]): string[] {
  return partitions.map(({ topic, partition }) => `${topic}-${partition}`).toSorted();
}

/** A plan that was not refused. */
export function planned(plan: PollPlan | Refusal): PollPlan {
  if (!plan.ok) throw new Error(plan.error);
  return plan;
}

/** Partitions of one topic, and instances c0, c1 and so on that share them. */
export async function sharing(
  count: number,
  settings: Partial<InstanceSpec> = {},
  partitions = 4,
): Promise<{ h: GroupHarness; names: string[] }> {
  const h = new GroupHarness();
  h.topic("t", partitions);
  const names = Array.from({ length: count }, (_, n) => `c${n}`);
  for (const name of names) {
    const created = await h.instance(name, ["t"], settings);
    if (!created.ok) throw new Error(created.error);
  }
  await h.settle();
  return { h, names };
}

/** The instance polls, and gets an answer up to this offset in each of its partitions. */
export async function deliver(
  h: GroupHarness,
  name: string,
  nextOffset: number,
  received?: string,
): Promise<{ plan: PollPlan; answer: { readonly ok: true } | Refusal }> {
  const plan = planned(await h.poll(name, received));
  const positions = plan.partitions.map(({ topic, partition }) => ({
    topic,
    partition,
    nextOffset,
  }));
  const { pollId, generationId } = plan;
  const answer = await h.group.deliver({ instanceId: name, pollId, generationId, positions });
  return { plan, answer };
}

export const positionsOf = (plan: PollPlan): (number | null)[] =>
  plan.partitions.map(({ position }) => position);
