/** Brokers are registered, fenced, unfenced and drained; the effects on partitions, and the rows they cost. */
import { describe, expect, test } from "vitest";
import { BROKERS_MAX } from "../../../src/base/limits.ts";
import { applyChange } from "../../../src/objects/controller/image/apply.ts";
import { FIRST_BROKERS } from "../../../src/objects/controller/brokers.ts";
import { emptyImage } from "../../../src/objects/controller/image/cluster.ts";
import { CALL_DEADLINE_MS } from "../../../src/objects/controller/delivery/deliveries.ts";
import { settleAll } from "../../../src/objects/controller/leaders/elections.ts";
import { DELIVERY_WAIT_MS_MAX } from "../../../src/objects/controller/decisions.ts";
import { ControllerHarness, settle } from "./harness.ts";

const stateOf = (harness: ControllerHarness, brokerId: number) =>
  harness.rules.metadata([]).brokers.find((broker) => broker.brokerId === brokerId);

async function change(
  harness: ControllerHarness,
  brokerId: number,
  action: "fence" | "unfence" | "drain",
): Promise<void> {
  expect((await harness.rules.changeBroker(brokerId, action)).ok).toBe(true);
}

describe("registering a broker", () => {
  test("gives it the next free id, and it gets replicas", async () => {
    const harness = new ControllerHarness();
    const answer = await harness.rules.registerBroker({ rack: "oc", locationHint: "oc" });
    expect(answer).toEqual({
      ok: true,
      broker: { brokerId: 4, rack: "oc", locationHint: "oc", brokerEpoch: 0, state: "active" },
    });
    harness.crash();
    const topic = await harness.topic("t", 4, 4);
    expect(topic.partitions.map(({ leader }) => leader).toSorted()).toEqual([1, 2, 3, 4]);
  });

  test("again alike confirms it and writes nothing; otherwise it is refused", async () => {
    const harness = new ControllerHarness();
    const spec = { brokerId: 7, rack: "r", locationHint: "" };
    const first = await harness.rules.registerBroker(spec);
    const { rowsWritten } = harness.storage;
    expect(await harness.rules.registerBroker(spec)).toEqual(first);
    for (const other of [{ rack: "s" }, { locationHint: "oc" }]) {
      expect(await harness.rules.registerBroker({ ...spec, ...other })).toMatchObject({
        error: "DUPLICATE_BROKER_REGISTRATION",
      });
    }
    expect(harness.storage.rowsWritten).toBe(rowsWritten);
  });

  test.each([
    { brokerId: -1, rack: "r", locationHint: "" },
    { brokerId: 1.5, rack: "r", locationHint: "" },
    { brokerId: 2 ** 31, rack: "r", locationHint: "" },
    { rack: "r".repeat(256), locationHint: "" },
    { rack: "r", locationHint: "moon" },
    { rack: 5 as unknown as string, locationHint: "" },
  ])("is refused for $brokerId $locationHint", async (spec) => {
    const harness = new ControllerHarness();
    expect(await harness.rules.registerBroker(spec)).toMatchObject({ error: "INVALID_REQUEST" });
    expect(harness.storage.rowsWritten).toBe(0);
  });

  test("ends at the bound of a cluster", async () => {
    const harness = new ControllerHarness();
    const register = () => harness.rules.registerBroker({ rack: "", locationHint: "" });
    for (let n = 3; n < BROKERS_MAX; n += 1) expect((await register()).ok).toBe(true);
    expect(await register()).toMatchObject({ error: "INVALID_REQUEST" });
  });
});

