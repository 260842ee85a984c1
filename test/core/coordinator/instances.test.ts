/** HTTP instances: assignments, positions, commits, and answers that are lost. */
import { describe, expect, test } from "vitest";
import {
  deliver,
  GroupHarness,
  namesOf,
  planned,
  positionsOf,
  sharing,
  SPEC,
} from "../../support/group.ts";
import type { FetchedOffsets } from "../../../src/objects/contracts/offsets.ts";

describe.for(["range", "roundrobin", "sticky", "cooperative-sticky"])(
  "assigned by %s",
  (assignor) => {
    const settings = { assignors: [assignor] };

    test("two share four partitions, a third takes over fairly, and of five one is idle", async () => {
      const { h } = await sharing(2, settings);
      const two = await h.polled("c0", "c1");
      expect(Object.values(two).map(({ length }) => length)).toEqual([2, 2]);
      await h.instance("c2", ["t"], settings);
      const three = await h.polled("c0", "c1", "c2");
      expect(
        Object.values(three)
          .map(({ length }) => length)
          .toSorted(),
      ).toEqual([1, 1, 2]);
      await h.instance("c3", ["t"], settings);
      await h.instance("c4", ["t"], settings);
      const five = await h.polled("c0", "c1", "c2", "c3", "c4");
      expect(Object.values(five).flat().toSorted()).toEqual(["t-0", "t-1", "t-2", "t-3"]);
      expect(Object.values(five).filter(({ length }) => length === 0)).toHaveLength(1);
    });

    test("a silent one's partitions move within its session", async () => {
      const { h } = await sharing(2, settings);
      await h.polled("c0", "c1");
      await h.pass(9_000);
      await h.poll("c0");
      await h.pass(1_001);
      expect(await h.polled("c0")).toEqual({ c0: ["t-0", "t-1", "t-2", "t-3"] });
      expect(await h.poll("c1")).toMatchObject({ error: "UNKNOWN_MEMBER_ID" });
    });
  },
);

describe("cooperatively", () => {
  test("the others read on while somebody joins, and only what must move moves", async () => {
    const { h } = await sharing(1);
    await h.polled("c0");
    const before = planned(await h.poll("c0"));
    await h.instance("c1", ["t"]);
    const during = planned(await h.poll("c0"));
    await h.settle();
    expect(during.isAssigned).toBe(true);
    expect(before.partitions).toHaveLength(4);
    // The partitions that are to move have no owner until their former owner polls.
    const joining = planned(await h.poll("c1"));
    expect(joining).toMatchObject({ isAssigned: true, partitions: [] });
    const found = await h.polled("c0", "c1");
    expect(found["c0"]).toHaveLength(2);
    expect(found["c1"]).toHaveLength(2);
  });

  test("whoever was left less than it had is asked to poll again, for others wait for it", async () => {
    const { h } = await sharing(1);
    await h.polled("c0");
    await h.instance("c1", ["t"]);
    await h.poll("c0");
    await h.settle();
    const { generationId } = await h.group.describeGroup();
    const beat = { groupInstanceId: null, generationId };
    expect(await h.group.heartbeat({ memberId: "c0", ...beat })).toMatchObject({
      error: "REBALANCE_IN_PROGRESS",
    });
    expect(await h.group.heartbeat({ memberId: "c1", ...beat })).toEqual({ ok: true });
  });

  test("what an owner has not given up it may still commit, and nobody else has", async () => {
    const { h } = await sharing(1);
    await h.polled("c0");
    await h.instance("c1", ["t"]);
    await deliver(h, "c0", 7);
    await h.settle();
    expect(planned(await h.poll("c1")).partitions).toEqual([]);
    const offsets = [0, 1, 2, 3].map((partition) => ({
      ...{ topic: "t", partition, offset: 7, leaderEpoch: -1, metadata: "" },
    }));
    expect(await h.group.commitInstance({ instanceId: "c0", offsets })).toMatchObject({ ok: true });
    await h.polled("c0", "c1");
    expect(positionsOf(planned(await h.poll("c1")))).toEqual([7, 7]);
  });
});

