/**
 * Calling objects, with namespaces that a test scripts: what becomes of the runtime's exceptions,
 * when metadata is looked up again, and that a cached topic costs no call.
 */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { refuse, type ErrorName, type Refusal } from "../../../src/base/errors.ts";
import type {
  ClusterMetadata,
  PartitionAnswer,
  PartitionsAnswer,
  TopicMetadata,
} from "../../../src/objects/contracts/controller.ts";
import type { AppendRefusal } from "../../../src/objects/contracts/partition.ts";
import type { Env } from "../../../src/objects/runtime/env.ts";
import { callPartition, callReplica } from "../../../src/gateway/calls.ts";
import type { PartitionOptions } from "../../../src/gateway/recovery.ts";
import {
  cachedTopic,
  forget,
  topicForProduce,
  topicMetadata,
  type KnownTopic,
} from "../../../src/gateway/metadata.ts";
import { serviceOf, type Service } from "../../../src/gateway/service.ts";
import type { LeaderReport } from "../../../src/objects/contracts/controller-port.ts";

type Answer = { readonly ok: true; readonly from: string; readonly partitionEpoch: number };
/** `"silence"`: the call is never answered. */
type Step = Answer | AppendRefusal | Error | "silence";

const id = (digit: string): string => digit.repeat(32);

/** A cluster of scripted objects: what they answer, and what they were asked. */
class FakeCluster {
  version = 1;
  topics = new Map<string, TopicMetadata>();
  /** What the next calls of a partition's object come to. */
  script: Step[] = [];
  /** Names of the objects that were called, in order. */
  called: string[] = [];
  hints: unknown[] = [];
  stubs = 0;
  controllerCalls = 0;
  controllerFails: Error | null = null;
  creations: string[] = [];
  /** Whether replicas of the partitions have confirmed their first assignments. */
  isConfirmed = true;
  /** Calls of `describePartitions`. */
  descriptions = 0;
  reports: LeaderReport[] = [];
  /** What the controller does when a leader is reported; nothing: it has reached the leader. */
  onReport: () => void = () => {};

  set(topic: string, topicId: string, partitions = 1, leader = 1, leaderEpoch = 0): void {
    this.version += 1;
    this.topics.set(topic, {
      topic,
      topicId,
      configs: { "retention.ms": "77" },
      partitions: Array.from({ length: partitions }, (_, partition) => ({
        partition,
        leader,
        leaderEpoch,
        partitionEpoch: 3 + leaderEpoch,
        replicas: [
          { brokerId: 1, generation: 0 },
          { brokerId: 2, generation: 5 },
        ],
        inSync: [1],
      })),
    });
  }

  async metadata(names: readonly string[] | null): Promise<ClusterMetadata> {
    this.controllerCalls += 1;
    if (this.controllerFails !== null) throw this.controllerFails;
    const found = [...this.topics.values()].filter(({ topic }) => names?.includes(topic) ?? true);
    const broker = { rack: "", state: "active", brokerEpoch: 0 } as const;
    return {
      ok: true,
      version: this.version,
      brokers: [
        { ...broker, brokerId: 1, locationHint: "weur" },
        { ...broker, brokerId: 2, locationHint: "" },
      ],
      topics: found,
    };
  }

  async createTopic(spec: { topic: string }): Promise<unknown> {
    this.creations.push(spec.topic);
    if (this.topics.has(spec.topic)) return refuse("TOPIC_ALREADY_EXISTS");
    this.set(spec.topic, id("9"));
    return { ok: true, topic: this.topics.get(spec.topic) };
  }

  async describePartitions(topicId: string, asked: readonly number[]): Promise<PartitionsAnswer> {
    this.controllerCalls += 1;
    this.descriptions += 1;
    if (this.controllerFails !== null) throw this.controllerFails;
    const topic = [...this.topics.values()].find((one) => one.topicId === topicId)!;
    const partitions = asked.map((partition) => topic.partitions[partition]!);
    return { ok: true, partitions, ...(this.isConfirmed ? {} : { unconfirmed: asked }) };
  }

  async reportLeader(report: LeaderReport): Promise<PartitionAnswer> {
    this.controllerCalls += 1;
    this.reports.push(report);
    this.onReport();
    for (const { topicId, partitions } of this.topics.values()) {
      if (topicId === report.topicId) return { ok: true, partition: partitions[report.partition]! };
    }
    return refuse("UNKNOWN_TOPIC_OR_PARTITION");
  }