describe("fencing a broker", () => {
  test("moves its leaderships, takes it out of the in-sync sets, and tells every replica", async () => {
    const harness = new ControllerHarness();
    await harness.topic("t", 3, 3);
    await change(harness, 1, "fence");
    expect(stateOf(harness, 1)).toMatchObject({ state: "fenced", brokerEpoch: 1 });
    for (let partition = 0; partition < 3; partition += 1) {
      const state = harness.partition("t", partition);
      expect(state.inSync.toSorted()).toEqual([2, 3]);
      expect(state.leader).not.toBe(1);
      expect(state.leaderEpoch).toBe(partition === 0 ? 1 : 0);
    }
    // The next replica in the order of preference.
    const { replicas, leader } = harness.partition("t", 0);
    expect(leader).toBe(replicas[1]!.brokerId);
    for (const {
      partitionEpoch,
      partition,
      replicas: told,
    } of harness.replicas.assignments.values()) {
      expect(partitionEpoch).toBe(harness.partition("t", partition).partitionEpoch);
      expect(told.find(({ brokerId }) => brokerId === 1)?.fenced).toBe(true);
    }
    expect(harness.rules.describe()).toMatchObject({
      underReplicated: 3,
      offline: 0,
      pendingAssignments: 0,
      counts: { elections: 1, inSyncShrinks: 3, inSyncExpands: 0, uncleanElections: 0 },
    });
    expect(harness.alarm.atMs).toBeNull();
  });

  test("leaves a partition without a leader where no other replica is in sync, until it is back", async () => {
    const harness = new ControllerHarness();
    await harness.topic("t", 1, 1);
    await change(harness, 1, "fence");
    expect(harness.partition("t")).toMatchObject({ leader: -1, leaderEpoch: 1, inSync: [1] });
    expect(harness.rules.describe().offline).toBe(1);
    expect(harness.alarm.atMs).toBeNull();
    harness.crash();
    expect(harness.rules.describe().offline).toBe(1);
    await change(harness, 1, "unfence");
    expect(harness.partition("t")).toMatchObject({ leader: 1, leaderEpoch: 2, inSync: [1] });
    expect(harness.rules.describe()).toMatchObject({ offline: 0, counts: { elections: 1 } });
    expect(harness.replicas.assignments.get(harness.objectName("t", 1))).toMatchObject({
      leader: 1,
      leaderEpoch: 2,
    });
  });

  test("of one after the other keeps the last as the in-sync set: what it has decides", async () => {
    const harness = new ControllerHarness();
    await harness.topic("t", 1, 3);
    for (const brokerId of [1, 2, 3]) await change(harness, brokerId, "fence");
    expect(harness.partition("t")).toMatchObject({ leader: -1, inSync: [3] });
    for (const brokerId of [1, 2]) await change(harness, brokerId, "unfence");
    expect(harness.partition("t").leader).toBe(-1);
    await change(harness, 3, "unfence");
    expect(harness.partition("t")).toMatchObject({ leader: 3, inSync: [3] });
  });

  test("again, or of what does not exist, changes nothing", async () => {
    const harness = new ControllerHarness();
    await harness.topic("t", 1, 3);
    await change(harness, 1, "fence");
    const { version } = harness.rules.metadata([]);
    await change(harness, 1, "fence");
    expect(await harness.rules.changeBroker(9, "fence")).toMatchObject({
      error: "BROKER_NOT_FOUND",
    });
    expect(await harness.rules.changeBroker(1, "drain")).toMatchObject({ error: "ILLEGAL_STATE" });
    expect(harness.rules.metadata([]).version).toBe(version);
  });

  test("does not wait for a region that hangs, and new leaders are told meanwhile", async () => {
    const harness = new ControllerHarness();
    await harness.topic("t", 300, 3);
    harness.replicas.receive = (_, name) => (name.split("/")[2] === "1" ? "held" : "confirmed");
    const fenced = harness.rules.changeBroker(1, "fence");
    await settle();
    // No time has passed yet.
    for (let partition = 0; partition < 300; partition += 1) {
      const { leader, leaderEpoch } = harness.partition("t", partition);
      const told = harness.replicas.assignments.get(harness.objectName("t", leader, partition));
      expect(told).toMatchObject({ leader, leaderEpoch });
    }
    harness.advance(DELIVERY_WAIT_MS_MAX);
    expect((await fenced).ok).toBe(true);
    expect(harness.alarm.atMs! - harness.timers.nowMs).toBeLessThanOrEqual(3_000);
    harness.replicas.receive = () => "confirmed";
    harness.replicas.letGo();
    for (let n = 0; n < 100 && harness.alarm.atMs !== null; n += 1) {
      const fired = harness.fireAlarm();
      await settle();
      harness.advance(CALL_DEADLINE_MS);
      await fired;
      await settle();
    }
    expect(harness.rules.describe().pendingAssignments).toBe(0);
  });

  test("is completed after a crash in the middle of it", async () => {
    const harness = new ControllerHarness();
    // More partitions than one row can change.
    for (const name of ["a", "b", "c", "d"]) await harness.topic(name, 2_000, 2);
    let inserts = 0;
    harness.storage.beforeStatement = (sql) => {
      if (!sql.startsWith("INSERT INTO changes")) return;
      inserts += 1;
      if (inserts === 2) throw new Error("disk");
    };
    await expect(harness.rules.changeBroker(1, "fence")).rejects.toThrow("disk");
    const led = () =>
      harness.rules
        .metadata(null)
        .topics.flatMap(({ partitions }) => partitions)
        .filter(({ leader, inSync }) => leader === 1 || inSync.includes(1)).length;
    expect(led()).toBeGreaterThan(0);
    harness.crash();
    await harness.fireAlarm();
    expect(led()).toBe(0);
  }, 20_000);
});

