/** Topics are created, altered and deleted, and no refusal changes anything. */
import { describe, expect, test } from "vitest";
import type { ErrorName } from "../../../src/base/errors.ts";
import {
  CLUSTER_REPLICAS_MAX,
  TOPIC_PARTITIONS_MAX,
  TOPICS_MAX,
} from "../../../src/base/limits.ts";
import type { ConfigChange, TopicSpec } from "../../../src/objects/contracts/controller.ts";
import { FIRST_BROKERS } from "../../../src/objects/controller/brokers.ts";
import { applyChange } from "../../../src/objects/controller/image/apply.ts";
import { emptyImage } from "../../../src/objects/controller/image/cluster.ts";
import { decideCreateTopic } from "../../../src/objects/controller/topics/topics.ts";
import { effectiveConfig } from "../../../src/base/config.ts";
import { DECISIONS_PER_TURN } from "../../../src/objects/controller/turns.ts";
import { ControllerHarness } from "./harness.ts";

const set = (name: string, value: string | null): ConfigChange => ({
  name,
  value,
  operation: "SET",
});
const unset = (name: string): ConfigChange => ({ name, value: null, operation: "DELETE" });

/** Nothing was recorded, and no replica was called. */
async function expectRefused(
  harness: ControllerHarness,
  answer: Promise<{ readonly ok: boolean }>,
  error: ErrorName,
): Promise<void> {
  const { rowsWritten } = harness.storage;
  const { calls } = harness.replicas;
  const before = harness.rules.metadata(null);
  expect(await answer).toMatchObject({ ok: false, error });
  expect(harness.storage.rowsWritten).toBe(rowsWritten);
  expect(harness.replicas.calls).toBe(calls);
  expect(harness.rules.metadata(null)).toEqual(before);
}

describe("a new cluster", () => {
  test("has three brokers in three regions, and reading it writes nothing", () => {
    const harness = new ControllerHarness();
    const { brokers, topics, version } = harness.rules.metadata(null);
    expect(
      brokers.map(({ brokerId, rack, locationHint, state }) => [
        brokerId,
        rack,
        locationHint,
        state,
      ]),
    ).toEqual([
      [1, "weur", "weur", "active"],
      [2, "enam", "enam", "active"],
      [3, "apac", "apac", "active"],
    ]);
    expect({ topics, version }).toEqual({ topics: [], version: 0 });
    expect(harness.storage.all("SELECT name FROM sqlite_master")).toEqual([]);
  });
});

