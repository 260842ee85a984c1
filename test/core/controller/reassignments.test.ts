/** Partitions move: new replicas are added first, and old ones are removed when the new ones are in sync. */
import { describe, expect, test } from "vitest";
import { ControllerHarness, settle } from "./harness.ts";

async function cluster() {
  const harness = new ControllerHarness();
  await harness.rules.registerBroker({ brokerId: 4, rack: "r", locationHint: "" });
  // The topic's replicas are on brokers 1 and 2.
  const { topicId } = await harness.topic("t", 1, 2);
  const move = (brokerIds: readonly number[] | null) => harness.rules.reassign("t", 0, brokerIds);
  const setInSync = async (...inSync: number[]) => {
    const { leader: brokerId, leaderEpoch, partitionEpoch } = harness.partition("t");
    const epochs = { leaderEpoch, partitionEpoch };
    const ask = { topicId, partition: 0, brokerId, ...epochs, inSync };
    const answer = await harness.rules.alterInSync(ask);
    await settle();
    return answer;
  };
  const places = () =>
    harness.partition("t").replicas.map(({ brokerId, generation }) => `${brokerId}.${generation}`);
  return { harness, topicId, move, setInSync, places };
}

describe("moving a partition", () => {
  test("adds replicas, and removes the others when those are in sync", async () => {
    const { harness, topicId, move, setInSync, places } = await cluster();
    expect(await move([3, 4])).toMatchObject({ ok: true, partition: { adding: [3, 4] } });
    expect(harness.partition("t")).toMatchObject({
      leader: 1,
      leaderEpoch: 0,
      inSync: [1, 2],
      adding: [3, 4],
      removing: [1, 2],
    });
    expect(places()).toEqual(["3.1", "4.1", "1.1", "2.1"]);
    expect(harness.rules.describe()).toMatchObject({ reassigning: 1, underReplicated: 1 });
    // New replicas may be empty.
    for (const id of [3, 4]) {
      expect(harness.replicas.objects.get(harness.objectName("t", id))?.wasReset).toBe(false);
    }
    harness.crash();
    await setInSync(1, 2, 3);
    expect(harness.partition("t").removing).toEqual([1, 2]);
    const answer = await setInSync(1, 2, 3, 4);
    // The leader that has proposed the set is among the removed.
    expect(answer).toMatchObject({ ok: false, error: "FENCED_LEADER_EPOCH" });
    const state = harness.partition("t");
    expect(state).toMatchObject({ leader: 3, leaderEpoch: 1, inSync: [3, 4] });
    expect([state.adding, state.removing]).toEqual([undefined, undefined]);
    expect(places()).toEqual(["3.1", "4.1"]);
    expect([...harness.replicas.purged]).toEqual([`${topicId}/0/1/1`, `${topicId}/0/2/1`]);
    expect([...harness.replicas.assignments.keys()]).toEqual([
      `${topicId}/0/3/1`,
      `${topicId}/0/4/1`,
    ]);
    expect(harness.rules.describe()).toMatchObject({
      reassigning: 0,
      underReplicated: 0,
      pendingPurges: 0,
      counts: { elections: 1, inSyncShrinks: 0 },
    });
  });

  test("keeps a leader that stays, and its epoch", async () => {
    const { harness, move, setInSync } = await cluster();
    await move([1, 3]);
    const answer = await setInSync(1, 2, 3);
    expect(answer.ok && answer.assignment).toMatchObject({
      brokerId: 1,
      leader: 1,
      leaderEpoch: 0,
      inSync: [1, 3],
    });
    expect(harness.partition("t").replicas.map(({ brokerId }) => brokerId)).toEqual([1, 3]);
  });

  test("back to a broker gives a new object, also after a crash and a snapshot", async () => {
    const { harness, move, setInSync, places } = await cluster();
    await move([1, 3]);
    await setInSync(1, 2, 3);
    // The old object's deletion is still under way when the partition comes back.
    harness.crash();
    for (let n = 0; n < 201; n += 1) {
      const change = { name: "segment.ms", value: `${n + 1}`, operation: "SET" } as const;
      await harness.rules.alterConfigs("t", [change], false);
    }
    harness.crash();
    await move([1, 2]);
    expect(places()).toEqual(["1.1", "2.2", "3.1"]);
    await setInSync(1, 2, 3);
    await move([3, 2]);
    expect(places()).toEqual(["3.2", "2.2", "1.1"]);
  });

  test("to fewer replicas that are in sync is done at once", async () => {
    const { harness, move, places } = await cluster();
    await move([2]);
    expect(harness.partition("t")).toMatchObject({ leader: 2, leaderEpoch: 1, inSync: [2] });
    expect(places()).toEqual(["2.1"]);
    expect(harness.replicas.purged.size).toBe(1);
  });

  test("to the same replicas only changes who is preferred", async () => {
    const { harness, move, places } = await cluster();
    await move([2, 1]);
    expect(places()).toEqual(["2.1", "1.1"]);
    expect(harness.partition("t")).toMatchObject({ leader: 1, leaderEpoch: 0, inSync: [1, 2] });
    expect(harness.rules.describe().reassigning).toBe(0);
    const { rowsWritten } = harness.storage;
    expect((await move([2, 1])).ok).toBe(true);
    expect(harness.storage.rowsWritten).toBe(rowsWritten);
    await harness.rules.electLeader("t", 0, "preferred");
    expect(harness.partition("t").leader).toBe(2);
  });

  test("elsewhere while it is moving goes there, and calling it off goes back to the beginning", async () => {
    const { harness, move, setInSync, places } = await cluster();
    await move([3]);
    await move([4]);
    expect(harness.partition("t")).toMatchObject({ adding: [3, 4], removing: [3, 1, 2] });
    await move(null);
    expect(places()).toEqual(["1.1", "2.1"]);
    await move([3]);
    expect(places()).toEqual(["3.2", "1.1", "2.1"]);
    await setInSync(1, 2, 3);
    expect(places()).toEqual(["3.2"]);
  });

  test("that is called off leaves nothing of itself behind, whoever led by then", async () => {
    const { harness, topicId, move, setInSync, places } = await cluster();
    expect(await move(null)).toMatchObject({ error: "NO_REASSIGNMENT_IN_PROGRESS" });
    await move([3, 4]);
    await setInSync(1, 2, 3);
    await harness.rules.electLeader("t", 0, "preferred");
    expect(harness.partition("t").leader).toBe(3);
    expect(await move(null)).toMatchObject({ ok: true });
    const state = harness.partition("t");
    expect(state).toMatchObject({ leader: 1, leaderEpoch: 2, inSync: [1, 2] });
    expect([state.adding, state.removing]).toEqual([undefined, undefined]);
    expect(places()).toEqual(["1.1", "2.1"]);
    expect([...harness.replicas.purged]).toEqual([`${topicId}/0/3/1`, `${topicId}/0/4/1`]);
    expect(harness.replicas.assignments.size).toBe(2);
  });

  test("cannot be called off where only the new replicas are in sync", async () => {
    const { harness, move, setInSync } = await cluster();
    await move([3, 4]);
    await setInSync(1, 3);
    await harness.rules.electLeader("t", 0, "preferred");
    await setInSync(3);
    expect(await move(null)).toMatchObject({ error: "INVALID_REPLICA_ASSIGNMENT" });
    expect(harness.partition("t")).toMatchObject({ leader: 3, inSync: [3] });
  });

  test("waits while a broker that it goes to is fenced", async () => {
    const { harness, move, setInSync, places } = await cluster();
    await move([1, 3]);
    await harness.rules.changeBroker(3, "fence");
    expect(await setInSync(1, 2, 3)).toMatchObject({ error: "INELIGIBLE_REPLICA" });
    expect(harness.partition("t").adding).toEqual([3]);
    await harness.rules.changeBroker(3, "unfence");
    await setInSync(1, 2, 3);
    expect(places()).toEqual(["1.1", "3.1"]);
  });

  test.each<[string, unknown]>([
    ["nobody", []],
    ["what is no list", "12"],
    ["a broker twice", [1, 1]],
    ["a broker that does not exist", [1, 9]],
    ["a fenced broker", [1, 3]],
    ["more replicas than a partition has", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
  ])("to %s is refused", async (_, brokerIds) => {
    const { harness, move } = await cluster();
    await harness.rules.changeBroker(3, "fence");
    const before = harness.partition("t");
    expect(await move(brokerIds as number[])).toMatchObject({
      ok: false,
      error: "INVALID_REPLICA_ASSIGNMENT",
    });
    expect(harness.partition("t")).toBe(before);
  });

  test("of what does not exist is refused", async () => {
    const { harness } = await cluster();
    expect(await harness.rules.reassign("u", 0, [1])).toMatchObject({ error: "UNKNOWN_TOPIC" });
    expect(await harness.rules.reassign("t", 1, [1])).toMatchObject({ error: "UNKNOWN_PARTITION" });
  });

  test("does not make new partitions of the topic larger", async () => {
    const { harness, move } = await cluster();
    await move([3, 4]);
    const answer = await harness.rules.createPartitions("t", 2, false);
    expect(answer.ok && answer.topic.partitions[1]!.replicas).toHaveLength(2);
  });
});