describe("unfencing a broker", () => {
  test("tells all its peers, whose leaders then take it back in", async () => {
    const harness = new ControllerHarness();
    const { topicId } = await harness.topic("t", 1, 3);
    await change(harness, 1, "fence");
    await change(harness, 1, "unfence");
    const state = harness.partition("t");
    expect(state).toMatchObject({ leader: 2, inSync: [2, 3] });
    const told = [...harness.replicas.assignments.values()];
    expect(told.map(({ partitionEpoch }) => partitionEpoch)).toEqual([3, 3, 3]);
    expect(told.flatMap(({ replicas }) => replicas).some(({ fenced }) => fenced)).toBe(false);
    const { leaderEpoch, partitionEpoch } = state;
    const answer = await harness.rules.alterInSync({
      topicId,
      partition: 0,
      brokerId: 2,
      leaderEpoch,
      partitionEpoch,
      inSync: [2, 3, 1],
    });
    expect(answer.ok && answer.assignment).toMatchObject({ brokerId: 2, inSync: [2, 3, 1] });
    await settle();
    expect(harness.rules.describe()).toMatchObject({
      underReplicated: 0,
      pendingAssignments: 0,
      counts: { inSyncExpands: 1 },
    });
  });
});

describe("draining a broker", () => {
  test("moves its leaderships where another is in sync, and nothing else", async () => {
    const harness = new ControllerHarness();
    await harness.topic("t", 1, 3);
    await harness.topic("single", 3, 1);
    const alone = harness.rules
      .metadata(["single"])
      .topics[0]!.partitions.findIndex(({ leader }) => leader === 1);
    await change(harness, 1, "drain");
    expect(harness.partition("t")).toMatchObject({ leader: 2, leaderEpoch: 1, inSync: [1, 2, 3] });
    expect(harness.partition("single", alone)).toMatchObject({ leader: 1, leaderEpoch: 0 });
    const topic = await harness.topic("new", 4, 2);
    const used = topic.partitions.flatMap(({ replicas }) => replicas);
    expect(used.some(({ brokerId }) => brokerId === 1)).toBe(false);
    expect(await harness.rules.reassign("single", (alone + 1) % 3, [1])).toMatchObject({
      error: "INVALID_REPLICA_ASSIGNMENT",
    });
    expect(harness.rules.describe()).toMatchObject({ underReplicated: 0, offline: 0 });
  });

  test("moves a leadership also later, when another has come in sync", async () => {
    const harness = new ControllerHarness();
    const { topicId } = await harness.topic("t", 1, 2);
    const fence = (action: "fence" | "unfence") => change(harness, 2, action);
    await fence("fence");
    await change(harness, 1, "drain");
    await fence("unfence");
    const { leader, leaderEpoch, partitionEpoch } = harness.partition("t");
    expect(leader).toBe(1);
    const ask = { topicId, partition: 0, brokerId: 1, leaderEpoch, partitionEpoch };
    const answer = await harness.rules.alterInSync({ ...ask, inSync: [1, 2] });
    expect(answer.ok && answer.assignment).toMatchObject({ leader: 2, leaderEpoch: 1 });
  });
});

describe("rows written", () => {
  test("to fence a broker of a hundred partitions are three", async () => {
    const harness = new ControllerHarness();
    await harness.topic("t", 100, 3);
    const rows = () => harness.storage.rowsWritten + harness.alarm.sets;
    const before = rows();
    await change(harness, 1, "fence");
    // Rows of the decision, of its alarm, and of the confirmations.
    expect(rows() - before).toBe(3);
  });

  test("stay below the bound of a row, however large the cluster", () => {
    const image = emptyImage();
    for (const one of FIRST_BROKERS) applyChange(image, one, 0);
    for (let n = 0; n < 5; n += 1) {
      const partitions = Array.from({ length: 2_000 }, () => [1, 2, 3]);
      const topicId = n.toString(16).padStart(32, "0");
      const created = { topic: `t${n}`, topicId, configs: {}, partitions };
      applyChange(image, { type: "topic-created", ...created }, 0);
    }
    const fenced = { ...image.brokers.get(1)!, state: "fenced" } as const;
    const pieces = settleAll(image, new Map(image.brokers).set(1, fenced));
    expect(pieces).toHaveLength(3);
    for (const piece of pieces) {
      expect(JSON.stringify(piece).length).toBeLessThan(1_000_000);
      for (const one of piece) applyChange(image, one, 0);
    }
    for (const { partitions } of image.topics.values()) {
      for (const { leader, inSync } of partitions) {
        expect([leader, inSync]).toEqual([2, [2, 3]]);
      }
    }
  });
});