  env(variables: Readonly<Record<string, string>> = {}): Env {
    return {
      ...variables,
      CONTROLLER: { getByName: () => this },
      PARTITION: {
        idFromName: (name: string) => name,
        get: (name: string, options?: { locationHint?: string }) => {
          this.stubs += 1;
          this.hints.push(options?.locationHint);
          return { name, probe: () => this.call({ name }) };
        },
      },
    } as unknown as Env;
  }

  readonly call = async (stub: unknown): Promise<Answer | Refusal> => {
    const { name } = stub as { name: string };
    this.called.push(name);
    const step = this.script.shift() ?? { ok: true, from: name, partitionEpoch: 3 };
    if (step instanceof Error) throw step;
    if (step === "silence") return new Promise(() => {});
    return step;
  };
}

const failure = (fields: object): Error => Object.assign(new Error("the runtime's"), fields);
const reset = failure({ durableObjectReset: true });
const errorOf = (answer: Answer | Refusal): ErrorName | "none" =>
  answer.ok ? "none" : answer.error;

let cluster: FakeCluster;
let service: Service;

async function known(topic = "t"): Promise<KnownTopic> {
  const found = await topicMetadata(service, topic);
  if (!found.ok) throw new Error(found.message);
  return found;
}

const APPEND: PartitionOptions = { repeatable: false, deadlineMs: 5_000 };
const READ: PartitionOptions = { repeatable: true, deadlineMs: 5_000 };
const append = async (partition = 0) =>
  callPartition(service, await known(), partition, APPEND, cluster.call);
const read = async (partition = 0) =>
  callPartition(service, await known(), partition, READ, cluster.call);

/** Lets time go by until it is answered. */
async function inTime<T>(call: () => Promise<T>): Promise<T> {
  vi.useFakeTimers();
  const answered = call();
  await vi.runAllTimersAsync();
  vi.useRealTimers();
  return answered;
}

beforeEach(() => {
  vi.useRealTimers();
  forget("t");
  cluster = new FakeCluster();
  cluster.set("t", id("a"), 2);
  service = serviceOf(cluster.env());
});

describe("metadata", () => {
  it("is asked for once, and then costs no call", async () => {
    for (let i = 0; i < 10; i += 1) expect((await append()).ok).toBe(true);
    expect(cluster.controllerCalls).toBe(1);
    expect(cluster.stubs).toBe(10);
    expect(cluster.called[0]).toBe(`${id("a")}/0/1/0`);
    expect(cluster.hints[0]).toBe("weur");
  });

  it("brings the topic's settings with it, over those of the environment", async () => {
    service = serviceOf(cluster.env({ RETENTION_MS: "5", SEGMENT_MS: "6" }));
    const { config } = await known();
    expect([config["retention.ms"], config["segment.ms"]]).toEqual([77, 6]);
  });

  it("is asked for again after ten seconds, by one request and not by all", async () => {
    vi.useFakeTimers();
    const first = await known();
    vi.advanceTimersByTime(9_999);
    expect(cachedTopic(service, "t")).toBe(first);
    vi.advanceTimersByTime(1);
    expect(cachedTopic(service, "t")).toBeUndefined();
    const asking = topicMetadata(service, "t");
    // While the answer is on its way, the others go on with what is known.
    expect(cachedTopic(service, "t")).toBe(first);
    await asking;
    expect(cluster.controllerCalls).toBe(2);
  });

  it("outlives a controller that cannot be reached", async () => {
    vi.useFakeTimers();
    const first = await known();
    vi.advanceTimersByTime(10_000);
    cluster.controllerFails = reset;
    expect(await topicMetadata(service, "t")).toBe(first);
    forget("t");
    expect(await topicMetadata(service, "t")).toMatchObject({ error: "KAFKA_STORAGE_ERROR" });
  });

  it("is not replaced by an answer that is older than what is known", async () => {
    await known();
    const answers: (() => void)[] = [];
    const now = cluster.metadata.bind(cluster);
    cluster.metadata = async (names) => {
      const answer = await now(names);
      await new Promise<void>((resolve) => answers.push(resolve));
      return answer;
    };
    const slow = topicMetadata(service, "t", true);
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    cluster.set("t", id("b"), 4);
    const quick = topicMetadata(service, "t", true);
    await vi.waitFor(() => expect(answers).toHaveLength(2));
    answers[1]!();
    expect(await quick).toMatchObject({ metadata: { topicId: id("b") } });
    answers[0]!();
    expect(await slow).toMatchObject({ metadata: { topicId: id("b") } });
    expect((await known()).metadata.topicId).toBe(id("b"));
  });

  it("of an unknown topic is not kept: it may be created the next moment", async () => {
    expect(await topicMetadata(service, "new")).toMatchObject({ error: "UNKNOWN_TOPIC" });
    cluster.set("new", id("c"));
    expect(await topicMetadata(service, "new")).toMatchObject({ ok: true });
    forget("new");
  });

  it("of a name that cannot be is refused without a call", async () => {
    const answer = await topicMetadata(service, "a b");
    expect(answer).toMatchObject({ error: "INVALID_TOPIC_EXCEPTION" });
    expect(cluster.controllerCalls).toBe(0);
  });

  it("is bounded: the oldest topics leave", async () => {
    const names = Array.from({ length: 12 }, (_, i) => `big-${i}`);
    for (const name of names) {
      cluster.set(name, id("d"), 2_000);
      await topicMetadata(service, name);
    }
    expect(cachedTopic(service, "big-0")).toBeUndefined();
    expect(cachedTopic(service, "big-11")).toBeDefined();
    const kept = names.filter((name) => cachedTopic(service, name) !== undefined);
    expect(kept).toHaveLength(10);
    names.forEach(forget);
  });
});

