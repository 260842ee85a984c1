/**
 * The controller's object on the platform's storage, alarms and calls, with the real partition objects, evicted between
 * requests.
 */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { replicaObjectName } from "../../src/base/ids.ts";
import type { TopicAnswer, TopicMetadata } from "../../src/objects/contracts/controller.ts";
import type { Controller } from "../../src/objects/controller/object.ts";
import { fillStorageFor } from "./full-storage.ts";
import { objectsEnv as env } from "./objects-env.ts";

/** The original, while a test replaces it. */
const { PARTITION } = env;

let controllers = 0;
let controller: DurableObjectStub<Controller>;

beforeEach(() => {
  controllers += 1;
  controller = env.CONTROLLER.getByName(`controller-${controllers}`);
});

const evict = () => evictDurableObject(controller);

function topicOf(answer: TopicAnswer): TopicMetadata {
  if (!answer.ok) throw new Error(answer.message);
  return answer.topic;
}

function replicasOf(topic: TopicMetadata) {
  return topic.partitions.flatMap(({ partition, replicas }) =>
    replicas.map((replica) =>
      PARTITION.getByName(replicaObjectName({ topicId: topic.topicId, partition, ...replica })),
    ),
  );
}

/** Tables in the database of each replica's object; none where its storage is deleted. */
function tablesOf(topic: TopicMetadata): Promise<number[]> {
  return Promise.all(
    replicasOf(topic).map((stub) =>
      runInDurableObject(stub, (_, state) => {
        const found = state.storage.sql.exec(
          "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '_cf_%'",
        );
        return found.toArray().length;
      }),
    ),
  );
}

const alarmOf = () => runInDurableObject(controller, (_, state) => state.storage.getAlarm());

/** All rows of the controller as text, to see whether anything was written. */
const rowsOf = () =>
  runInDurableObject(controller, (_, state) =>
    JSON.stringify(state.storage.sql.exec("SELECT * FROM changes").toArray()),
  );

async function counters() {
  const { rowsWritten, rowsRead } = await controller.describe();
  return { rowsWritten, rowsRead };
}