describe("a position", () => {
  test("is asked for where there is none, and kept for the group", async () => {
    const { h } = await sharing(1, { offsetReset: "latest" }, 1);
    const plan = planned(await h.poll("c0"));
    expect(plan.partitions).toEqual([
      { topic: "t", topicId: "id-t", partition: 0, position: null, reset: "latest" },
    ]);
    const { generationId } = plan;
    const offsets = [{ topic: "t", partition: 0, offset: 5, topicId: "id-t" }];
    expect(await h.group.resolve({ instanceId: "c0", generationId, offsets })).toEqual({
      ok: true,
    });
    h.restart();
    expect(positionsOf(planned(await h.poll("c0")))).toEqual([5]);
  });

  test("moves when the next poll shows that the answer has arrived", async () => {
    const { h } = await sharing(1, {}, 1);
    const first = await deliver(h, "c0", 10);
    expect(first.answer).toEqual({ ok: true });
    const { pollId } = first.plan;
    // The answer to this poll is lost: the client still names the first answer.
    const second = await deliver(h, "c0", 20, pollId);
    expect(positionsOf(second.plan)).toEqual([10]);
    expect(positionsOf(planned(await h.poll("c0", pollId)))).toEqual([10]);
    const third = await deliver(h, "c0", 20, pollId);
    expect(positionsOf(planned(await h.poll("c0", third.plan.pollId)))).toEqual([20]);
  });

  test("moves with every poll of a plain client", async () => {
    const { h } = await sharing(1, {}, 1);
    await deliver(h, "c0", 10);
    expect(positionsOf(planned(await h.poll("c0")))).toEqual([10]);
  });

  test("moves when a commit shows that the answer has arrived", async () => {
    const { h } = await sharing(1, {}, 1);
    await deliver(h, "c0", 10, "");
    expect(await h.group.commitInstance({ instanceId: "c0", offsets: null })).toMatchObject({
      ok: true,
    });
    h.restart();
    expect(positionsOf(planned(await h.poll("c0", "")))).toEqual([10]);
  });

  test("does not move where a commit of everything, or the end, comes without the last answer", async () => {
    for (const end of ["commit", "close"] as const) {
      const { h } = await sharing(1, { autoCommit: true }, 1);
      const { plan } = await deliver(h, "c0", 10);
      await deliver(h, "c0", 20, plan.pollId);
      const by = { instanceId: "c0", received: plan.pollId };
      if (end === "commit") await h.group.commitInstance({ ...by, offsets: null });
      else await h.group.closeInstance("c0", plan.pollId);
      const { offsets } = (await h.group.fetchOffsets(null)) as FetchedOffsets;
      expect(offsets.map(({ offset }) => offset)).toEqual([10]);
    }
  });

  test("is where it was sought, through a restart", async () => {
    const { h } = await sharing(1, {}, 1);
    await h.poll("c0");
    expect(await h.group.seek("c0", [{ topic: "t", partition: 0, to: 3 }])).toEqual({ ok: true });
    expect(positionsOf(planned(await h.poll("c0")))).toEqual([3]);
    h.restart();
    expect(positionsOf(planned(await h.poll("c0")))).toEqual([3]);
    expect(await h.group.seek("c0", [{ topic: "u", partition: 0, to: 3 }])).toMatchObject({
      error: "ILLEGAL_STATE",
    });
  });

  test("of another topic of the name counts for nothing", async () => {
    const { h } = await sharing(1, {}, 1);
    await deliver(h, "c0", 10);
    await h.group.commitInstance({ instanceId: "c0", offsets: null });
    h.topic("t", 1, "id-later");
    await h.pass(5_001);
    await h.polled("c0");
    expect(positionsOf(planned(await h.poll("c0")))).toEqual([null]);
  });
});

