/** Kafka's classic group protocol, as its clients use it. */
import { describe, expect, test } from "vitest";
import { GroupHarness } from "../../support/group.ts";
import type { JoinedGroup, JoinRefusal } from "../../../src/objects/contracts/members.ts";

const bytes = (...values: number[]) => new Uint8Array(values);

function joined(answer: JoinedGroup | JoinRefusal | "waiting"): JoinedGroup {
  if (answer === "waiting" || !answer.ok) throw new Error(`not joined: ${JSON.stringify(answer)}`);
  return answer;
}

const sync = (
  h: GroupHarness,
  { memberId, generationId }: JoinedGroup,
  assignments: [string, Uint8Array][] = [],
) =>
  h.group.syncGroup({
    memberId,
    groupInstanceId: null,
    generationId,
    protocolType: null,
    protocolName: null,
    assignments: assignments.map(([id, assignment]) => ({ memberId: id, assignment })),
  });

const beat = (h: GroupHarness, { memberId, generationId }: JoinedGroup) =>
  h.group.heartbeat({ memberId, generationId, groupInstanceId: null });

const stateOf = async (h: GroupHarness) => (await h.group.describeGroup()).state;

/** Two members with their assignments; the first leads. */
async function pair(h: GroupHarness) {
  const alone = joined(await h.outcome(h.join("")));
  const second = h.join("", { clientId: "second" });
  const first = h.join(alone.memberId);
  const a = joined(await h.outcome(first));
  const b = joined(await h.outcome(second));
  const follower = sync(h, b);
  expect(await h.outcome(follower)).toBe("waiting");
  await sync(h, a, [
    [a.memberId, bytes(1)],
    [b.memberId, bytes(2)],
  ]);
  expect(await follower).toMatchObject({ ok: true, assignment: bytes(2) });
  return { a, b };
}

test("members commit only when their generation has its assignments", async () => {
  const h = new GroupHarness();
  const alone = joined(await h.outcome(h.join("")));
  expect(await stateOf(h)).toBe("CompletingRebalance");
  const { memberId, generationId } = alone;
  const offsets = [{ topic: "t", partition: 0, offset: 1, leaderEpoch: -1, metadata: "" }];
  const commit = () =>
    h.group.commitOffsets({ memberId, generationId, groupInstanceId: null, offsets });
  expect(await commit()).toMatchObject({ error: "REBALANCE_IN_PROGRESS" });
  expect(await h.group.fetchOffsets(null)).toEqual({ ok: true, offsets: [] });
  await sync(h, alone, [[memberId, bytes(1)]]);
  expect(await commit()).toEqual({ ok: true, errors: [null] });
});