describe("topicForProduce", () => {
  it("creates the topic only where the service is set to", async () => {
    expect(await topicForProduce(service, "auto")).toMatchObject({ error: "UNKNOWN_TOPIC" });
    expect(cluster.creations).toEqual([]);
    service = serviceOf(cluster.env({ AUTO_CREATE_TOPICS_ENABLE: "true" }));
    expect(await topicForProduce(service, "auto")).toMatchObject({ metadata: { topic: "auto" } });
    expect(await topicForProduce(service, "auto")).toMatchObject({ ok: true });
    expect(cluster.creations).toEqual(["auto"]);
    forget("auto");
    expect(await topicForProduce(service, "a b")).toMatchObject({
      error: "INVALID_TOPIC_EXCEPTION",
    });
    expect(cluster.creations).toEqual(["auto"]);
  });

  it("is content when another was first", async () => {
    service = serviceOf(cluster.env({ AUTO_CREATE_TOPICS_ENABLE: "true" }));
    const create = cluster.createTopic.bind(cluster);
    cluster.createTopic = async (spec) => {
      cluster.set(spec.topic, id("e"));
      return create(spec);
    };
    expect(await topicForProduce(service, "raced")).toMatchObject({
      metadata: { topicId: id("e") },
    });
    forget("raced");
  });
});

describe("a call that answers", () => {
  it("hands a refusal on as it is, without another try", async () => {
    for (const error of [
      "CORRUPT_MESSAGE",
      "THROTTLING_QUOTA_EXCEEDED",
      "OFFSET_OUT_OF_RANGE",
    ] as const) {
      cluster.script = [refuse(error, "exactly this")];
      expect(await append()).toEqual({ ok: false, error, message: "exactly this" });
    }
    expect(cluster.stubs).toBe(3);
    expect(cluster.controllerCalls).toBe(1);
  });

  it("makes the next request look again, when it knows a higher partition epoch", async () => {
    cluster.script = [{ ok: true, from: "x", partitionEpoch: 3 }];
    await append();
    await append();
    expect(cluster.controllerCalls).toBe(1);
    cluster.script = [{ ok: true, from: "x", partitionEpoch: 4 }];
    expect((await append()).ok).toBe(true);
    expect(cluster.controllerCalls).toBe(1);
    await append();
    expect(cluster.controllerCalls).toBe(2);
  });
});