describe("creating a topic", () => {
  test("starts every partition led by its first replica, all in sync, at epoch 0", async () => {
    const harness = new ControllerHarness();
    const topic = await harness.topic("orders", 4, 3);
    expect(topic.partitions.map(({ leader }) => leader)).toEqual([1, 2, 3, 1]);
    for (const state of topic.partitions) {
      const ids = state.replicas.map(({ brokerId }) => brokerId);
      expect(new Set(ids)).toEqual(new Set([1, 2, 3]));
      expect(state).toMatchObject({
        leader: ids[0],
        leaderEpoch: 0,
        partitionEpoch: 0,
        inSync: ids,
      });
      expect(state.replicas.every(({ generation }) => generation === 1)).toBe(true);
    }
    expect(harness.rules.metadata(["orders", "nothing", "orders"]).topics).toEqual([topic]);
  });

  test("goes on with the rotation of leaders where the last placement ended", async () => {
    const harness = new ControllerHarness();
    const leaders: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      leaders.push((await harness.topic(`t${n}`)).partitions[0]!.leader);
      harness.crash();
    }
    expect(leaders).toEqual([1, 2, 3, 1]);
    await harness.rules.createPartitions("t0", 3, false);
    expect((await harness.topic("after")).partitions[0]!.leader).toBe(1);
  });

  test("takes what is not said from the service's settings", async () => {
    const settings = { "num.partitions": "5", "default.replication.factor": "1" };
    const harness = new ControllerHarness({}, settings);
    const answer = await harness.rules.createTopic({ topic: "t" });
    expect(answer.ok && answer.topic.partitions.map(({ replicas }) => replicas.length)).toEqual([
      1, 1, 1, 1, 1,
    ]);
  });

  test.each<[string, Omit<TopicSpec, "topic"> & { topic?: string }, ErrorName]>([
    ["an empty name", { topic: "" }, "INVALID_TOPIC_EXCEPTION"],
    ["a name of dots", { topic: ".." }, "INVALID_TOPIC_EXCEPTION"],
    ["a letter outside ASCII", { topic: "größe" }, "INVALID_TOPIC_EXCEPTION"],
    ["250 characters", { topic: "a".repeat(250) }, "INVALID_TOPIC_EXCEPTION"],
    ["a name that is there", { topic: "there.is_one" }, "TOPIC_ALREADY_EXISTS"],
    [
      "a name that differs in '.' and '_' only",
      { topic: "there_is.one" },
      "INVALID_TOPIC_EXCEPTION",
    ],
    ["no partitions", { partitions: 0 }, "INVALID_PARTITIONS"],
    ["a negative number of partitions", { partitions: -1 }, "INVALID_PARTITIONS"],
    ["half a partition", { partitions: 1.5 }, "INVALID_PARTITIONS"],
    ["too many partitions", { partitions: TOPIC_PARTITIONS_MAX + 1 }, "INVALID_PARTITIONS"],
    ["no replicas", { replicationFactor: 0 }, "INVALID_REPLICATION_FACTOR"],
    ["more replicas than brokers", { replicationFactor: 4 }, "INVALID_REPLICATION_FACTOR"],
    ["half a replica", { replicationFactor: 1.5 }, "INVALID_REPLICATION_FACTOR"],
    ["an unknown setting", { configs: { "no.such": "1" } }, "INVALID_CONFIG"],
    ["a name that every object has", { configs: { constructor: "1" } }, "INVALID_CONFIG"],
    ["a setting of the service", { configs: { "num.partitions": "1" } }, "INVALID_CONFIG"],
    ["a value out of bounds", { configs: { "retention.ms": "-2" } }, "INVALID_CONFIG"],
    [
      "one bad value of two",
      { configs: { "segment.ms": "5", "compression.type": "rar" } },
      "INVALID_CONFIG",
    ],
  ])("refuses %s", async (_, spec, error) => {
    const harness = new ControllerHarness();
    await harness.topic("there.is_one");
    await expectRefused(harness, harness.rules.createTopic({ topic: "t", ...spec }), error);
    await expectRefused(
      harness,
      harness.rules.createTopic({ topic: "t", ...spec, validateOnly: true }),
      error,
    );
  });

  test("takes the longest name and the most partitions", async () => {
    const harness = new ControllerHarness();
    const topic = await harness.topic("a".repeat(249), TOPIC_PARTITIONS_MAX, 3);
    expect(topic.partitions).toHaveLength(TOPIC_PARTITIONS_MAX);
  });

  test("to validate only answers what would be, and changes nothing", async () => {
    const harness = new ControllerHarness();
    const spec = { topic: "t", partitions: 2, configs: { "segment.ms": "5" } };
    const answer = await harness.rules.createTopic({ ...spec, validateOnly: true });
    expect(answer).toMatchObject({
      ok: true,
      topic: { topic: "t", configs: { "segment.ms": "5" } },
    });
    expect(harness.rules.metadata(null)).toMatchObject({ version: 0, topics: [] });
    expect(harness.replicas.calls).toBe(0);
  });

  test("keeps settings in one form, however they were written", async () => {
    const harness = new ControllerHarness();
    const configs = { "segment.ms": " 007 ", "retention.ms": "-1" };
    const answer = await harness.rules.createTopic({ topic: "t", configs });
    expect(answer.ok && Object.entries(answer.topic.configs)).toEqual([
      ["retention.ms", "-1"],
      ["segment.ms", "7"],
    ]);
  });

  test("again after a deletion gives a new id, so that old bytes are never met", async () => {
    const harness = new ControllerHarness();
    const before = await harness.topic("t");
    await harness.rules.deleteTopic("t");
    expect((await harness.topic("t")).topicId).not.toBe(before.topicId);
  });

  test("stops at the bounds of the cluster, deleted replicas that are still there included", () => {
    const image = emptyImage();
    const defaults = effectiveConfig({});
    for (const change of FIRST_BROKERS) applyChange(image, change, 0);
    const id = (n: number) => n.toString(16).padStart(32, "0");
    const create = (n: number, partitions: number) => {
      const spec = { topic: `t${n}`, partitions, replicationFactor: 1 };
      const decision = decideCreateTopic(image, spec, id(n), defaults);
      if (decision.ok) for (const change of decision.changes) applyChange(image, change, 0);
      return decision;
    };
    for (let n = 0; n < CLUSTER_REPLICAS_MAX / 2_000; n += 1)
      expect(create(n, 2_000).ok).toBe(true);
    expect(create(10_000, 1)).toMatchObject({ ok: false, error: "INVALID_PARTITIONS" });
    applyChange(image, { type: "topic-deleted", topicId: id(0) }, 0);
    expect(create(10_000, 1)).toMatchObject({ ok: false, error: "INVALID_PARTITIONS" });
    applyChange(image, { type: "replicas-purged", topicId: id(0), missing: [] }, 0);
    expect(create(10_000, 2_000).ok).toBe(true);

    const small = emptyImage();
    for (const change of FIRST_BROKERS) applyChange(small, change, 0);
    for (let n = 0; n < TOPICS_MAX; n += 1) {
      const created = { topic: `t${n}`, topicId: id(n), configs: {}, partitions: [[1]] };
      applyChange(small, { type: "topic-created", ...created }, 0);
    }
    const one = { topic: "one-more", partitions: 1 };
    expect(decideCreateTopic(small, one, id(TOPICS_MAX), defaults)).toMatchObject({
      ok: false,
      error: "INVALID_REQUEST",
    });
  });
});