describe("joining", () => {
  test("a member alone leads, and is told everybody's metadata", async () => {
    const h = new GroupHarness();
    const answer = joined(await h.outcome(h.join("")));
    expect(answer).toMatchObject({
      generationId: 1,
      protocolName: "range",
      leader: answer.memberId,
    });
    expect(answer.members).toEqual([
      { memberId: answer.memberId, groupInstanceId: null, metadata: bytes(1, 2, 3) },
    ]);
    expect(h.listed.has("g")).toBe(true);
    expect(await stateOf(h)).toBe("CompletingRebalance");
    expect(await sync(h, answer, [[answer.memberId, bytes(9)]])).toMatchObject({
      ok: true,
      assignment: bytes(9),
    });
    expect(await stateOf(h)).toBe("Stable");
  });

  test("without an id it is told one first, and nobody else can use another (KIP-394)", async () => {
    const h = new GroupHarness();
    const told = await h.join("", { requireKnownMemberId: true });
    expect(told).toMatchObject({ ok: false, error: "MEMBER_ID_REQUIRED" });
    const memberId = (told as JoinRefusal).memberId!;
    expect(await h.join(`${memberId}x`)).toMatchObject({ error: "UNKNOWN_MEMBER_ID" });
    expect(joined(await h.outcome(h.join(memberId))).memberId).toBe(memberId);
  });

  test("two members rebalance, and only the leader is told who is there", async () => {
    const h = new GroupHarness();
    const { a, b } = await pair(h);
    expect(a.generationId).toBe(2);
    expect(a.members).toHaveLength(2);
    expect(b.members).toEqual([]);
    expect(await beat(h, a)).toEqual({ ok: true });
  });

  test("a member without a protocol in common is refused, and so is another type", async () => {
    const h = new GroupHarness();
    await pair(h);
    const protocols = [{ name: "RoundRobinAssigner", metadata: bytes(1) }];
    expect(await h.join("", { protocols })).toMatchObject({ error: "INCONSISTENT_GROUP_PROTOCOL" });
    expect(await h.join("", { protocolType: "connect" })).toMatchObject({
      error: "INCONSISTENT_GROUP_PROTOCOL",
    });
    expect(await stateOf(h)).toBe("Stable");
  });

  test("session timeouts are bounded", async () => {
    const h = new GroupHarness();
    for (const sessionTimeoutMs of [0, 999, 1_800_001, Number.NaN]) {
      expect(await h.join("", { sessionTimeoutMs })).toMatchObject({
        error: "INVALID_SESSION_TIMEOUT",
      });
    }
    expect(await stateOf(h)).toBe("Dead");
  });

  test("a group is full at group.max.size", async () => {
    const h = new GroupHarness({ "group.max.size": "2" });
    await pair(h);
    expect(await h.join("")).toMatchObject({ error: "GROUP_MAX_SIZE_REACHED" });
  });

  test("what most prefer is chosen", async () => {
    const h = new GroupHarness();
    const list = (...names: string[]) => names.map((name) => ({ name, metadata: bytes(0) }));
    const first = joined(await h.outcome(h.join("", { protocols: list("range", "sticky") })));
    const second = h.join("", { protocols: list("sticky", "range") });
    const third = h.join("", { protocols: list("sticky", "other", "range") });
    const again = h.join(first.memberId, { protocols: list("range", "sticky") });
    await h.outcome(Promise.all([second, third]));
    expect(joined(await again).protocolName).toBe("sticky");
  });

  test("the first rebalance waits for group.initial.rebalance.delay.ms", async () => {
    const h = new GroupHarness({ "group.initial.rebalance.delay.ms": "3000" });
    const first = h.join("");
    const second = h.join("");
    expect(await h.outcome(first)).toBe("waiting");
    await h.pass(3_000);
    expect(joined(await first).generationId).toBe(1);
    expect(joined(await second).generationId).toBe(1);
  });

  test("nothing is founded while the controller cannot be reached", async () => {
    const h = new GroupHarness();
    h.isControllerUp = false;
    expect(await h.join("")).toMatchObject({ error: "COORDINATOR_NOT_AVAILABLE" });
    expect(h.storage.rowsWritten).toBe(0);
  });
});

describe("a rebalance", () => {
  test("is noticed by a heartbeat, and waits for the rebalance timeout at most", async () => {
    const h = new GroupHarness();
    const { a, b } = await pair(h);
    const third = h.join("");
    await h.settle();
    expect(await beat(h, a)).toMatchObject({ error: "REBALANCE_IN_PROGRESS" });
    const again = h.join(a.memberId);
    expect(await h.outcome(again)).toBe("waiting");
    // It keeps sending heartbeats and never joins.
    for (let s = 0; s < 60; s += 5) {
      await h.pass(5_000);
      await beat(h, b);
    }
    expect(joined(await again).members).toHaveLength(2);
    expect(joined(await third).generationId).toBe(3);
    expect(await beat(h, b)).toMatchObject({ error: "UNKNOWN_MEMBER_ID" });
  });

  test("ends early where the missing member's session ends", async () => {
    const h = new GroupHarness();
    const { a } = await pair(h);
    const third = h.join("");
    const again = h.join(a.memberId);
    await h.pass(9_000);
    expect(await h.outcome(third)).toBe("waiting");
    await h.pass(1_001);
    expect(joined(await third).generationId).toBe(3);
    expect(joined(await again).members).toHaveLength(2);
  });

  test("begins anew where the leader gives no assignments", async () => {
    const h = new GroupHarness();
    const first = joined(await h.outcome(h.join("")));
    const second = h.join("");
    const a = joined(await h.outcome(h.join(first.memberId)));
    const b = joined(await second);
    const follower = sync(h, b);
    for (let s = 0; s < 60; s += 5) {
      await h.pass(5_000);
      await beat(h, a);
    }
    expect(await follower).toMatchObject({ error: "REBALANCE_IN_PROGRESS" });
    expect(await beat(h, a)).toMatchObject({ error: "UNKNOWN_MEMBER_ID" });
  });

  test("assigns nothing by the word of a former generation or of another protocol", async () => {
    const h = new GroupHarness();
    const { a } = await pair(h);
    expect(await sync(h, { ...a, generationId: 1 })).toMatchObject({ error: "ILLEGAL_GENERATION" });
    const request = {
      memberId: a.memberId,
      groupInstanceId: null,
      generationId: a.generationId,
      assignments: [],
    };
    expect(
      await h.group.syncGroup({ ...request, protocolType: "consumer", protocolName: "sticky" }),
    ).toMatchObject({ error: "INCONSISTENT_GROUP_PROTOCOL" });
  });
});