describe("KAFKA-20035: with latest no first record is skipped", () => {
  test("of partitions added later, and of topics that match later", async () => {
    const h = new GroupHarness();
    h.topic("t1", 1);
    await h.group.createInstance({ ...SPEC, name: "c", offsetReset: "latest" });
    await h.group.subscribe("c", { by: "pattern", pattern: "t.*" });
    await h.polled("c");
    expect(planned(await h.poll("c")).partitions).toMatchObject([{ reset: "latest" }]);
    h.topic("t1", 2);
    h.topic("t2", 1);
    h.topic("other", 1);
    await h.pass(5_001);
    expect(await h.polled("c")).toEqual({ c: ["t1-0", "t1-1", "t2-0"] });
    const { partitions } = planned(await h.poll("c"));
    const resets = new Map(
      partitions.map(({ topic, partition, reset }) => [`${topic}-${partition}`, reset]),
    );
    expect(Object.fromEntries(resets)).toEqual({
      "t1-0": "latest",
      "t1-1": "earliest",
      "t2-0": "earliest",
    });
  });

  test("of a topic that is created after the subscription", async () => {
    const h = new GroupHarness();
    await h.instance("c", ["later"], { offsetReset: "latest" });
    await h.polled("c");
    h.topic("later", 1);
    await h.pass(5_001);
    expect(await h.polled("c")).toEqual({ c: ["later-0"] });
    expect(planned(await h.poll("c")).partitions).toMatchObject([{ reset: "earliest" }]);
  });
});

describe("commits", () => {
  const commit = (partition: number, offset: number) => [
    { topic: "t", partition, offset, leaderEpoch: -1, metadata: "" },
  ];

  test("of an old generation, or of a partition that is another's, are refused", async () => {
    const { h } = await sharing(2);
    const { c0 } = await h.polled("c0", "c1");
    const [own, other] = c0!.includes("t-0") ? [0, 3] : [3, 0];
    const { generationId } = planned(await h.poll("c0"));
    const by = { instanceId: "c0" };
    expect(
      await h.group.commitInstance({
        ...by,
        offsets: commit(own!, 1),
        generationId: generationId - 1,
      }),
    ).toMatchObject({ error: "ILLEGAL_GENERATION" });
    const stray = c0!.includes(`t-${other}`) ? 1 : other!;
    expect(await h.group.commitInstance({ ...by, offsets: commit(stray, 1) })).toMatchObject({
      error: "ILLEGAL_GENERATION",
    });
    expect(
      await h.group.commitInstance({ ...by, offsets: commit(own!, 1), generationId }),
    ).toMatchObject({ ok: true });
  });

  test("of a hundred partitions take one row", async () => {
    const { h } = await sharing(1, {}, 100);
    await h.poll("c0");
    const rows = h.storage.rowsWritten;
    const offsets = Array.from({ length: 100 }, (_, partition) => commit(partition, 5)).flat();
    await h.group.commitInstance({ instanceId: "c0", offsets });
    expect(h.storage.rowsWritten - rows).toBe(1);
  });

  test("polls write nothing", async () => {
    const { h } = await sharing(2);
    await h.polled("c0", "c1");
    const rows = h.storage.rowsWritten + h.alarm.sets;
    for (let offset = 1; offset < 50; offset++) await deliver(h, "c0", offset);
    expect(h.storage.rowsWritten + h.alarm.sets).toBe(rows);
  });

  test("are made automatically after the interval, and when the instance closes", async () => {
    const { h } = await sharing(1, { autoCommit: true }, 1);
    const committed = async () => {
      const answer = await h.group.fetchOffsets(null);
      return answer.ok ? answer.offsets.map(({ offset }) => offset) : [];
    };
    await deliver(h, "c0", 10);
    await deliver(h, "c0", 20);
    expect(await committed()).toEqual([]);
    await h.pass(5_000);
    await deliver(h, "c0", 30);
    expect(await committed()).toEqual([20]);
    await h.group.closeInstance("c0");
    expect(await committed()).toEqual([30]);
  });

  test("by nobody of the group only while it has no members", async () => {
    const { h } = await sharing(1);
    const request = { memberId: "", groupInstanceId: null, generationId: -1 };
    expect(await h.group.commitOffsets({ ...request, offsets: commit(0, 1) })).toMatchObject({
      error: "UNKNOWN_MEMBER_ID",
    });
    expect(await h.group.setOffsets(commit(0, 1))).toMatchObject({ error: "NON_EMPTY_GROUP" });
    await h.group.closeInstance("c0");
    await h.settle();
    expect(await h.group.commitOffsets({ ...request, offsets: commit(0, 1) })).toMatchObject({
      ok: true,
    });
    expect(await h.group.setOffsets(commit(0, 9))).toMatchObject({ ok: true });
    const answer = await h.group.fetchOffsets([{ topic: "t", partition: 0 }]);
    expect(answer).toMatchObject({ offsets: [{ offset: 9 }] });
  });

  test("with metadata that is too long are refused alone", async () => {
    const { h } = await sharing(0);
    const [good] = commit(0, 1);
    const bad = { ...good!, partition: 1, metadata: "ü".repeat(2_049) };
    expect(await h.group.setOffsets([good!, bad])).toMatchObject({
      errors: [null, "OFFSET_METADATA_TOO_LARGE"],
    });
  });

  test("expire with offsets.retention.minutes after the group is empty, and the group with them", async () => {
    const { h } = await sharing(1, {}, 1);
    await deliver(h, "c0", 10);
    await h.group.commitInstance({ instanceId: "c0", offsets: null });
    for (let day = 0; day < 8; day++) {
      for (let s = 0; s < 86_400_000; s += 9_000_000) {
        h.nowMs += 9_000_000;
        await h.poll("c0");
      }
    }
    await h.group.closeInstance("c0");
    await h.pass(7 * 86_400_000 - 1);
    expect(await h.group.fetchOffsets(null)).toMatchObject({ offsets: [{ offset: 10 }] });
    await h.pass(700_000);
    expect(await h.group.fetchOffsets(null)).toEqual({ ok: true, offsets: [] });
    expect(h.listed.size).toBe(0);
  });
});

