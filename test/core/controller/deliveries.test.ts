/** Decisions are delivered to replicas until they confirm, in any order and through crashes, and then no more. */
import { describe, expect, test } from "vitest";
import {
  CALL_DEADLINE_MS,
  CALLS_AT_ONCE,
  STORING_CALLS_AT_ONCE,
  CALLS_PER_ROUND,
  UNSURE_MS,
} from "../../../src/objects/controller/delivery/deliveries.ts";
import {
  REQUEST_ROUND_MS,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
} from "../../../src/objects/controller/decisions.ts";
import { ControllerHarness, settle } from "./harness.ts";

const SEGMENT_MS = [{ name: "segment.ms", value: "5", operation: "SET" }] as const;

const pending = (harness: ControllerHarness) => {
  const { pendingAssignments, pendingPurges } = harness.rules.describe();
  return { pendingAssignments, pendingPurges };
};
const NOTHING = { pendingAssignments: 0, pendingPurges: 0 };

describe("telling replicas", () => {
  test("comes before the reply, at the place of each broker, and leaves no alarm", async () => {
    const harness = new ControllerHarness();
    const topic = await harness.topic("t", 3, 2);
    expect(pending(harness)).toEqual(NOTHING);
    expect(harness.alarm.atMs).toBeNull();
    expect(harness.replicas.assignments.size).toBe(6);
    const [first] = topic.partitions;
    const { leader, inSync } = first!;
    expect(harness.replicas.assignments.get(`${topic.topicId}/0/${leader}/1`)).toEqual({
      topicId: topic.topicId,
      topic: "t",
      partition: 0,
      brokerId: leader,
      generation: 1,
      leader,
      leaderEpoch: 0,
      partitionEpoch: 0,
      replicas: inSync.map((brokerId) => ({
        brokerId,
        generation: 1,
        locationHint: ["", "weur", "enam", "apac"][brokerId],
        fenced: false,
      })),
      inSync,
      configs: {},
      founding: true,
    });
    const regions = ["", "weur", "enam", "apac"];
    for (const [name, hint] of harness.replicas.hints) {
      expect(hint).toBe(regions[Number(name.split("/")[2])]);
    }
  });

  test("goes on at the alarm where calls were lost, waiting longer each time, then stops", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = () => "lost";
    await harness.topic("t", 3);
    expect(pending(harness)).toEqual({ pendingAssignments: 3, pendingPurges: 0 });
    const delays: number[] = [];
    for (let n = 0; n < 12; n += 1) {
      // Each time in a new instance: the growing pauses do not rest on memory.
      delays.push(await harness.fireAlarm());
      harness.crash();
    }
    const min = RETRY_MS_MIN / 1_000;
    expect(delays.map((ms) => ms / 1_000)).toEqual(
      [1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600].map((n) => n * min),
    );
    expect(delays.at(-1)).toBe(RETRY_MS_MAX);
    harness.replicas.receive = () => "confirmed";
    await harness.fireAlarm();
    expect(pending(harness)).toEqual(NOTHING);
    expect(harness.replicas.assignments.size).toBe(3);
    expect(harness.alarm.atMs).toBeNull();
  });

  test("goes on where the alarm fires a moment before this object's clock says so", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = () => "lost";
    await harness.topic("t");
    harness.advance(RETRY_MS_MIN - 1);
    harness.alarm.atMs = null;
    await harness.rules.onAlarm();
    expect(harness.alarm.atMs).not.toBeNull();
  });

  test("calls again only those that have not confirmed", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = (_, name) => (name.endsWith("/1/2/1") ? "unheard" : "confirmed");
    await harness.topic("t", 4);
    expect(pending(harness).pendingAssignments).toBe(1);
    harness.crash();
    const { calls } = harness.replicas;
    harness.replicas.receive = () => "confirmed";
    await harness.fireAlarm();
    expect(harness.replicas.calls - calls).toBe(1);
    expect(pending(harness)).toEqual(NOTHING);
  });

  test("keeps to its bound of calls at once, over all requests", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = () => "held";
    const created = Promise.all([harness.topic("a", 300), harness.topic("b", 300)]);
    await settle();
    // Calls that create storage, which delays everything else on one machine.
    expect(harness.replicas.atOncePeak).toBe(STORING_CALLS_AT_ONCE);
    harness.replicas.receive = () => "confirmed";
    harness.replicas.letGo();
    await created;
    expect(harness.replicas.atOncePeak).toBe(STORING_CALLS_AT_ONCE);
    expect(harness.replicas.assignments.size).toBe(600);
    await Promise.all(
      ["a", "b"].map((name) => harness.rules.alterConfigs(name, [...SEGMENT_MS], false)),
    );
    expect(harness.replicas.atOncePeak).toBe(CALLS_AT_ONCE);
  });

  test("a topic is answered after the time it was given; its replicas are told all the same", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = () => "held";
    const spec = { topic: "t", partitions: 3, replicationFactor: 1, waitMs: 500 };
    const created = harness.rules.createTopic(spec);
    await settle();
    harness.timers.advance(500);
    expect(await created).toMatchObject({ ok: true, topic: { topic: "t" } });
    expect(pending(harness).pendingAssignments).toBe(3);
    harness.replicas.letGo();
    await settle();
    expect(pending(harness)).toEqual(NOTHING);
  });

  test("lets the thread look for other work between two that make storage", async () => {
    const harness = new ControllerHarness();
    const partitions = STORING_CALLS_AT_ONCE + 3;
    await harness.topic("a", partitions);
    // Each call after the first began in a timer's callback, so that other events are handled in between. One more
    // ends the turn of the decision.
    expect(harness.timers.turns).toBe(partitions + 1);
  });

  test("makes no more calls in one event than the platform allows, and the rest in the next", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = () => "lost";
    for (const name of ["a", "b"]) await harness.topic(name, 2_000, 3);
    harness.replicas.receive = () => "confirmed";
    const { calls } = harness.replicas;
    await harness.fireAlarm();
    expect(harness.replicas.calls - calls).toBe(CALLS_PER_ROUND);
    expect(pending(harness).pendingAssignments).toBe(12_000 - CALLS_PER_ROUND);
    await harness.fireAlarm();
    expect(pending(harness)).toEqual(NOTHING);
    expect(harness.alarm.atMs).toBeNull();
  });

  test("waited for at the leader only is one call of each replica", async () => {
    const harness = new ControllerHarness();
    const spec = { topic: "t", partitions: 1, replicationFactor: 3, atFirstUse: true } as const;
    const created = await harness.rules.createTopic(spec);
    if (!created.ok) throw new Error(created.message);
    await harness.rules.foundPartitions(created.topic.topicId, [0]);
    await settle();
    const names = [1, 2, 3].map((brokerId) => `assign ${harness.objectName("t", brokerId)}`);
    expect(harness.replicas.log.toSorted()).toEqual(names);
    // The leader is told last, so that its first push meets no replica without an assignment.
    const { leader } = harness.partition("t");
    expect(harness.replicas.log.at(-1)).toBe(`assign ${harness.objectName("t", leader)}`);
    expect(pending(harness)).toEqual(NOTHING);
  });

  test("by rounds that begin together is one call", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = () => "lost";
    await harness.topic("t");
    harness.replicas.receive = () => "confirmed";
    const { calls } = harness.replicas;
    await Promise.all([harness.rules.onAlarm(), harness.rules.onAlarm()]);
    expect(harness.replicas.log.slice(calls)).toEqual([
      `assign ${harness.objectName("t", harness.partition("t").leader)}`,
    ]);
    expect(pending(harness)).toEqual(NOTHING);
  });

  test("by rounds that have waited for the same call is one call after it", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = () => "held";
    const created = harness.topic("t");
    await settle();
    // Two decisions whose rounds wait for the first call; each carries the state of its moment.
    const altered = ["5", "6"].map((value) =>
      harness.rules.alterConfigs("t", [{ ...SEGMENT_MS[0], value }], false),
    );
    await settle();
    harness.replicas.receive = () => "confirmed";
    harness.replicas.letGo();
    await Promise.all([created, ...altered]);
    expect(harness.replicas.calls).toBe(2);
    expect([...harness.replicas.assignments.values()][0]).toMatchObject({ partitionEpoch: 2 });
    expect(pending(harness)).toEqual(NOTHING);
  });

  test("of an older state that is confirmed late does not pass for the newer one", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = () => "held";
    const created = harness.topic("t");
    await settle();
    const altered = harness.rules.alterConfigs("t", [...SEGMENT_MS], false);
    await settle();
    expect(harness.replicas.held).toHaveLength(1);
    harness.replicas.receive = () => "confirmed";
    harness.replicas.letGo();
    await created;
    expect((await altered).ok).toBe(true);
    expect(pending(harness)).toEqual(NOTHING);
    expect([...harness.replicas.assignments.values()][0]).toMatchObject({
      partitionEpoch: 1,
      configs: { "segment.ms": "5" },
    });
  });

  test("does not hold up the reply when a replica hangs; its late answer still counts", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = (_, name) => (name.endsWith("/1/2/1") ? "held" : "confirmed");
    const created = harness.topic("t", 3);
    await settle();
    harness.advance(CALL_DEADLINE_MS);
    await created;
    expect(pending(harness).pendingAssignments).toBe(1);
    harness.replicas.letGo();
    await settle();
    const { calls } = harness.replicas;
    await harness.fireAlarm();
    expect(pending(harness)).toEqual(NOTHING);
    expect(harness.replicas.calls).toBe(calls);
  });

  test("leaves the rest to the alarm when a whole region hangs", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = () => "held";
    let replied = false;
    const created = harness.topic("t", 1_500).then(() => (replied = true));
    for (let ms = 0; ms < REQUEST_ROUND_MS; ms += CALL_DEADLINE_MS) {
      await settle();
      expect(replied).toBe(false);
      harness.advance(CALL_DEADLINE_MS);
    }
    await created;
    expect(harness.replicas.calls).toBeLessThan(1_500);
    expect(pending(harness).pendingAssignments).toBe(1_500);
    expect(harness.alarm.atMs).not.toBeNull();
  });

  test("survives a crash between deciding and telling", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = () => "held";
    void harness.topic("t", 2);
    await settle();
    expect(harness.alarm.atMs).not.toBeNull();
    harness.crash();
    harness.replicas.receive = () => "confirmed";
    await harness.fireAlarm();
    expect(harness.replicas.assignments.size).toBe(2);
    expect(pending(harness)).toEqual(NOTHING);
  });

  test("is not done by an instance that was superseded", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = () => "lost";
    await harness.topic("t", 1, 2);
    const { rules } = harness;
    harness.crash();
    const before = harness.replicas.log.length;
    await rules.onAlarm().catch(() => undefined);
    expect(harness.replicas.log).toHaveLength(before);
  });

  test("brings the alarm forward for a new decision, however long the old ones have waited", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = () => "lost";
    await harness.topic("old");
    for (let n = 0; n < 12; n += 1) await harness.fireAlarm();
    expect(harness.alarm.atMs! - harness.timers.nowMs).toBe(RETRY_MS_MAX);
    await harness.rules.alterConfigs("old", [...SEGMENT_MS], false);
    expect(harness.alarm.atMs! - harness.timers.nowMs).toBe(RETRY_MS_MIN);
    await harness.fireAlarm();
    expect(harness.alarm.atMs! - harness.timers.nowMs).toBe(RETRY_MS_MIN);
  });
});