describe("a call that meets old metadata", () => {
  const moved: ErrorName[] = [
    "NOT_LEADER_OR_FOLLOWER",
    "FENCED_LEADER_EPOCH",
    "UNKNOWN_LEADER_EPOCH",
    "LEADER_NOT_AVAILABLE",
    "REPLICA_NOT_AVAILABLE",
    "OFFSET_NOT_AVAILABLE",
    "UNKNOWN_TOPIC_OR_PARTITION",
  ];

  it("goes to the new leader, an append too, for nothing was done", async () => {
    for (const error of moved) {
      forget("t");
      cluster.set("t", id("a"), 2, 1);
      await known();
      cluster.set("t", id("a"), 2, 2);
      cluster.called = [];
      cluster.script = [refuse(error)];
      expect(await append(), error).toMatchObject({ ok: true, from: `${id("a")}/0/2/5` });
      expect(cluster.called).toEqual([`${id("a")}/0/1/0`, `${id("a")}/0/2/5`]);
      expect(cluster.hints.at(-1)).toBeUndefined();
    }
  });

  it("waits for an election, and then gives up", async () => {
    cluster.set("t", id("2"), 2);
    cluster.script = Array.from({ length: 20 }, () => refuse("NOT_LEADER_OR_FOLLOWER"));
    expect(errorOf(await inTime(append))).toBe("NOT_LEADER_OR_FOLLOWER");
    expect(cluster.called).toHaveLength(7);
    expect(cluster.controllerCalls).toBeLessThanOrEqual(8);
    // It refuses to lead though the controller has it lead: something is wrong with it.
    expect(cluster.reports.slice(0, 1)).toEqual([
      { topicId: id("2"), partition: 0, leaderEpoch: 0 },
    ]);

    forget("t");
    cluster.called = [];
    cluster.script = [refuse("REPLICA_NOT_AVAILABLE")];
    cluster.set("t", id("2"), 2, -1, 1);
    await known();
    const waiting = inTime(append);
    cluster.set("t", id("2"), 2, 2, 2);
    cluster.script = [refuse("NOT_LEADER_OR_FOLLOWER"), refuse("NOT_LEADER_OR_FOLLOWER")];
    expect(await waiting).toMatchObject({ ok: true, from: `${id("2")}/0/2/5` });
  });

  it("does not write again what has been written by a leader that was deposed then", async () => {
    await known();
    cluster.set("t", id("a"), 2, 2, 1);
    const written = { ...refuse("NOT_LEADER_OR_FOLLOWER"), written: true } as const;
    cluster.script = [written];
    const refused = (await append()) as Refusal;
    expect(refused.error).toBe("NOT_LEADER_OR_FOLLOWER");
    expect(refused.message).toContain("whether they stay is not known");
    expect(cluster.called).toHaveLength(1);
    cluster.script = [written];
    expect(await read()).toMatchObject({ ok: true, from: `${id("a")}/0/2/5` });
  });

  it("asks the controller once for all requests that meet it together", async () => {
    const stale = await known();
    cluster.set("t", id("a"), 2, 2, 1);
    cluster.controllerCalls = 0;
    cluster.script = Array.from({ length: 30 }, () => refuse("NOT_LEADER_OR_FOLLOWER"));
    const all = await inTime(() =>
      Promise.all(
        Array.from({ length: 30 }, () => callPartition(service, stale, 0, APPEND, cluster.call)),
      ),
    );
    expect(all.every((answer) => answer.ok)).toBe(true);
    expect(cluster.controllerCalls).toBe(1);
  });

  it("finds the partition of a topic that was created anew, or says that it is gone", async () => {
    await known();
    cluster.set("t", id("b"), 2);
    cluster.script = [refuse("UNKNOWN_TOPIC_OR_PARTITION")];
    expect(await append()).toMatchObject({ ok: true, from: `${id("b")}/0/1/0` });
    cluster.topics.delete("t");
    cluster.script = [refuse("UNKNOWN_TOPIC_OR_PARTITION")];
    // Real time could go by a little slower than the pause between two questions.
    expect(errorOf(await inTime(append))).toBe("UNKNOWN_TOPIC");
  });

  it("does not write where the partition was chosen by a count that no longer holds", async () => {
    await known();
    cluster.set("t", id("b"), 8);
    cluster.script = [refuse("UNKNOWN_TOPIC_OR_PARTITION")];
    expect(errorOf(await append())).toBe("LEADER_NOT_AVAILABLE");
    expect(cluster.called).toHaveLength(1);
  });

  it("takes a replica that does not know of its assignment for one that will", async () => {
    const script = Array.from({ length: 7 }, () => refuse("UNKNOWN_TOPIC_OR_PARTITION"));
    cluster.script = script.slice(0, 2);
    expect(await inTime(append)).toMatchObject({ ok: true });
    cluster.script = script;
    expect(errorOf(await inTime(append))).toBe("LEADER_NOT_AVAILABLE");
  });

  it("finds partitions that were added, and refuses those that do not exist", async () => {
    expect(errorOf(await append(5))).toBe("UNKNOWN_PARTITION");
    expect(cluster.stubs).toBe(0);
    cluster.set("t", id("a"), 8);
    expect((await append(5)).ok).toBe(true);
    for (const partition of [-1, 1.5, 2 ** 53]) {
      expect(errorOf(await append(partition))).toBe("UNKNOWN_PARTITION");
    }
  });

  it("says when there is no leader", async () => {
    cluster.set("t", id("a"), 2, -1);
    expect(errorOf(await inTime(append))).toBe("LEADER_NOT_AVAILABLE");
    expect(cluster.stubs).toBe(0);
  });

  it("goes on with the very topic only, where it is told to", async () => {
    const before = await known();
    cluster.set("t", id("b"), 2);
    cluster.script = [refuse("UNKNOWN_TOPIC_OR_PARTITION")];
    const options: PartitionOptions = { ...READ, sameTopic: true };
    const answer = await callPartition(service, before, 0, options, cluster.call);
    expect(errorOf(answer)).toBe("UNKNOWN_TOPIC");
  });
});

