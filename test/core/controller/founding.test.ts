/** Proves that partitions cost nothing until they are used, and are founded once, before anything is told to a replica. */
import { describe, expect, test } from "vitest";
import { TOPIC_PARTITIONS_MAX } from "../../../src/base/limits.ts";
import type { TopicMetadata } from "../../../src/objects/contracts/controller.ts";
import { ControllerHarness, settle } from "./harness.ts";

async function unfounded(
  harness: ControllerHarness,
  partitions: number,
  replicationFactor = 1,
): Promise<TopicMetadata> {
  const spec = { topic: "t", partitions, replicationFactor, atFirstUse: true } as const;
  const answer = await harness.rules.createTopic(spec);
  if (!answer.ok) throw new Error(answer.message);
  return answer.topic;
}

async function founded(harness: ControllerHarness, topicId: string, partitions: number[]) {
  const answer = await harness.rules.foundPartitions(topicId, partitions);
  if (!answer.ok) throw new Error(answer.message);
  // The followers' assignments go on behind the answer.
  await settle();
  return answer.partitions;
}

describe("a topic whose partitions nobody has used", () => {
  test(`is a decision, whatever its partitions: ${TOPIC_PARTITIONS_MAX} of them call no object`, async () => {
    const harness = new ControllerHarness();
    const { partitions } = await unfounded(harness, TOPIC_PARTITIONS_MAX, 3);
    expect(partitions.every((one) => one.unfounded)).toBe(true);
    expect(harness.replicas.calls).toBe(0);
    expect(harness.alarm.atMs).toBeNull();
    expect(harness.rules.describe()).toMatchObject({ pendingAssignments: 0, pendingPurges: 0 });
  });

  test("is so after a crash, and after a snapshot", async () => {
    const harness = new ControllerHarness({ ringRows: 2 });
    const { topicId } = await unfounded(harness, 3);
    await founded(harness, topicId, [1]);
    await harness.topic("other");
    harness.crash();
    const { topics } = harness.rules.metadata(["t"]);
    expect(topics[0]!.partitions.map((one) => one.unfounded)).toEqual([true, undefined, true]);
  });

  test("is altered and deleted without a call", async () => {
    const harness = new ControllerHarness();
    await unfounded(harness, 4, 3);
    const change = { name: "segment.ms", value: "9", operation: "SET" } as const;
    expect(await harness.rules.alterConfigs("t", [change])).toMatchObject({ ok: true });
    expect(await harness.rules.deleteTopic("t")).toMatchObject({ ok: true });
    expect(harness.replicas.calls).toBe(0);
    expect(harness.rules.describe()).toMatchObject({ pendingAssignments: 0, pendingPurges: 0 });
  });

  test("gets leaders as any other when brokers are fenced, without a call", async () => {
    const harness = new ControllerHarness();
    await unfounded(harness, 1, 3);
    const { leader } = harness.partition("t");
    await harness.rules.changeBroker(leader, "fence");
    const now = harness.partition("t");
    expect(now.leader).not.toBe(leader);
    expect(now).toMatchObject({ leaderEpoch: 1, unfounded: true });
    expect(harness.replicas.calls).toBe(0);
  });

  test("has all replicas in sync again when their broker is back, though no leader lets them join", async () => {
    const harness = new ControllerHarness();
    const { topicId } = await unfounded(harness, 1, 3);
    await harness.rules.changeBroker(1, "fence");
    expect(harness.partition("t").inSync.toSorted()).toEqual([2, 3]);
    await harness.rules.changeBroker(2, "fence");
    await harness.rules.changeBroker(3, "fence");
    expect(harness.partition("t").leader).toBe(-1);
    await harness.rules.changeBroker(1, "unfence");
    expect(harness.partition("t")).toMatchObject({ leader: 1, inSync: [1] });
    await harness.rules.changeBroker(2, "unfence");
    await harness.rules.changeBroker(3, "unfence");
    expect(harness.partition("t").inSync.toSorted()).toEqual([1, 2, 3]);
    expect(harness.replicas.calls).toBe(0);
    const [partition] = await founded(harness, topicId, [0]);
    expect(partition!.inSync.toSorted()).toEqual([1, 2, 3]);
  });

  test("grows by partitions that nobody has used", async () => {
    const harness = new ControllerHarness();
    await harness.topic("t", 1, 3);
    const { calls } = harness.replicas;
    expect(await harness.rules.createPartitions("t", 3, false, null, true)).toMatchObject({
      ok: true,
    });
    expect(harness.replicas.calls).toBe(calls);
    expect(harness.partition("t", 0)).not.toHaveProperty("unfounded");
    expect(harness.partition("t", 2)).toMatchObject({ unfounded: true });
  });
});