describe("leaving", () => {
  test("whoever leaves is gone at once, and a silent one after its session", async () => {
    const h = new GroupHarness();
    const { a, b } = await pair(h);
    const left = await h.group.leaveGroup([
      { memberId: b.memberId, groupInstanceId: null },
      { memberId: "nobody", groupInstanceId: null },
    ]);
    expect(left).toMatchObject({
      members: [{ error: null }, { error: "UNKNOWN_MEMBER_ID" }],
    });
    expect(await beat(h, a)).toMatchObject({ error: "REBALANCE_IN_PROGRESS" });
    await h.pass(10_001);
    expect(await stateOf(h)).toBe("Empty");
  });

  test("an empty group is not awake: one alarm, for its end, and no timer before it", async () => {
    const h = new GroupHarness();
    const { a, b } = await pair(h);
    for (const { memberId } of [a, b]) {
      await h.group.leaveGroup([{ memberId, groupInstanceId: null }]);
    }
    await h.pass(10_000);
    const rows = h.storage.rowsWritten + h.alarm.sets;
    await h.pass(500_000);
    expect(h.storage.rowsWritten + h.alarm.sets).toBe(rows);
    await h.pass(100_001);
    expect(h.listed.has("g")).toBe(false);
    expect(h.alarm.atMs).toBeNull();
    expect(await stateOf(h)).toBe("Dead");
  });
});

describe("a static member (KIP-345)", () => {
  const as = (groupInstanceId: string) => ({ groupInstanceId });

  test("comes back under a new id without a rebalance, and the old one is fenced", async () => {
    const h = new GroupHarness();
    const first = joined(await h.outcome(h.join("", as("one"))));
    const second = h.join("", as("two"));
    const a = joined(await h.outcome(h.join(first.memberId, as("one"))));
    const b = joined(await second);
    await h.group.syncGroup({
      memberId: a.memberId,
      groupInstanceId: "one",
      generationId: 2,
      protocolType: null,
      protocolName: null,
      assignments: [{ memberId: b.memberId, assignment: bytes(7) }],
    });
    const back = joined(await h.outcome(h.join("", as("two"))));
    expect(back).toMatchObject({ generationId: 2, leader: a.memberId });
    expect(back.memberId).not.toBe(b.memberId);
    expect(await stateOf(h)).toBe("Stable");
    const request = { groupInstanceId: "two", generationId: 2 };
    expect(await h.group.heartbeat({ memberId: b.memberId, ...request })).toMatchObject({
      error: "FENCED_INSTANCE_ID",
    });
    expect(await h.join(b.memberId, as("two"))).toMatchObject({ error: "FENCED_INSTANCE_ID" });
    const synced = await h.group.syncGroup({
      ...{ memberId: back.memberId, ...request, assignments: [] },
      ...{ protocolType: null, protocolName: null },
    });
    expect(synced).toMatchObject({ assignment: bytes(7) });
    h.restart();
    expect(await h.group.heartbeat({ memberId: back.memberId, ...request })).toEqual({ ok: true });
  });

  test("that led is not asked to assign again", async () => {
    const h = new GroupHarness();
    const first = joined(await h.outcome(h.join("", as("one"))));
    await sync(h, first).then((answer) => expect(answer.ok).toBe(true));
    const skipping = { ...as("one"), supportsSkippingAssignment: true };
    const newer = joined(await h.outcome(h.join("", skipping)));
    expect(newer).toMatchObject({ skipAssignment: true, leader: newer.memberId });
    const older = joined(await h.outcome(h.join("", as("one"))));
    expect(older).toMatchObject({ skipAssignment: false, members: [] });
    expect(older.leader).not.toBe(older.memberId);
  });

  test("leaves by its name", async () => {
    const h = new GroupHarness();
    await h.outcome(h.join("", as("one")));
    expect(await h.group.leaveGroup([{ memberId: "", groupInstanceId: "one" }])).toMatchObject({
      members: [{ error: null }],
    });
    await h.settle();
    expect(await stateOf(h)).toBe("Empty");
  });
});