describe("polls", () => {
  test("one that another has overtaken delivers nothing", async () => {
    const { h } = await sharing(1, {}, 1);
    const { pollId, generationId } = planned(await h.poll("c0"));
    await h.poll("c0");
    expect(
      await h.group.deliver({ instanceId: "c0", pollId, generationId, positions: [] }),
    ).toMatchObject({ error: "ILLEGAL_STATE" });
  });

  test("of a partition that has moved deliver nothing", async () => {
    const { h } = await sharing(1, { assignors: ["range"] });
    const { pollId, generationId, partitions } = planned(await h.poll("c0"));
    await h.instance("c1", ["t"], { assignors: ["range"] });
    await h.pass(10_001);
    const positions = partitions.map((at) => ({ ...at, nextOffset: 1 }));
    const late = await h.group.deliver({ instanceId: "c0", pollId, generationId, positions });
    expect(late).toMatchObject({ ok: false });
  });

  test("that were noted, and refused when the call was made once more, have answered nothing", async () => {
    const { h } = await sharing(2, { assignors: ["cooperative-sticky"] }, 2);
    await h.polled("c0", "c1");
    await h.group.subscribe("c1", { by: "topics", topics: ["t", "u"] });
    // c0 has joined the next generation and reads on until c1 has done so too.
    const { plan, answer } = await deliver(h, "c0", 10);
    expect(answer).toEqual({ ok: true });
    await h.polled("c1");
    const { pollId, generationId } = plan;
    const positions = plan.partitions.map((at) => ({ ...at, nextOffset: 10 }));
    expect(
      await h.group.deliver({ instanceId: "c0", pollId, generationId, positions }),
    ).toMatchObject({ error: "ILLEGAL_GENERATION" });
    expect(positionsOf(planned(await h.poll("c0")))).toEqual([null]);
  });

  test("with another format, or of nothing, are refused", async () => {
    const { h } = await sharing(1);
    expect(await h.group.poll({ instanceId: "c0", waitMs: 0, format: "binary" })).toMatchObject({
      error: "NOT_ACCEPTABLE",
    });
    await h.group.createInstance({ ...SPEC, name: "idle" });
    expect(await h.poll("idle")).toMatchObject({ error: "ILLEGAL_STATE" });
    expect(await h.poll("nobody")).toMatchObject({ error: "UNKNOWN_MEMBER_ID" });
  });

  test("take turns in whom they serve first", async () => {
    const { h } = await sharing(1);
    const firsts = new Set<string>();
    for (let i = 0; i < 4; i++)
      firsts.add(namesOf(planned(await h.poll("c0")).partitions.slice(0, 1))[0]!);
    expect(firsts.size).toBe(4);
  });

  test("wait for a rebalance as long as they say", async () => {
    const { h } = await sharing(1, { assignors: ["range"] });
    await h.polled("c0");
    await h.instance("c1", ["t"], { assignors: ["range"] });
    const waiting = h.group.poll({ instanceId: "c1", waitMs: 2_000 });
    expect(await h.outcome(waiting)).toBe("waiting");
    await h.poll("c0");
    await h.settle();
    expect(planned(await waiting).isAssigned).toBe(true);
  });
});

