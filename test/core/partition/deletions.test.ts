/**
 * DeleteRecords (KIP-107): once a deletion is answered, the records are gone for readers of every in-sync replica, and stay
 * gone whichever of them leads next.
 */
import { describe, expect, it } from "vitest";
import type { PullRequest } from "../../../src/objects/contracts/replication.ts";
import { expectOk, ReplicaHarness } from "../../support/replica.ts";
import { ReplicaSet } from "../../support/replica-set.ts";

/** Three replicas that hold `a`, `b` and `c`, all of it committed. */
async function filled(settings: Record<string, string> = {}): Promise<ReplicaSet> {
  const set = new ReplicaSet({ settings });
  const appended = set.append(["a", "b", "c"]);
  await set.settle();
  expectOk(await appended);
  return set;
}

const startsOf = (set: ReplicaSet): number[] => set.ends().map(([start]) => start!);

/** Whether a promise is settled, and how. */
async function settled<T>(set: ReplicaSet, promise: Promise<T>): Promise<T | "waiting"> {
  await set.settle();
  return Promise.race([promise, Promise.resolve("waiting" as const)]);
}

describe("a deletion", () => {
  it.each([false, true])(
    "is answered when every in-sync replica begins there; the leader woken: %s",
    async (isWoken) => {
      const set = await filled();
      if (isWoken) set.restart(1);
      set.setDown(3, true);
      const deleted = set.leader.deleteRecords(2);
      expect(await settled(set, deleted)).toBe("waiting");
      // A leader that has woken up first asks how far its log is committed.
      expect(startsOf(set)).toEqual(isWoken ? [0, 0, 0] : [2, 2, 0]);
      set.setDown(3, false);
      await set.pass(1_000);
      expect(await deleted).toEqual({ ok: true, logStartOffset: 2 });
      expect(startsOf(set)).toEqual([2, 2, 2]);
    },
  );

  it("asks nobody twice: the next of the same offset is answered at once", async () => {
    const set = await filled();
    const first = set.leader.deleteRecords(2);
    await set.settle();
    expectOk(await first);
    const calls = set.calls.length;
    expect(await set.leader.deleteRecords(1)).toEqual({ ok: true, logStartOffset: 2 });
    expect(set.calls).toHaveLength(calls);
  });

  it("is REQUEST_TIMED_OUT after its time, and is made up for when the follower is back", async () => {
    const set = await filled();
    set.setDown(2, true);
    const deleted = set.leader.deleteRecords(2, 500);
    await set.pass(600);
    expect(await deleted).toEqual({
      ok: false,
      error: "REQUEST_TIMED_OUT",
      message: expect.any(String),
    });
    expect(startsOf(set)).toEqual([2, 0, 2]);
    set.setDown(2, false);
    await set.fireAlarm(1);
    await set.pass(10_000);
    expect(startsOf(set)).toEqual([2, 2, 2]);
  });

  it("with a time of 0 says whether it has happened already", async () => {
    const set = await filled();
    const first = set.leader.deleteRecords(2, 0);
    await set.pass(10);
    // The answers of the followers may come first: both outcomes are right.
    const answer = await first;
    expect(answer.ok || answer.error === "REQUEST_TIMED_OUT").toBe(true);
    expect(await set.leader.deleteRecords(2, 0)).toEqual({ ok: true, logStartOffset: 2 });
  });

  it("waits no longer for one that has left the in-sync set", async () => {
    const set = await filled({ "replica.lag.time.max.ms": "500" });
    set.setDown(3, true);
    const deleted = set.leader.deleteRecords(2);
    expect(await settled(set, deleted)).toBe("waiting");
    await set.pass(2_000);
    expect(set.state.inSync).toEqual([1, 2]);
    expect(await deleted).toEqual({ ok: true, logStartOffset: 2 });
  });

  it("is NOT_LEADER_OR_FOLLOWER where the leader is deposed meanwhile", async () => {
    const set = await filled();
    set.setDown(3, true);
    const deleted = set.leader.deleteRecords(2);
    await set.settle();
    set.elect(2);
    set.tell(1, 2);
    expect(await deleted).toMatchObject({ error: "NOT_LEADER_OR_FOLLOWER" });
    expect(await deleted).not.toHaveProperty("written");
  });

  it("stays when any of those that were in sync leads next", async () => {
    for (const next of [2, 3]) {
      const set = await filled();
      const deleted = set.leader.deleteRecords(-1);
      await set.settle();
      expectOk(await deleted);
      set.elect(next);
      set.tell(1, 2, 3);
      await set.pass(1_000);
      expect(await set.leader.listOffset({ at: "earliest" })).toMatchObject({ offset: 3 });
    }
  });
});

describe("a follower that was away while records were deleted", () => {
  it("joins the in-sync set when it begins where the leader's log does, not before", async () => {
    const set = await filled();
    set.setDown(3, true);
    set.elect(1, [1, 2]);
    set.tell(1, 2, 3);
    await set.settle();
    const deleted = set.leader.deleteRecords(2);
    await set.settle();
    expectOk(await deleted);
    set.setDown(3, false);
    // Its pull acknowledges everything; the answer, with the log start in it, is lost.
    set.beforeCall = async ({ kind, from }, request) => {
      if (kind === "pull" && from === 3) await set.leader.pull(request as PullRequest);
      throw new Error("lost");
    };
    await set.replica(3).catchUp({ leaderEpoch: 1, highWatermark: 3, logStartOffset: 0 });
    await set.settle();
    expect(set.leader.describe().followers).toContainEqual({ brokerId: 3, endOffset: 3 });
    expect(set.state.inSync).toEqual([1, 2]);
    expect(startsOf(set)).toEqual([2, 2, 0]);
    set.beforeCall = null;
    await set.fireAlarm(1);
    await set.pass(1_000);
    expect(set.state.inSync).toEqual([1, 2, 3]);
    expect(startsOf(set)).toEqual([2, 2, 2]);
  });
});

it("a topic whose cleanup.policy does not contain delete keeps its records", async () => {
  for (const [policy, answer] of [
    ["compact", { error: "POLICY_VIOLATION" }],
    ["compact,delete", { ok: true, logStartOffset: 1 }],
    ["delete", { ok: true, logStartOffset: 1 }],
  ] as const) {
    const harness = new ReplicaHarness();
    await harness.appendValues(["a", "b"]);
    harness.replica.assign(harness.assignment({ "cleanup.policy": policy }));
    expect(await harness.replica.deleteRecords(1)).toMatchObject(answer);
    const start = "ok" in answer ? 1 : 0;
    expect(harness.replica.describe().logStartOffset).toBe(start);
  }
});
