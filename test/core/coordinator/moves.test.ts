/**
 * What an instance reads, delivers and commits while partitions move, are sought, or are assigned again: cases in which
 * another rule usually hides the fault.
 */
import { describe, expect, test } from "vitest";
import { deliver, GroupHarness, planned, positionsOf, sharing } from "../../support/group.ts";

const at = (partition: number) => ({ topic: "t", partition });
const offsetsAt = (offset: number, ...partitions: number[]) =>
  partitions.map((partition) => ({ ...at(partition), offset, leaderEpoch: -1, metadata: "" }));

/** A subscription without topics, as the object sends it to the leader. */
const SUBSCRIPTION = new Uint8Array([0, 1, 0, 0, 0, 0]);
/** Partition 2 of topic t. */
const PARTITION_2 = new Uint8Array([
  0, 1, 0, 0, 0, 1, 0, 1, 116, 0, 0, 0, 1, 0, 0, 0, 2, 255, 255, 255, 255,
]);

/** A client of Kafka's protocol joins the group of an instance, and leads; no member has an assignment yet. */
async function ledByAClient(h: GroupHarness, name: string, protocol: string) {
  const joining = h.join("", { protocols: [{ name: protocol, metadata: SUBSCRIPTION }] });
  await h.settle();
  await h.poll(name);
  const joined = await joining;
  if (!joined.ok) throw new Error(joined.error);
  expect(joined.leader).toBe(joined.memberId);
  const { memberId, generationId } = joined;
  const named = { memberId, generationId, groupInstanceId: null };
  const give = (assignment: Uint8Array) =>
    h.group.syncGroup({
      ...named,
      ...{ protocolType: "consumer", protocolName: protocol },
      assignments: [{ memberId: name, assignment }],
    });
  return { named, give };
}

describe("a position", () => {
  test("is what was committed rather than where the group began", async () => {
    const { h } = await sharing(1, {}, 1);
    const { generationId } = planned(await h.poll("c0"));
    const offsets = [{ ...at(0), offset: 5, topicId: "id-t" }];
    await h.group.resolve({ instanceId: "c0", generationId, offsets });
    await h.group.commitInstance({ instanceId: "c0", offsets: offsetsAt(9, 0) });
    h.restart();
    expect(positionsOf(planned(await h.poll("c0")))).toEqual([9]);
  });

  test("is where it was sought although an answer of before arrives", async () => {
    const { h } = await sharing(1, {}, 1);
    const { plan } = await deliver(h, "c0", 10);
    await h.group.seek("c0", [{ ...at(0), to: 3 }]);
    expect(positionsOf(planned(await h.poll("c0", plan.pollId)))).toEqual([3]);
  });

  test("is where it was sought while the partition is still to be given up", async () => {
    const { h } = await sharing(1);
    await h.polled("c0");
    await h.group.seek(
      "c0",
      [0, 1, 2, 3].map((partition) => ({ ...at(partition), to: 7 })),
    );
    await h.instance("c1", ["t"]);
    await h.poll("c0");
    await h.settle();
    expect(planned(await h.poll("c1")).partitions).toEqual([]);
    // By the time two of them are given up, no other member needs them.
    await h.group.closeInstance("c1");
    await h.polled("c0");
    h.restart();
    expect(positionsOf(planned(await h.poll("c0")))).toEqual([7, 7, 7, 7]);
  });

  test("ends with the ownership: whoever gets a partition back goes on from what is committed", async () => {
    const { h } = await sharing(1, { assignors: ["range"] }, 2);
    await deliver(h, "c0", 10);
    expect(positionsOf(planned(await h.poll("c0"))).toSorted()).toEqual([10, 10]);
    await h.instance("c1", ["t"], { assignors: ["range"] });
    const found = await h.polled("c0", "c1");
    const moved = found["c1"]![0] === "t-1" ? 1 : 0;
    await h.group.commitInstance({ instanceId: "c1", offsets: offsetsAt(20, moved) });
    await h.group.closeInstance("c1");
    await h.polled("c0");
    const { partitions } = planned(await h.poll("c0"));
    expect(partitions.find(({ partition }) => partition === moved)?.position).toBe(20);
  });
});

