/**
 * Deadlines of rebalances: for whom and how long they wait, as in Kafka; and that an object does not set its alarm again
 * and again, because every alarm is a billed row.
 */
import { describe, expect, test } from "vitest";
import { Deadlines } from "../../../src/objects/runtime/deadlines.ts";
import type { CoordinatorPorts } from "../../../src/objects/coordinator/groups/ports.ts";
import { GroupHarness } from "../../support/group.ts";
import { ManualAlarm } from "../../support/sqlite-storage.ts";
import type { JoinedGroup, JoinRefusal } from "../../../src/objects/contracts/members.ts";

function joined(answer: JoinedGroup | JoinRefusal | "waiting"): JoinedGroup {
  if (answer === "waiting" || !answer.ok) throw new Error(`not joined: ${JSON.stringify(answer)}`);
  return answer;
}

const SESSION_MS = 100_000;
const REBALANCE_MS = 20_000;
const times = { sessionTimeoutMs: SESSION_MS, rebalanceTimeoutMs: REBALANCE_MS };

const sync = (
  h: GroupHarness,
  { memberId, generationId }: JoinedGroup,
  name: string | null = null,
) =>
  h.group.syncGroup({
    ...{ memberId, generationId, groupInstanceId: name },
    ...{ protocolType: null, protocolName: null },
    assignments: [{ memberId, assignment: new Uint8Array([1]) }],
  });

/** A member that is alone in the group and has its assignment. */
async function alone(h: GroupHarness, changes: Parameters<GroupHarness["join"]>[1] = {}) {
  const member = joined(await h.outcome(h.join("", { ...times, ...changes })));
  await sync(h, member, changes.groupInstanceId ?? null);
  return member;
}

describe("a member id that was handed out and never used", () => {
  async function pendingMember(h: GroupHarness): Promise<string> {
    const answer = await h.join("", { ...times, requireKnownMemberId: true });
    expect(answer).toMatchObject({ error: "MEMBER_ID_REQUIRED" });
    return (answer as JoinRefusal).memberId!;
  }

  test("holds a rebalance up no longer than its deadline", async () => {
    const h = new GroupHarness();
    const a = await alone(h);
    await pendingMember(h);
    const again = h.join(a.memberId, { ...times, protocols: OTHER });
    await h.pass(REBALANCE_MS - 1);
    expect(await h.outcome(again)).toBe("waiting");
    await h.pass(2);
    expect(joined(await h.outcome(again)).generationId).toBe(2);
  });

  test("is waited for until then, and may still be used afterwards", async () => {
    const h = new GroupHarness();
    const a = await alone(h);
    const memberId = await pendingMember(h);
    const again = h.join(a.memberId, { ...times, protocols: OTHER });
    await h.pass(REBALANCE_MS + 1);
    const second = joined(await h.outcome(again));
    await sync(h, second);
    const late = h.join(memberId, { ...times, protocols: OTHER });
    const third = joined(await h.outcome(h.join(a.memberId, { ...times, protocols: OTHER })));
    expect(third.generationId).toBe(3);
    expect(joined(await h.outcome(late)).memberId).toBe(memberId);
  });

  test("costs no row for waiting, however long", async () => {
    const h = new GroupHarness();
    const a = await alone(h);
    await pendingMember(h);
    void h.join(a.memberId, { ...times, protocols: OTHER });
    await h.settle();
    const { sets } = h.alarm;
    await h.pass(REBALANCE_MS + 60_000);
    expect(h.alarm.sets - sets).toBeLessThanOrEqual(6);
  });
});

describe("static members", () => {
  const named = { groupInstanceId: "s" };

  /** A member that stays and leads, and a static one that goes silent. */
  async function withStatic(h: GroupHarness) {
    const a = await alone(h);
    const coming = h.join("", { ...times, ...named, clientId: "s" });
    const again = joined(await h.outcome(h.join(a.memberId, times)));
    const s = joined(await h.outcome(coming));
    await sync(h, again);
    await sync(h, s, "s");
    return { a: again, s };
  }

  test("that miss a rebalance stay members of the next generation, until their session ends", async () => {
    const h = new GroupHarness();
    const { a, s } = await withStatic(h);
    const again = h.join(a.memberId, { ...times, protocols: OTHER });
    await h.pass(REBALANCE_MS + 1);
    const next = joined(await h.outcome(again));
    expect(next.leader).toBe(a.memberId);
    expect(next.members.map(({ memberId }) => memberId).toSorted()).toEqual(
      [a.memberId, s.memberId].toSorted(),
    );
    await sync(h, next);
    for (let passed = REBALANCE_MS; passed < SESSION_MS - 10_000; passed += 5_000) {
      expect((await h.group.describeGroup()).members).toHaveLength(2);
      await h.group.heartbeat({ ...next, groupInstanceId: null });
      await h.pass(5_000);
    }
    await h.pass(10_000);
    expect((await h.group.describeGroup()).members).toHaveLength(1);
  });

  test("of a leader that missed it another leads, and the static one comes back to its place", async () => {
    const h = new GroupHarness();
    const s = await alone(h, named);
    const coming = h.join("", times);
    await h.pass(REBALANCE_MS + 1);
    const a = joined(await h.outcome(coming));
    expect(a.leader).toBe(a.memberId);
    expect(a.members).toHaveLength(2);
    await sync(h, a);
    const back = await h.outcome(h.join("", { ...times, ...named }));
    expect(joined(back).generationId).toBe(a.generationId);
    expect(joined(back).memberId).not.toBe(s.memberId);
  });

  test("where none of them has come yet the group waits, and asks nobody", async () => {
    const h = new GroupHarness();
    const { a } = await withStatic(h);
    await h.group.leaveGroup([{ memberId: a.memberId, groupInstanceId: null }]);
    await h.settle();
    const { sets } = h.alarm;
    await h.pass(3 * REBALANCE_MS);
    const { state, members } = await h.group.describeGroup();
    expect([state, members.length]).toEqual(["PreparingRebalance", 1]);
    expect(h.alarm.sets - sets).toBeLessThanOrEqual(8);
    await h.pass(SESSION_MS);
    expect((await h.group.describeGroup()).state).toBe("Empty");
  });
});

describe("an object looks at its clock when something is due", () => {
  test("a rebalance whose topics nobody can tell costs a row for each deadline, not for each look", async () => {
    const h = new GroupHarness();
    h.topic("t", 1);
    h.topics = null;
    await h.instance("a", ["t"], { sessionTimeoutMs: 1_800_000, maxPollIntervalMs: 5_000 });
    await h.settle();
    const { sets } = h.alarm;
    for (let second = 0; second < 60; second++) {
      await h.poll("a");
      await h.pass(1_000);
    }
    expect(h.alarm.sets - sets).toBeLessThanOrEqual(30);
  });

  test("a deadline that has gone by is set in the past once, and afterwards once a second", () => {
    const alarm = new ManualAlarm();
    let nowMs = 10_000;
    const ports = {
      ...{ alarm, alarmAtMs: null, clock: { nowMs: () => nowMs } },
      timer: { after: () => () => {} },
    } as unknown as CoordinatorPorts;
    const deadlines = new Deadlines(ports, () => {});
    for (; nowMs < 20_000; nowMs += 1) {
      if (alarm.atMs !== null && alarm.atMs <= nowMs) {
        alarm.clear();
        deadlines.fired();
      }
      deadlines.set(9_000);
    }
    expect(alarm.sets).toBeLessThanOrEqual(12);
  });
});

const OTHER = [{ name: "range", metadata: new Uint8Array([9]) }];