describe("instances", () => {
  test("assigned by hand are no members, and cannot subscribe as well", async () => {
    const h = new GroupHarness();
    h.topic("t", 2);
    await h.group.createInstance({ ...SPEC, name: "m" });
    const partitions = [{ topic: "t", partition: 1, topicId: "id-t" }];
    expect(await h.group.assign("m", partitions)).toEqual({ ok: true });
    expect(planned(await h.poll("m"))).toMatchObject({ generationId: -1, isAssigned: true });
    expect(await h.group.subscribe("m", { by: "topics", topics: ["t"] })).toMatchObject({
      error: "ALREADY_SUBSCRIBED",
    });
    expect(await h.group.describeGroup()).toMatchObject({ state: "Empty", looseInstances: 1 });
    expect(await h.group.unsubscribe("m")).toEqual({ ok: true });
    expect(await h.group.subscribe("m", { by: "topics", topics: ["t"] })).toEqual({ ok: true });
    expect(await h.group.assign("m", partitions)).toMatchObject({ error: "ALREADY_SUBSCRIBED" });
  });

  test("of one name are one", async () => {
    const { h } = await sharing(1);
    expect(await h.group.createInstance({ ...SPEC, name: "c0" })).toMatchObject({
      error: "INSTANCE_EXISTS",
    });
    await h.group.createInstance({ ...SPEC, name: "c1" });
    expect(await h.group.subscribe("c1", { by: "pattern", pattern: "(" })).toMatchObject({
      error: "INVALID_REQUEST",
    });
  });

  test("survive a restart between any two requests, in their generation", async () => {
    const { h } = await sharing(2);
    const before = await h.polled("c0", "c1");
    const { generationId } = planned(await h.poll("c0"));
    h.restart();
    await h.poll("c0");
    h.restart();
    const after = await h.polled("c0", "c1");
    expect(after).toEqual(before);
    expect(planned(await h.poll("c1")).generationId).toBe(generationId);
  });

  test("do not assign while the topics cannot be looked up, and do when they can", async () => {
    const h = new GroupHarness();
    h.topic("t", 1);
    const topics = h.topics;
    h.topics = null;
    await h.instance("c", ["t"]);
    expect(planned(await h.poll("c")).isAssigned).toBe(false);
    h.topics = topics;
    await h.pass(1_000);
    expect(planned(await h.poll("c")).isAssigned).toBe(true);
  });
});