describe("the first use of a partition", () => {
  test("founds it and no other: its replicas are told that they may be empty", async () => {
    const harness = new ControllerHarness();
    const { topicId } = await unfounded(harness, 3, 3);
    const [partition] = await founded(harness, topicId, [1]);
    expect(partition).toEqual(harness.partition("t", 1));
    expect(partition).not.toHaveProperty("unfounded");
    const told = [...harness.replicas.assignments];
    expect(told.map(([name]) => name).sort()).toEqual(
      [1, 2, 3].map((brokerId) => harness.objectName("t", brokerId, 1)).sort(),
    );
    for (const [, { founding }] of told) expect(founding).toBe(true);
  });

  test("comes again and changes nothing", async () => {
    const harness = new ControllerHarness();
    const { topicId } = await unfounded(harness, 1);
    await founded(harness, topicId, [0, 0]);
    const { rowsWritten } = harness.storage;
    const { calls } = harness.replicas;
    const epoch = harness.partition("t").partitionEpoch;
    expect(await founded(harness, topicId, [0])).toMatchObject([{ partitionEpoch: epoch }]);
    expect(harness.storage.rowsWritten).toBe(rowsWritten);
    expect(harness.replicas.calls).toBe(calls);
    expect(calls).toBeGreaterThan(0);
  });

  test("counts as one once a replica has confirmed: until then the controller tells that there was none", async () => {
    const harness = new ControllerHarness();
    const { topicId } = await unfounded(harness, 2, 3);
    const described = () => harness.rules.describePartitions(topicId, [0, 1]);
    expect(await described()).toMatchObject({ unconfirmed: [0, 1] });
    harness.replicas.receive = () => "unopened";
    await founded(harness, topicId, [1]);
    harness.crash();
    expect(await described()).toMatchObject({ unconfirmed: [0, 1] });
    harness.replicas.receive = (_, name) => (name.includes("/1/2/") ? "confirmed" : "unopened");
    const round = harness.rules.onAlarm();
    await settle();
    // Known before it is recorded, and for ever.
    expect(await described()).toMatchObject({ unconfirmed: [0] });
    await round;
    harness.crash();
    expect(await described()).toMatchObject({ unconfirmed: [0] });
    harness.replicas.receive = () => "confirmed";
    await harness.fireAlarm();
    await founded(harness, topicId, [0]);
    expect(await described()).not.toHaveProperty("unconfirmed");
  });

  test("is recorded before a replica hears of it, and goes on after a crash", async () => {
    const harness = new ControllerHarness();
    const { topicId } = await unfounded(harness, 1, 3);
    const heard: (boolean | undefined)[] = [];
    harness.replicas.receive = () => {
      heard.push(harness.replayed().metadata(["t"]).topics[0]!.partitions[0]!.unfounded);
      return "lost";
    };
    await founded(harness, topicId, [0]);
    expect(new Set(heard)).toEqual(new Set([undefined]));
    harness.crash();
    harness.replicas.receive = () => "confirmed";
    await harness.fireAlarm();
    expect(harness.replicas.assignments.size).toBe(3);
    expect(harness.rules.describe().pendingAssignments).toBe(0);
  });

  test("by the report of somebody who does not know of it founds it", async () => {
    const harness = new ControllerHarness();
    const { topicId } = await unfounded(harness, 1, 3);
    const report = { topicId, partition: 0, leaderEpoch: 0 };
    expect(await harness.rules.reportLeader(report)).toMatchObject({
      ok: true,
      partition: { leaderEpoch: 0 },
    });
    await settle();
    expect(harness.replicas.assignments.size).toBe(3);
    expect(harness.partition("t")).not.toHaveProperty("unfounded");
  });

  test("is no matter of a move: it is one decision, and ends with it", async () => {
    const harness = new ControllerHarness();
    const { topicId } = await unfounded(harness, 2, 1);
    const from = harness.partition("t", 1).replicas[0]!.brokerId;
    const to = [1, 2, 3].filter((id) => id !== from);
    const moved = await harness.rules.reassign("t", 1, to);
    expect(moved).toMatchObject({ ok: true, partition: { inSync: to, unfounded: true } });
    const { adding, removing, leader, replicas } = harness.partition("t", 1);
    expect({ adding, removing, leader }).toEqual({ leader: to[0] });
    expect(replicas.map(({ brokerId }) => brokerId)).toEqual(to);
    expect(harness.rules.describe()).toMatchObject({ reassigning: 0, pendingAssignments: 0 });
    expect(harness.replicas.calls).toBe(0);
    harness.crash();
    await founded(harness, topicId, [1]);
    expect([...harness.replicas.assignments.keys()].every((name) => name.includes("/1/"))).toBe(
      true,
    );
    expect(harness.replicas.assignments.size).toBe(2);
  });

  test("is no matter of a move to brokers that keep the leader, or of one back and forth", async () => {
    const harness = new ControllerHarness();
    await unfounded(harness, 1, 1);
    const { leader, leaderEpoch } = harness.partition("t", 0);
    const other = leader === 1 ? 2 : 1;
    expect(await harness.rules.reassign("t", 0, [other, leader])).toMatchObject({ ok: true });
    expect(harness.partition("t", 0)).toMatchObject({
      leader,
      leaderEpoch,
      inSync: [other, leader],
    });
    for (const ids of [[other], [leader], [other]]) {
      expect(await harness.rules.reassign("t", 0, ids)).toMatchObject({
        ok: true,
        partition: { leader: ids[0], inSync: ids },
      });
    }
    expect(await harness.rules.reassign("t", 0, null)).toMatchObject({
      error: "NO_REASSIGNMENT_IN_PROGRESS",
    });
    expect(harness.replicas.calls).toBe(0);
  });

  test("is no matter of an election", async () => {
    const harness = new ControllerHarness();
    await unfounded(harness, 1, 3);
    const [preferred] = harness.partition("t", 0).replicas.map(({ brokerId }) => brokerId);
    const elect = (kind: "preferred" | "unclean") => harness.rules.electLeader("t", 0, kind);
    expect(await elect("preferred")).toMatchObject({ error: "ELECTION_NOT_NEEDED" });
    expect(await elect("unclean")).toMatchObject({ error: "ELECTION_NOT_NEEDED" });
    await harness.rules.changeBroker(preferred!, "fence");
    expect(await elect("preferred")).toMatchObject({ error: "PREFERRED_LEADER_NOT_AVAILABLE" });
    await harness.rules.changeBroker(preferred!, "unfence");
    expect(harness.partition("t", 0).leader).not.toBe(preferred);
    expect(await elect("preferred")).toMatchObject({ ok: true, partition: { leader: preferred } });
    for (const id of [1, 2, 3]) await harness.rules.changeBroker(id, "fence");
    expect(await elect("unclean")).toMatchObject({ error: "ELIGIBLE_LEADERS_NOT_AVAILABLE" });
    expect(harness.partition("t", 0)).toMatchObject({ unfounded: true });
    expect(harness.replicas.calls).toBe(0);
  });

  test("of what does not exist is refused, and founds nothing beside it", async () => {
    const harness = new ControllerHarness();
    const { topicId } = await unfounded(harness, 2);
    const { rowsWritten } = harness.storage;
    const { rules } = harness;
    expect(await rules.foundPartitions("no such id", [0])).toMatchObject({
      error: "UNKNOWN_TOPIC_ID",
    });
    for (const wrong of [-1, 2, 0.5]) {
      expect(await rules.foundPartitions(topicId, [0, wrong])).toMatchObject({
        error: "UNKNOWN_PARTITION",
      });
    }
    expect(harness.storage.rowsWritten).toBe(rowsWritten);
    expect(harness.replicas.calls).toBe(0);
  });

  test("is deleted with its topic: only what was founded is purged", async () => {
    const harness = new ControllerHarness();
    const { topicId } = await unfounded(harness, 5, 3);
    await founded(harness, topicId, [3]);
    await harness.rules.deleteTopic("t");
    expect(harness.replicas.purged.size).toBe(3);
    expect(harness.replicas.objects.size).toBe(0);
  });
});