describe("more partitions", () => {
  test("are added behind those that are there, which stay as they are", async () => {
    const harness = new ControllerHarness();
    const before = await harness.topic("t", 2, 2);
    await harness.topic("other");
    const answer = await harness.rules.createPartitions("t", 5, false);
    if (!answer.ok) throw new Error(answer.message);
    expect(answer.topic.partitions.slice(0, 2)).toEqual(before.partitions);
    expect(answer.topic.partitions.map(({ partition }) => partition)).toEqual([0, 1, 2, 3, 4]);
    expect(answer.topic.partitions.every(({ replicas }) => replicas.length === 2)).toBe(true);
    expect(new Set(answer.topic.partitions.slice(0, 3).map(({ leader }) => leader)).size).toBe(3);
    expect(harness.rules.metadata(["t"]).topics).toEqual([answer.topic]);
  });

  test.each<[string, number, ErrorName]>([
    ["fewer", 2, "INVALID_PARTITIONS"],
    ["as many", 3, "INVALID_PARTITIONS"],
    ["too many", TOPIC_PARTITIONS_MAX + 1, "INVALID_PARTITIONS"],
    ["none", 0, "INVALID_PARTITIONS"],
    ["not a whole number", 3.5, "INVALID_PARTITIONS"],
  ])("are refused when %s", async (_, count, error) => {
    const harness = new ControllerHarness();
    await harness.topic("t", 3);
    await expectRefused(harness, harness.rules.createPartitions("t", count, false), error);
    await expectRefused(harness, harness.rules.createPartitions("u", 4, false), "UNKNOWN_TOPIC");
  });

  test("to validate only change nothing", async () => {
    const harness = new ControllerHarness();
    const topic = await harness.topic("t");
    const answer = await harness.rules.createPartitions("t", 3, true);
    expect(answer.ok && answer.topic.partitions).toHaveLength(3);
    expect(harness.rules.metadata(["t"]).topics).toEqual([topic]);
  });
});