describe("the controller's object", () => {
  test("knows after every eviction what it knew before", async () => {
    const created = topicOf(
      await controller.createTopic({ topic: "orders", partitions: 2, replicationFactor: 3 }),
    );
    expect(created.partitions).toHaveLength(2);
    await evict();
    expect((await controller.metadata(["orders"])).topics).toEqual([created]);
    await evict();
    const grown = topicOf(await controller.createPartitions("orders", 4));
    await evict();
    expect((await controller.metadata(null)).topics).toEqual([grown]);
    const change = { name: "segment.ms", value: "5", operation: "SET" } as const;
    const altered = topicOf(await controller.alterConfigs("orders", [change]));
    await evict();
    expect((await controller.metadata(null)).topics).toEqual([altered]);
    expect(altered.configs).toEqual({ "segment.ms": "5" });
    for (const stub of replicasOf(altered)) {
      expect(await stub.describe()).toMatchObject({ ok: true, partitionEpoch: 1 });
    }
    expect(await controller.deleteTopic("orders")).toMatchObject({ ok: true });
    await evict();
    expect(await controller.metadata(null)).toMatchObject({ topics: [] });
    expect(await controller.describe()).toMatchObject({ topics: 0, pendingPurges: 0 });
  });

  test("answers refusals as values", async () => {
    expect(await controller.createTopic({ topic: ".." })).toMatchObject({
      ok: false,
      error: "INVALID_TOPIC_EXCEPTION",
    });
    expect(await controller.deleteTopic("t")).toMatchObject({ ok: false, error: "UNKNOWN_TOPIC" });
    expect(await controller.createPartitions("t", 2)).toMatchObject({
      ok: false,
      error: "UNKNOWN_TOPIC",
    });
    expect(await controller.alterConfigs("t", [])).toMatchObject({
      ok: false,
      error: "UNKNOWN_TOPIC",
    });
  });

  test("writes nothing when it is only read, or only asked to validate", async () => {
    await controller.metadata(null);
    const valid = await controller.createTopic({ topic: "t", validateOnly: true });
    expect(valid.ok).toBe(true);
    expect((await counters()).rowsWritten).toBe(0);
    const tables = await runInDurableObject(controller, (_, state) =>
      state.storage.sql
        .exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '_cf_%'")
        .toArray(),
    );
    expect(tables).toEqual([]);
  });

  test("hands out producer ids that no eviction repeats", async () => {
    const ids: number[] = [];
    for (let n = 0; n < 6; n += 1) {
      const identity = await controller.allocateProducerId();
      if (!identity.ok) throw new Error(identity.message);
      expect(identity.producerEpoch).toBe(0);
      ids.push(identity.producerId);
      if (n % 2 === 1) await evict();
    }
    expect(new Set(ids).size).toBe(6);
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  });

  test("answers a write that fails as a storage error, and has changed nothing", async () => {
    await controller.createTopic({ topic: "before" });
    const before = await controller.metadata(null);
    fillStorageFor("INSERT INTO changes");
    expect(await controller.createTopic({ topic: "t" })).toMatchObject({
      ok: false,
      error: "KAFKA_STORAGE_ERROR",
    });
    expect(await controller.metadata(null)).toEqual(before);
    vi.restoreAllMocks();
    expect((await controller.createTopic({ topic: "t" })).ok).toBe(true);
  });

  test("keeps a record over many rows and snapshots", async () => {
    await controller.createTopic({ topic: "wide", partitions: 20 });
    // Two decisions each: the settings, and the replica's confirmation.
    await controller.createTopic({ topic: "busy" });
    for (let n = 1; n <= 150; n += 1) {
      await controller.alterConfigs("busy", [
        { name: "segment.ms", value: `${n}`, operation: "SET" },
      ]);
    }
    const { version } = await controller.metadata([]);
    expect(version).toBeGreaterThan(300);
    const kept = await runInDurableObject(
      controller,
      (_, state) =>
        state.storage.sql.exec<{ n: number }>("SELECT count(*) AS n FROM changes").one().n,
    );
    expect(kept).toBeLessThanOrEqual(256);
    await evict();
    const after = await controller.metadata(null);
    expect(after.version).toBe(version);
    const sizes = after.topics.map(({ topic, partitions }) => [topic, partitions.length]);
    expect(sizes).toEqual([
      ["wide", 20],
      ["busy", 1],
    ]);
    expect(after.topics[1]!.configs).toEqual({ "segment.ms": "150" });
  });
});