describe("a leader that does not answer", () => {
  const elect = (): void => cluster.set("t", id("4"), 2, 2, 1);
  const elected = { ok: true, from: `${id("4")}/0/2/5` };

  it("is reported with its epoch, and what is harmless goes to the one elected", async () => {
    cluster.set("t", id("4"), 2);
    cluster.onReport = elect;
    cluster.script = [reset, reset];
    expect(await read()).toMatchObject(elected);
    expect(cluster.reports).toEqual([{ topicId: id("4"), partition: 0, leaderEpoch: 0 }]);
    // What the report was answered with is what others go by: no other look-up.
    expect(cluster.controllerCalls).toBe(2);
    expect(await append()).toMatchObject(elected);
    expect(cluster.controllerCalls).toBe(2);
  });

  it("is reported by an append that may not be repeated, too", async () => {
    cluster.set("t", id("c"), 2);
    cluster.onReport = () => cluster.set("t", id("c"), 2, 2, 1);
    cluster.script = [reset];
    expect(errorOf(await append())).toBe("KAFKA_STORAGE_ERROR");
    expect(cluster.reports).toHaveLength(1);
    expect(await append()).toMatchObject({ from: `${id("c")}/0/2/5` });
  });

  it("or hangs, is given up after the deadline", async () => {
    cluster.set("t", id("d"), 2);
    cluster.script = ["silence"];
    const appended = await inTime(append);
    expect(appended).toMatchObject({ error: "REQUEST_TIMED_OUT" });
    expect((appended as Refusal).message).toContain("whether the request took effect is not known");
    cluster.set("t", id("e"), 2);
    forget("t");
    cluster.onReport = () => cluster.set("t", id("e"), 2, 2, 1);
    cluster.script = ["silence"];
    expect(await inTime(read)).toMatchObject({ ok: true, from: `${id("e")}/0/2/5` });
    expect(cluster.called).toHaveLength(3);
  });

  it("but answers the controller: the call has failed, and that is all", async () => {
    cluster.set("t", id("f"), 2);
    cluster.script = ["silence"];
    expect(errorOf(await inTime(read))).toBe("REQUEST_TIMED_OUT");
    expect(cluster.reports).toHaveLength(1);
    expect(cluster.called).toHaveLength(1);
  });

  it("is reported once a second, not by every request", async () => {
    cluster.set("t", id("1"), 2);
    let electing = true;
    vi.useFakeTimers();
    const before = await known();
    const fails = async (stub: unknown): Promise<Answer | Refusal> => {
      if (electing) throw reset;
      return cluster.call(stub);
    };
    const report = cluster.reportLeader.bind(cluster);
    cluster.reportLeader = async (asked) => {
      await new Promise((resolve) => {
        setTimeout(resolve, 300);
      });
      cluster.set("t", id("1"), 2, 2, 1);
      electing = false;
      return report(asked);
    };
    const all = Promise.all(
      Array.from({ length: 20 }, () => callPartition(service, before, 0, READ, fails)),
    );
    await vi.runAllTimersAsync();
    for (const answer of await all) expect(answer).toMatchObject({ from: `${id("1")}/0/2/5` });
    expect(cluster.reports).toHaveLength(1);
  });
});

describe("a call of one replica", () => {
  it("goes to its object, whoever leads, and is not made again", async () => {
    const topic = await known();
    const ask = (brokerId: number) => callReplica(service, topic, 0, brokerId, 1_000, cluster.call);
    expect(await ask(2)).toMatchObject({ from: `${id("a")}/0/2/5` });
    expect(errorOf(await ask(3))).toBe("REPLICA_NOT_AVAILABLE");
    cluster.script = [reset];
    expect(errorOf(await ask(2))).toBe("KAFKA_STORAGE_ERROR");
    cluster.script = ["silence"];
    expect(errorOf(await inTime(() => ask(2)))).toBe("REQUEST_TIMED_OUT");
    expect(cluster.called).toHaveLength(3);
    expect(cluster.reports).toEqual([]);
  });
});