test("offsets of a group that has members do not expire", async () => {
  const h = new GroupHarness({ "offsets.retention.minutes": "1" });
  h.topic("t", 1);
  await h.instance("c0", ["t"]);
  await h.polled("c0");
  await h.group.commitInstance({ instanceId: "c0", offsets: offsetsAt(5, 0) });
  for (let passedMs = 0; passedMs < 180_000; passedMs += 5_000) {
    await h.pass(5_000);
    await h.poll("c0");
  }
  // A silent member's session is the next deadline.
  await h.instance("c1", ["t"]);
  await h.pass(5_000);
  await h.poll("c0");
  await h.pass(6_000);
  expect(await h.group.fetchOffsets([at(0)])).toMatchObject({ offsets: [{ offset: 5 }] });
});

describe("what is to be given up", () => {
  test("is given up with the next poll, also where a client of Kafka's protocol takes it", async () => {
    const { h } = await sharing(1);
    await h.polled("c0");
    const { named, give } = await ledByAClient(h, "c0", "cooperative-sticky");
    await give(PARTITION_2);
    expect(await h.group.heartbeat(named)).toEqual({ ok: true });
    // Three partitions have no owner now; they are assigned when the instance has given them up.
    await h.poll("c0");
    expect(await h.group.heartbeat(named)).toMatchObject({ error: "REBALANCE_IN_PROGRESS" });
  });

  test("was assigned: an object that wakes up meanwhile shares nothing anew for it", async () => {
    const { h } = await sharing(1);
    await h.polled("c0");
    await h.instance("c1", ["t"]);
    await h.poll("c0");
    await h.settle();
    const { generationId } = await h.group.describeGroup();
    h.restart();
    await h.poll("c1");
    await h.settle();
    expect(await h.group.describeGroup()).toMatchObject({ state: "Stable", generationId });
  });
});

describe("an answer", () => {
  test("with a partition that the instance has not any more is not given", async () => {
    const { h } = await sharing(0);
    await h.instance("c", []);
    await h.group.unsubscribe("c");
    const assign = (partition: number) =>
      h.group.assign("c", [{ ...at(partition), topicId: "id-t" }]);
    await assign(0);
    const { pollId, generationId } = planned(await h.poll("c"));
    await assign(1);
    const late = { instanceId: "c", pollId, generationId };
    expect(
      await h.group.deliver({ ...late, positions: [{ ...at(0), nextOffset: 5 }] }),
    ).toMatchObject({ error: "ILLEGAL_GENERATION" });
    expect(await h.group.deliver({ ...late, positions: [{ ...at(1), nextOffset: 5 }] })).toEqual({
      ok: true,
    });
  });

  test("is not given by an instance that has joined the next generation", async () => {
    const { h } = await sharing(2, { assignors: ["range"] });
    await h.polled("c0", "c1");
    const before = planned(await h.poll("c0"));
    await h.instance("c2", ["t"], { assignors: ["range"] });
    const joining = planned(await h.poll("c0"));
    expect(joining).toMatchObject({ isAssigned: false, generationId: before.generationId });
    const [first] = before.partitions;
    const positions = [{ ...first!, nextOffset: 5 }];
    const { pollId, generationId } = joining;
    expect(
      await h.group.deliver({ instanceId: "c0", pollId, generationId, positions }),
    ).toMatchObject({ error: "ILLEGAL_GENERATION" });
  });
});

test("an instance commits only when its generation has its assignments", async () => {
  const { h } = await sharing(1, { assignors: ["range"] });
  await h.polled("c0");
  await deliver(h, "c0", 10);
  const { give } = await ledByAClient(h, "c0", "range");
  expect((await h.group.describeGroup()).state).toBe("CompletingRebalance");
  const everything = { instanceId: "c0", offsets: null };
  expect(await h.group.commitInstance(everything)).toMatchObject({
    error: "REBALANCE_IN_PROGRESS",
  });
  await give(PARTITION_2);
  expect(await h.group.commitInstance(everything)).toMatchObject({ ok: true });
});