describe("brokers", () => {
  const describeAll = (topic: TopicMetadata) =>
    Promise.all(
      replicasOf(topic).map(async (stub) => {
        const answer = await stub.describe();
        return answer.ok ? answer : null;
      }),
    );
  const current = async (name: string): Promise<TopicMetadata> => {
    const [topic] = (await controller.metadata([name])).topics;
    if (!topic) throw new Error(`${name} does not exist`);
    return topic;
  };

  test("are registered for good, and placed on", async () => {
    const spec = { rack: "oc", locationHint: "oc" };
    const answer = await controller.registerBroker(spec);
    expect(answer).toMatchObject({ ok: true, broker: { brokerId: 4, state: "active" } });
    await evict();
    expect(await controller.registerBroker({ ...spec, brokerId: 4 })).toEqual(answer);
    const wide = topicOf(
      await controller.createTopic({ topic: "t", partitions: 1, replicationFactor: 4 }),
    );
    const held = await describeAll(wide);
    expect(held).toHaveLength(4);
    expect(held).not.toContain(null);
  });

  test("that are fenced lead nothing, in their replicas' eyes too, until they are back", async () => {
    await controller.createTopic({ topic: "t", partitions: 3, replicationFactor: 3 });
    expect(await controller.changeBroker(1, "fence")).toMatchObject({
      ok: true,
      broker: { state: "fenced", brokerEpoch: 1 },
    });
    await evict();
    const fenced = await current("t");
    for (const { leader, inSync } of fenced.partitions) {
      expect(leader).not.toBe(1);
      expect(inSync.toSorted()).toEqual([2, 3]);
    }
    const expected = fenced.partitions.flatMap(({ partitionEpoch, leader, replicas }) =>
      replicas.map(({ brokerId }) => ({
        partitionEpoch,
        role: brokerId === leader ? "leader" : "follower",
        fenced: brokerId === 1,
      })),
    );
    const seen = await describeAll(fenced);
    expect(seen.map((one) => one && [one.partitionEpoch, one.fenced])).toEqual(
      expected.map((one) => [one.partitionEpoch, one.fenced]),
    );
    expect(seen.filter((one) => one?.role === "leader")).toHaveLength(3);
    expect(await controller.describe()).toMatchObject({
      underReplicated: 3,
      pendingAssignments: 0,
      counts: { elections: 1, inSyncShrinks: 3 },
    });
    await controller.changeBroker(1, "unfence");
    const back = await describeAll(await current("t"));
    expect(back.some((one) => one?.fenced)).toBe(false);
    expect(await alarmOf()).toBeNull();
  });

  test("take replicas on and lose them again, and what is moved away holds no storage", async () => {
    const before = topicOf(
      await controller.createTopic({ topic: "t", partitions: 1, replicationFactor: 1 }),
    );
    const moved = await controller.reassign("t", 0, [2]);
    if (!moved.ok) throw new Error(moved.message);
    const { leader, leaderEpoch, partitionEpoch } = moved.partition;
    expect(moved.partition).toMatchObject({ leader: 1, adding: [2], removing: [1] });
    // The leader's proposal when the new replica has caught up.
    const answer = await controller.alterInSync({
      topicId: before.topicId,
      partition: 0,
      brokerId: leader,
      leaderEpoch,
      partitionEpoch,
      inSync: [1, 2],
    });
    expect(answer).toMatchObject({ ok: false, error: "FENCED_LEADER_EPOCH" });
    const after = await current("t");
    expect(after.partitions[0]).toMatchObject({ leader: 2, inSync: [2] });
    expect(after.partitions[0]!.replicas).toEqual([{ brokerId: 2, generation: 1 }]);
    await expect
      .poll(async () => (await controller.describe()).pendingPurges, { timeout: 60_000 })
      .toBe(0);
    expect(await tablesOf(before)).toEqual([0]);
  });
});

describe("rows as the platform bills them", () => {
  // On a busy machine a hundred replicas may take longer than one round; each further round is a row.
  test.each([
    [1, 3],
    [100, 6],
  ])(
    "for a topic of %i partitions are three to create and three to delete, at most %i where that takes rounds",
    async (partitions, rowsMax) => {
      await controller.createTopic({ topic: "warm-up" });
      const before = (await counters()).rowsWritten;
      await controller.createTopic({ topic: "t", partitions });
      const created = (await counters()).rowsWritten;
      expect(created - before).toBeGreaterThanOrEqual(3);
      expect(created - before).toBeLessThanOrEqual(rowsMax);
      await controller.deleteTopic("t");
      const deleted = (await counters()).rowsWritten - created;
      expect(deleted).toBeGreaterThanOrEqual(3);
      expect(deleted).toBeLessThanOrEqual(rowsMax);
    },
  );
});