describe("ending replicas' storage", () => {
  test("is not forgotten, whatever crashes, and whatever became of the topic's name", async () => {
    const harness = new ControllerHarness();
    const before = await harness.topic("t", 3);
    harness.replicas.receive = (kind) => (kind === "purge" ? "lost" : "confirmed");
    expect(await harness.rules.deleteTopic("t")).toMatchObject({ ok: true });
    harness.crash();
    await harness.topic("t", 3);
    expect(pending(harness)).toEqual({ pendingAssignments: 0, pendingPurges: 3 });
    harness.replicas.receive = () => "confirmed";
    await harness.fireAlarm();
    expect(pending(harness)).toEqual(NOTHING);
    expect(harness.replicas.purged.size).toBe(3);
    for (const name of harness.replicas.purged) expect(name.startsWith(before.topicId)).toBe(true);
    expect(harness.replicas.assignments.size).toBe(3);
    expect(harness.alarm.atMs).toBeNull();
  });

  test("waits for an assignment that is under way, so that none arrives after it", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = (kind) => (kind === "assign" ? "held" : "confirmed");
    const created = harness.rules.createTopic({ topic: "t" });
    await settle();
    const deleted = harness.rules.deleteTopic("t");
    await settle();
    expect(harness.replicas.purged.size).toBe(0);
    harness.replicas.letGo();
    await Promise.all([created, deleted]);
    expect(harness.replicas.purged.size).toBe(1);
    expect(harness.replicas.assignments.size).toBe(0);
  });

  test("is repeated if an assignment may still have been on its way", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = (kind) => (kind === "assign" ? "held" : "confirmed");
    // The call ends with its instance.
    harness.rules.createTopic({ topic: "t" }).catch(() => {});
    await settle();
    harness.crash();
    await harness.rules.deleteTopic("t");
    expect(harness.replicas.purged.size).toBe(1);
    // The former instance's assignment arrives after the purge that this one has sent.
    harness.replicas.letGo();
    await settle();
    expect(harness.replicas.assignments.size).toBe(1);
    const deletedMs = harness.timers.nowMs;
    while (harness.alarm.atMs !== null) await harness.fireAlarm();
    expect(harness.timers.nowMs - deletedMs).toBeGreaterThanOrEqual(UNSURE_MS);
    expect(harness.replicas.assignments.size).toBe(0);
    expect(pending(harness)).toEqual(NOTHING);
  });

  test("comes after an assignment that never answers, but not at once", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = (kind) => (kind === "assign" ? "held" : "confirmed");
    void harness.rules.createTopic({ topic: "t" });
    await settle();
    const deletedMs = harness.timers.nowMs;
    const deleted = harness.rules.deleteTopic("t");
    for (let n = 0; n < 2; n += 1) {
      await settle();
      harness.advance(CALL_DEADLINE_MS);
    }
    await deleted;
    expect(harness.replicas.purged.size).toBe(0);
    while (harness.alarm.atMs !== null) {
      const fired = harness.fireAlarm();
      await settle();
      harness.advance(CALL_DEADLINE_MS);
      await fired;
    }
    expect(harness.replicas.purged.size).toBe(1);
    expect(harness.timers.nowMs - deletedMs).toBeGreaterThanOrEqual(UNSURE_MS);
  });
});

describe("rows written", () => {
  test.each([1, 1_000])(
    "for a topic of %i partitions are three, the alarm's included",
    async (partitions) => {
      const harness = new ControllerHarness();
      await harness.topic("warm-up");
      const rows = () => harness.storage.rowsWritten + harness.alarm.sets;
      const before = rows();
      await harness.topic("t", partitions);
      expect(rows() - before).toBe(3);
      const created = rows();
      await harness.rules.alterConfigs("t", [...SEGMENT_MS], false);
      expect(rows() - created).toBe(3);
      const altered = rows();
      await harness.rules.deleteTopic("t");
      expect(rows() - altered).toBe(3);
    },
  );

  test("for a thousand producer ids are one", () => {
    const harness = new ControllerHarness();
    for (let n = 0; n < 1_000; n += 1) harness.rules.allocateProducerId();
    expect(harness.storage.rowsWritten).toBe(1);
  });

  test("for metadata are none", async () => {
    const harness = new ControllerHarness();
    await harness.topic("t");
    harness.crash();
    const before = harness.storage.rowsWritten;
    harness.rules.metadata(null);
    expect([harness.storage.rowsWritten - before, harness.alarm.atMs]).toEqual([0, null]);
  });
});