describe("altering settings", () => {
  test("sets and deletes, and raises the epoch of every partition", async () => {
    const harness = new ControllerHarness();
    await harness.topic("t", 2);
    await harness.rules.alterConfigs(
      "t",
      [set("segment.ms", "9"), set("retention.ms", "1")],
      false,
    );
    const answer = await harness.rules.alterConfigs(
      "t",
      [unset("segment.ms"), set("compression.type", "zstd"), unset("segment.bytes")],
      false,
    );
    if (!answer.ok) throw new Error(answer.message);
    expect(answer.topic.configs).toEqual({ "retention.ms": "1", "compression.type": "zstd" });
    expect(
      answer.topic.partitions.map((state) => [state.partitionEpoch, state.leaderEpoch]),
    ).toEqual([
      [2, 0],
      [2, 0],
    ]);
    for (const { configs, partitionEpoch } of harness.replicas.assignments.values()) {
      expect({ configs, partitionEpoch }).toEqual({
        configs: answer.topic.configs,
        partitionEpoch: 2,
      });
    }
  });

  test("appends to lists and subtracts from them, from the default on (KIP-339)", async () => {
    const harness = new ControllerHarness();
    await harness.topic("t");
    const alter = async (operation: "APPEND" | "SUBTRACT", value: string): Promise<unknown> => {
      const change = { name: "cleanup.policy", value, operation };
      const answer = await harness.rules.alterConfigs("t", [change], false);
      return answer.ok && answer.topic.configs["cleanup.policy"];
    };
    expect(await alter("APPEND", "compact")).toBe("delete,compact");
    expect(await alter("APPEND", "compact")).toBe("delete,compact");
    expect(await alter("SUBTRACT", "delete")).toBe("compact");
    expect(await alter("SUBTRACT", "delete,compact")).toBe("");
  });

  test("of a broker outlive the instance, and are reset", async () => {
    const harness = new ControllerHarness();
    const name = "follower.replication.throttled.rate";
    harness.rules.alterBrokerConfigs(2, [set(name, "5")], false);
    harness.rules.alterBrokerConfigs(2, [set(name, "6")], true);
    harness.crash();
    const ofBrokers = () => harness.rules.metadata([]).brokers.map(({ configs }) => configs);
    expect(ofBrokers()).toEqual([undefined, { [name]: "5" }, undefined]);
    harness.rules.alterBrokerConfigs(2, [unset(name)], false);
    expect(ofBrokers()).toEqual([undefined, {}, undefined]);
    expect(harness.rules.alterBrokerConfigs(9, [], false)).toMatchObject({
      error: "BROKER_NOT_FOUND",
    });
    const ofTopics = harness.rules.alterBrokerConfigs(2, [set("retention.ms", "5")], false);
    expect(ofTopics).toMatchObject({ error: "INVALID_CONFIG" });
  });

  test("keep the text of what is larger than a number holds exactly", async () => {
    const harness = new ControllerHarness();
    await harness.topic("t");
    const text = "9223372036854775807";
    const answer = await harness.rules.alterConfigs("t", [set("retention.ms", text)], false);
    expect(answer).toMatchObject({ ok: true, topic: { configs: { "retention.ms": text } } });
  });

  test("to what they are costs no row and no call", async () => {
    const harness = new ControllerHarness();
    await harness.topic("t");
    await harness.rules.alterConfigs("t", [set("segment.ms", "9")], false);
    const { rowsWritten } = harness.storage;
    const { calls } = harness.replicas;
    const answer = await harness.rules.alterConfigs(
      "t",
      [set("segment.ms", "09"), unset("retention.ms")],
      false,
    );
    expect(answer.ok && answer.topic.partitions[0]!.partitionEpoch).toBe(1);
    expect([harness.storage.rowsWritten, harness.replicas.calls]).toEqual([rowsWritten, calls]);
  });

  test.each<[string, ConfigChange[], ErrorName]>([
    ["an unknown setting", [set("no.such", "1")], "INVALID_CONFIG"],
    ["deleting an unknown setting", [unset("no.such")], "INVALID_CONFIG"],
    ["deleting what every object has", [unset("__proto__")], "INVALID_CONFIG"],
    ["a setting of the service", [set("num.partitions", "1")], "INVALID_CONFIG"],
    ["setting to nothing", [set("segment.ms", null)], "INVALID_CONFIG"],
    ["the second of two", [set("segment.ms", "5"), set("retention.ms", "x")], "INVALID_CONFIG"],
    ["a setting named twice", [set("segment.ms", "5"), unset("segment.ms")], "INVALID_REQUEST"],
    [
      "another operation",
      [{ name: "segment.ms", value: "5", operation: "ADD" as "SET" }],
      "INVALID_REQUEST",
    ],
    [
      "appending to what is no list",
      [{ ...set("segment.ms", "5"), operation: "APPEND" }],
      "INVALID_CONFIG",
    ],
    [
      "appending nothing",
      [{ ...set("cleanup.policy", null), operation: "APPEND" }],
      "INVALID_CONFIG",
    ],
    [
      "appending what is no element",
      [{ ...set("cleanup.policy", "x"), operation: "APPEND" }],
      "INVALID_CONFIG",
    ],
    ["what would be a lie", [set("remote.storage.enable", "true")], "INVALID_CONFIG"],
  ])("refuses %s, and then all of it", async (_, changes, error) => {
    const harness = new ControllerHarness();
    await harness.topic("t");
    await expectRefused(harness, harness.rules.alterConfigs("t", changes, false), error);
    await expectRefused(harness, harness.rules.alterConfigs("u", [], false), "UNKNOWN_TOPIC");
  });
});