describe("deliveries", () => {
  afterEach(() => give(PARTITION));

  /** Replaces the partition objects that the controller calls. */
  const give = (namespace: unknown) =>
    runInDurableObject(controller, (instance) => {
      (instance as unknown as { env: Record<string, unknown> }).env["PARTITION"] = namespace;
    });

  /** Objects that cannot be reached: each call fails as on the platform. */
  const unreachable = {
    getByName: () => {
      const call = async () => {
        throw Object.assign(new Error("Network connection lost."), { retryable: true });
      };
      return { assign: call, probe: call, purge: call };
    },
  };

  test("that fail are made by the alarm, after an eviction too, and end with it", async () => {
    await give(unreachable);
    const topic = topicOf(await controller.createTopic({ topic: "t", partitions: 3 }));
    expect(await controller.describe()).toMatchObject({ pendingAssignments: 3 });
    expect(await alarmOf()).not.toBeNull();
    expect(await tablesOf(topic)).toEqual([0, 0, 0]);
    expect(await runDurableObjectAlarm(controller)).toBe(true);
    expect(await controller.describe()).toMatchObject({ pendingAssignments: 3 });

    await give(PARTITION);
    await evict();
    expect(await runDurableObjectAlarm(controller)).toBe(true);
    expect(await controller.describe()).toMatchObject({ pendingAssignments: 0 });
    for (const stub of replicasOf(topic)) expect(await stub.describe()).toMatchObject({ ok: true });
    expect(await alarmOf()).toBeNull();
    expect(await runDurableObjectAlarm(controller)).toBe(false);
  });

  test("follow an election: a leader out of reach is replaced when it is reported", async () => {
    const topic = topicOf(
      await controller.createTopic({ topic: "t", partitions: 1, replicationFactor: 3 }),
    );
    await give({
      getByName: (name: string) => {
        if (name.split("/")[2] !== "1") return PARTITION.getByName(name);
        const { getByName } = unreachable;
        return getByName();
      },
    });
    const report = { topicId: topic.topicId, partition: 0, leaderEpoch: 0 };
    const answers = await Promise.all([
      controller.reportLeader(report),
      controller.reportLeader(report),
    ]);
    for (const answer of answers) {
      expect(answer).toMatchObject({
        ok: true,
        partition: { leader: 2, leaderEpoch: 1, inSync: [2, 3] },
      });
    }
    const leads = PARTITION.getByName(`${topic.topicId}/0/2/1`);
    expect(await leads.describe()).toMatchObject({ role: "leader", leaderEpoch: 1 });
    expect(await controller.describe()).toMatchObject({
      pendingAssignments: 1,
      counts: { elections: 1, failedProbes: 1 },
    });
    await give(PARTITION);
    expect(await runDurableObjectAlarm(controller)).toBe(true);
    expect(await controller.describe()).toMatchObject({ pendingAssignments: 0 });
    const [deposed] = replicasOf(topic);
    expect(await deposed!.describe()).toMatchObject({ role: "follower", leaderEpoch: 1 });
  });

  test("leave no alarm where all have arrived", async () => {
    await controller.createTopic({ topic: "t", partitions: 3 });
    expect(await alarmOf()).toBeNull();
  });

  test("end the storage of a deleted topic's replicas, whatever fails in between", async () => {
    const topic = topicOf(
      await controller.createTopic({ topic: "t", partitions: 2, replicationFactor: 2 }),
    );
    for (const tables of await tablesOf(topic)) expect(tables).toBeGreaterThan(0);
    await give(unreachable);
    expect(await controller.deleteTopic("t")).toMatchObject({ ok: true });
    expect(await controller.metadata(null)).toMatchObject({ topics: [] });
    expect(await controller.describe()).toMatchObject({ pendingPurges: 4 });
    await evict();

    await give(PARTITION);
    const again = topicOf(await controller.createTopic({ topic: "t" }));
    expect(again.topicId).not.toBe(topic.topicId);
    expect(await runDurableObjectAlarm(controller)).toBe(true);
    expect(await tablesOf(topic)).toEqual([0, 0, 0, 0]);
    expect(await controller.describe()).toMatchObject({ pendingPurges: 0, pendingAssignments: 0 });
    for (const stub of replicasOf(again)) expect(await stub.describe()).toMatchObject({ ok: true });
    expect(await alarmOf()).toBeNull();
  });

  test("of an assignment again change nothing in a replica that has it", async () => {
    const topic = topicOf(await controller.createTopic({ topic: "t" }));
    const [stub] = replicasOf(topic);
    const before = await stub!.describe();
    // The confirmation is lost with the instance: the next one sends the assignment again.
    await runInDurableObject(controller, (_, state) => {
      const last = state.storage.sql
        .exec<{ seq: number }>("SELECT max(seq) AS seq FROM changes")
        .one();
      state.storage.sql.exec("DELETE FROM changes WHERE seq = ?", last.seq);
      return state.storage.setAlarm(Date.now() + 60_000);
    });
    await evict();
    expect(await controller.describe()).toMatchObject({ pendingAssignments: 1 });
    const rows = await rowsOf();
    expect(await runDurableObjectAlarm(controller)).toBe(true);
    expect(await rowsOf()).not.toBe(rows);
    expect(await controller.describe()).toMatchObject({ pendingAssignments: 0 });
    const after = await stub!.describe();
    expect(before.ok && after.ok && after.rowsWritten - before.rowsWritten).toBe(0);
  });
});