describe("with members that bring their own protocol", () => {
  test("the leader assigns, and instances read what it gives them", async () => {
    const { h } = await sharing(1);
    await h.polled("c0");
    const protocols = [{ name: "range", metadata: new Uint8Array([0, 1, 0, 0, 0, 0]) }];
    const joining = h.join("", { protocols });
    await h.settle();
    // It has read on under the cooperative assignor; now it has to stop and join.
    expect(planned(await h.poll("c0")).isAssigned).toBe(false);
    const joined = await joining;
    if (!joined.ok) throw new Error(joined.error);
    expect(joined.members.map(({ memberId }) => memberId).toSorted()).toContain("c0");
    const assignment = new Uint8Array([
      0, 1, 0, 0, 0, 1, 0, 1, 116, 0, 0, 0, 1, 0, 0, 0, 2, 255, 255, 255, 255,
    ]);
    await h.group.syncGroup({
      ...{ memberId: joined.memberId, groupInstanceId: null, generationId: joined.generationId },
      ...{ protocolType: "consumer", protocolName: "range" },
      assignments: [{ memberId: "c0", assignment }],
    });
    expect(namesOf(planned(await h.poll("c0")).partitions)).toEqual(["t-2"]);
  });

  test("instances that have read on since they joined stop, and join once more", async () => {
    const { h } = await sharing(2);
    await h.polled("c0", "c1");
    await h.instance("c2", ["t"]);
    // It joins and reads on: so far all members are instances under the cooperative assignor.
    expect(planned(await h.poll("c0")).isAssigned).toBe(true);
    const joining = h.join("", {
      protocols: [{ name: "range", metadata: new Uint8Array([0, 1, 0, 0, 0, 0]) }],
    });
    await h.settle();
    await h.poll("c1");
    expect(await h.outcome(joining)).toBe("waiting");
    expect(planned(await h.poll("c0")).isAssigned).toBe(false);
    expect(await joining).toMatchObject({ ok: true, protocolName: "range" });
  });

  test("an instance that shares no protocol with them is refused", async () => {
    const h = new GroupHarness();
    h.topic("t", 1);
    await h.outcome(h.join("", { protocols: [{ name: "theirs", metadata: new Uint8Array(1) }] }));
    expect(await h.instance("c", ["t"])).toMatchObject({ error: "INCONSISTENT_GROUP_PROTOCOL" });
  });
});

test("deleting a group is refused while somebody is there, and leaves nothing", async () => {
  const { h } = await sharing(1);
  expect(await h.group.deleteGroup()).toMatchObject({ error: "NON_EMPTY_GROUP" });
  await h.group.closeInstance("c0");
  await h.settle();
  expect(await h.group.deleteGroup()).toEqual({ ok: true });
  expect(h.listed.size).toBe(0);
  expect(h.alarm.atMs).toBeNull();
  expect(await h.group.deleteGroup()).toMatchObject({ error: "GROUP_ID_NOT_FOUND" });
  expect(h.storage.all("SELECT name FROM sqlite_master WHERE name = 'changes'")).toEqual([]);
});

test("offsets of a topic that members subscribe to are not deleted", async () => {
  const { h } = await sharing(1, {}, 1);
  await h.poll("c0");
  const offsets = [{ topic: "u", partition: 0, offset: 1, leaderEpoch: -1, metadata: "" }];
  await h.group.closeInstance("c0");
  await h.settle();
  await h.group.setOffsets(offsets);
  await h.instance("c1", ["t"]);
  await h.polled("c1");
  const at = [
    { topic: "t", partition: 0 },
    { topic: "u", partition: 0 },
  ];
  expect(await h.group.deleteOffsets(at)).toEqual({
    ok: true,
    errors: ["GROUP_SUBSCRIBED_TO_TOPIC", null],
  });
});