describe("deleting a topic", () => {
  test("takes it out at once and ends the storage of each of its replicas", async () => {
    const harness = new ControllerHarness();
    await harness.topic("t", 2, 2);
    await harness.topic("kept");
    expect(await harness.rules.deleteTopic("t")).toMatchObject({ ok: true });
    expect(harness.rules.metadata(null).topics.map(({ topic }) => topic)).toEqual(["kept"]);
    expect(harness.replicas.purged.size).toBe(4);
    expect(harness.replicas.assignments.size).toBe(1);
    expect(harness.rules.describe()).toMatchObject({ topics: 1, partitions: 1, pendingPurges: 0 });
    await expectRefused(harness, harness.rules.deleteTopic("t"), "UNKNOWN_TOPIC");
  });
});

describe("topics that are created and deleted all at once", () => {
  test("are decided a few in each turn, in their order, so that other events are handled in between", async () => {
    const harness = new ControllerHarness();
    const decidedIn: number[] = [];
    harness.storage.beforeStatement = (sql) => {
      if (sql.startsWith("INSERT INTO changes")) decidedIn.push(harness.timers.turns);
    };
    const names = Array.from({ length: 5 * DECISIONS_PER_TURN }, (_, i) => `t${i}`);
    const { rules } = harness;
    const each = async (ask: (topic: string) => Promise<{ readonly ok: boolean }>) => {
      const answered: string[] = [];
      const answers = names.map(async (topic) => {
        expect(await ask(topic)).toMatchObject({ ok: true });
        answered.push(topic);
      });
      await Promise.all(answers);
      return answered;
    };
    const spec = { partitions: 4, replicationFactor: 3, atFirstUse: true } as const;
    expect(await each((topic) => rules.createTopic({ topic, ...spec }))).toEqual(names);
    expect(await each((topic) => rules.deleteTopic(topic))).toEqual(names);
    expect(decidedIn).toHaveLength(2 * names.length);
    const inTurns = Map.groupBy(decidedIn, (turn) => turn);
    expect(Math.max(...[...inTurns.values()].map((one) => one.length))).toBe(DECISIONS_PER_TURN);
  });

  test("keep one that is created afterwards waiting for no timer", async () => {
    const harness = new ControllerHarness();
    await harness.rules.createTopic({ topic: "a", atFirstUse: true });
    await new Promise(setImmediate);
    const { turns } = harness.timers;
    const created = harness.rules.createTopic({ topic: "b", atFirstUse: true });
    await Promise.resolve();
    // The timer that ends its own turn has been set, and it has not waited for one.
    expect(harness.timers.turns).toBe(turns + 1);
    expect(harness.rules.metadata(["b"]).topics).toHaveLength(1);
    await created;
  });
});