describe("a call that throws", () => {
  it("is never repeated when the object is overloaded", async () => {
    for (const call of [append, read]) {
      cluster.script = [failure({ overloaded: true, retryable: true, durableObjectReset: true })];
      expect(errorOf(await call())).toBe("THROTTLING_QUOTA_EXCEEDED");
    }
    expect(cluster.called).toHaveLength(2);
  });

  it("is repeated on a new stub when that is harmless", async () => {
    for (const fields of [{ durableObjectReset: true }, { retryable: true }]) {
      cluster.stubs = 0;
      cluster.script = [failure(fields)];
      expect((await read()).ok).toBe(true);
      expect(cluster.stubs).toBe(2);
    }
    // An object that is reset again and again is given the time that an election is.
    cluster.script = Array.from({ length: 5 }, () => reset);
    expect((await inTime(read)).ok).toBe(true);
    cluster.script = Array.from({ length: 30 }, () => reset);
    expect(errorOf(await inTime(read))).toBe("KAFKA_STORAGE_ERROR");
    expect(cluster.script.length).toBeGreaterThan(10);
  });

  it("is not repeated when it may have been written, and says that this is not known", async () => {
    cluster.script = [reset];
    const answer = await append();
    expect(answer).toMatchObject({ error: "KAFKA_STORAGE_ERROR" });
    expect((answer as Refusal).message).toContain("whether the request took effect is not known");
    expect(cluster.called).toHaveLength(1);
  });

  it("of an object that cannot be constructed tells of its storage, and the leader is reported", async () => {
    const unopened = () => new Error("internal error; reference = 1i1k3i96sbmbgtjgai962a91");
    cluster.script = [unopened(), unopened()];
    const answer = await append();
    expect(answer).toMatchObject({ error: "STORAGE_LOST" });
    expect((answer as Refusal).message).not.toContain("reference");
    // The append, which is not made again, and a probe.
    expect(cluster.called).toHaveLength(2);
    // What the code of an object has thrown is something else, whatever it says.
    cluster.script = [Object.assign(unopened(), { remote: true })];
    expect(await inTime(read)).toMatchObject({ error: "UNKNOWN_SERVER_ERROR" });
  });

  it("of an object whose partition was never in use says nothing of a loss: its storage cannot be created", async () => {
    const unopened = () => new Error("internal error; reference = 1i1k3i96sbmbgtjgai962a91");
    cluster.isConfirmed = false;
    cluster.script = [unopened(), unopened(), unopened(), unopened()];
    const answer = await append(1);
    expect(answer).toMatchObject({ error: "KAFKA_STORAGE_ERROR" });
    expect((answer as Refusal).message).toContain("cannot be created");
    // Whoever comes within the next second does not ask the controller for that.
    const once = { ...READ, once: true } as const;
    const next = await callPartition(service, await known(), 1, once, cluster.call);
    expect(next).toMatchObject({ error: "KAFKA_STORAGE_ERROR" });
    expect(cluster.descriptions).toBe(1);
  });

  it("so where the controller cannot tell whether the partition was in use", async () => {
    const unopened = () => new Error("internal error; reference = 1i1k3i96sbmbgtjgai962a91");
    cluster.set("u", id("c"));
    const topic = await known("u");
    cluster.script = [unopened(), unopened()];
    cluster.controllerFails = reset;
    const answer = await callPartition(service, topic, 0, { ...READ, once: true }, cluster.call);
    expect(answer).toMatchObject({ error: "KAFKA_STORAGE_ERROR" });
  });

  it("so where a probe is answered: the storage is there, and could not be written", async () => {
    cluster.script = [new Error("internal error; reference = 1i1k3i96sbmbgtjgai962a91")];
    const answer = await append();
    expect(answer).toMatchObject({ error: "KAFKA_STORAGE_ERROR" });
    expect((answer as Refusal).message).toContain("whether the request took effect is not known");
  });

  it("is the service's failure otherwise, and shows nothing of the exception", async () => {
    cluster.script = [failure({ remote: true })];
    const answer = await inTime(read);
    expect(answer).toMatchObject({ error: "UNKNOWN_SERVER_ERROR" });
    expect((answer as Refusal).message).not.toContain("the runtime's");
    expect(cluster.called).toHaveLength(1);
  });
});