describe("waking up", () => {
  test("between any two requests nobody notices", async () => {
    const h = new GroupHarness();
    const { a, b } = await pair(h);
    h.restart();
    expect(await beat(h, a)).toEqual({ ok: true });
    h.restart();
    expect(await beat(h, b)).toEqual({ ok: true });
    h.restart();
    expect(await sync(h, b)).toMatchObject({ assignment: bytes(2) });
    expect(await stateOf(h)).toBe("Stable");
  });

  test("in the middle of a rebalance the members are asked to join again", async () => {
    const h = new GroupHarness();
    const first = joined(await h.outcome(h.join("")));
    h.restart();
    expect(await beat(h, first)).toMatchObject({ error: "REBALANCE_IN_PROGRESS" });
    const again = joined(await h.outcome(h.join(first.memberId)));
    expect(again.generationId).toBe(2);
  });

  test("after somebody has left, the others share anew all the same", async () => {
    const h = new GroupHarness();
    const { a, b } = await pair(h);
    await h.group.leaveGroup([{ memberId: b.memberId, groupInstanceId: null }]);
    h.restart();
    expect(await beat(h, a)).toMatchObject({ error: "REBALANCE_IN_PROGRESS" });
    expect(joined(await h.outcome(h.join(a.memberId))).members).toHaveLength(1);
  });

  test("gives a fresh session once; a second silence is the end", async () => {
    const h = new GroupHarness();
    const { a, b } = await pair(h);
    await beat(h, a);
    // The object is evicted between alarms.
    const sleep = async () => {
      h.nowMs = Math.max(h.nowMs, h.alarm.atMs!);
      h.restart();
      h.alarm.clear();
      await h.group.onAlarm();
      await h.settle();
    };
    await sleep();
    expect(await stateOf(h)).toBe("Stable");
    h.restart();
    expect(await beat(h, a)).toEqual({ ok: true });
    await sleep();
    const { members } = await h.group.describeGroup();
    expect(members.map(({ memberId }) => memberId)).toEqual([a.memberId]);
    expect(await beat(h, b)).toMatchObject({ error: "UNKNOWN_MEMBER_ID" });
  });
});

test("a heartbeat writes no row", async () => {
  const h = new GroupHarness();
  const { a } = await pair(h);
  const rows = h.storage.rowsWritten + h.alarm.sets;
  for (let i = 0; i < 100; i++) await beat(h, a);
  expect(h.storage.rowsWritten + h.alarm.sets).toBe(rows);
});

test("storage that fails ends the instance, and answers nothing", async () => {
  const h = new GroupHarness();
  const { a } = await pair(h);
  h.storage.beforeStatement = (sql) => {
    if (sql.startsWith("INSERT")) throw new Error("disk");
  };
  const leaving = async () => h.group.leaveGroup([{ memberId: a.memberId, groupInstanceId: null }]);
  await expect(leaving()).rejects.toThrow("disk");
  expect(h.brokenBy).toBeInstanceOf(Error);
});
