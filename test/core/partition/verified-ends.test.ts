/**
 * Where a log ends is told to readers (KIP-207) only by a leader that knows of everything that was acknowledged, also after
 * it has just woken up; and it is never less than was told before.
 */
import { describe, expect, it } from "vitest";
import type { OffsetSpec } from "../../../src/objects/contracts/partition.ts";
import { batchOf, expectOk, replicaRef } from "../../support/replica.ts";
import { ReplicaSet } from "../../support/replica-set.ts";
import { TestSocket } from "../../support/tail-socket.ts";

const LATEST = { at: "latest" } as const;
const fetchAll = { maxBytes: 1_048_576, minBytes: 0, maxWaitMs: 0 } as const;
const read = (set: ReplicaSet, brokerId: number, offset: number) =>
  set.replica(brokerId).fetch({ ...fetchAll, offset, isolation: "read_uncommitted" });

/** Three acknowledged records, and a leader that knows of the first two, as after a crash. */
async function wokenUp(): Promise<ReplicaSet> {
  const set = new ReplicaSet({ configs: { "retention.ms": "-1" } });
  for (const value of ["a", "b", "c"]) {
    const answer = set.append([value]);
    await set.settle();
    expectOk(await answer);
  }
  for (const brokerId of [1, 2, 3]) set.restart(brokerId);
  expect(set.leader.probe()).toMatchObject({ highWatermark: 2, logEndOffset: 3 });
  set.calls.length = 0;
  return set;
}

async function answerOf<T>(set: ReplicaSet, asked: Promise<T>, ms = 0): Promise<T> {
  await (ms === 0 ? set.settle() : set.pass(ms));
  return asked;
}

describe("a leader that has just woken up", () => {
  it("sends a tail from the earliest record everything that was acknowledged", async () => {
    const set = await wokenUp();
    const socket = new TestSocket();
    expect(
      await answerOf(
        set,
        set.leader.openTail(0, () => socket),
      ),
    ).toBeNull();
    expect(socket.offsets()).toEqual([0, 1, 2]);
    expect(socket.hello()).toMatchObject({ highWatermark: 3 });
  });

  it("goes on with the tails that stayed, and calls nobody for those that have everything", async () => {
    const set = await wokenUp();
    const state = { unackedBytes: 0, sinceMs: 0, markOffset: 0, markBytes: 0 };
    const done = new TestSocket();
    set.leader.resumeTails([[done, { ...state, next: 3 }]]);
    await set.settle();
    expect(set.calls).toHaveLength(0);
    const behind = new TestSocket();
    set.leader.resumeTails([[behind, { ...state, next: 2 }]]);
    await set.settle();
    expect(behind.offsets()).toEqual([2]);
    expect(done.pages).toHaveLength(0);
  });

  it.each<[string, OffsetSpec, number]>([
    ["the latest offset", LATEST, 3],
    ["the latest of committed records", { at: "latest", isolation: "read_committed" }, 3],
    ["the newest timestamp", { at: "max-timestamp" }, 0],
    ["a time above all", { at: "timestamp", timestampMs: 1e15 }, -1],
  ])("asks its followers before it tells %s", async (_what, spec, offset) => {
    const set = await wokenUp();
    expect(await answerOf(set, set.leader.listOffset(spec))).toMatchObject({ ok: true, offset });
    expect(set.calls).toHaveLength(2);
    // Only once.
    expectOk(await answerOf(set, set.leader.listOffset(spec)));
    expect(set.calls).toHaveLength(2);
  });

  it.each<[string, OffsetSpec]>([
    ["where the log begins", { at: "earliest" }],
    ["the first record at or after a time", { at: "timestamp", timestampMs: 0 }],
  ])("asks nobody for %s", async (_what, spec) => {
    const set = await wokenUp();
    expect(await set.leader.listOffset(spec)).toMatchObject({ ok: true, offset: 0 });
    expect(set.calls).toHaveLength(0);
  });

  it.each([
    [3, 3],
    [-1, 3],
  ])("deletes records before %d up to all that was acknowledged", async (before, start) => {
    const set = await wokenUp();
    expect(await answerOf(set, set.leader.deleteRecords(before))).toEqual({
      ok: true,
      logStartOffset: start,
    });
  });

  it("deletes below what it knows without a call, and refuses what is beyond the end as it is", async () => {
    const set = await wokenUp();
    expect(await set.leader.deleteRecords(1)).toMatchObject({ logStartOffset: 1 });
    await set.settle();
    set.calls.length = 0;
    const refused = await answerOf(set, set.leader.deleteRecords(4));
    expect(refused).toMatchObject({ error: "OFFSET_OUT_OF_RANGE" });
    expect(refused).toMatchObject({ message: "The log ends at offset 3." });
  });

  it("reads below what it knows without a call, and at its end asks first", async () => {
    const set = await wokenUp();
    const one = set.leader.fetch({
      ...fetchAll,
      maxBytes: 1,
      offset: 0,
      isolation: "read_committed",
    });
    expect(await one).toMatchObject({ ok: true, nextOffset: 1 });
    expect(set.calls).toHaveLength(0);
    expect(await answerOf(set, read(set, 1, 1))).toMatchObject({ nextOffset: 3, highWatermark: 3 });
    expect(set.calls).toHaveLength(2);
  });

  it("tells no end while a follower has not answered, and shows the records that it knows of", async () => {
    const set = await wokenUp();
    set.setDown(3, true);
    const unknown = { error: "OFFSET_NOT_AVAILABLE" };
    const socket = new TestSocket();
    const asked = [
      set.leader.listOffset(LATEST),
      set.leader.listOffset({ at: "max-timestamp" }),
      set.leader.deleteRecords(-1),
      set.leader.deleteRecords(3),
      read(set, 1, 2),
      set.leader.openTail(0, () => socket),
    ];
    await set.pass(2_000);
    for (const answer of await Promise.all(asked)) expect(answer).toMatchObject(unknown);
    expect(socket.texts).toHaveLength(0);
    expect(await answerOf(set, read(set, 1, 0), 2_000)).toMatchObject({ ok: true, nextOffset: 2 });
    // Once the follower leaves the in-sync set, or comes back, the end is known.
    set.setDown(3, false);
    await set.pass(5_000);
    expect(await set.leader.listOffset(LATEST)).toMatchObject({ offset: 3 });
  });

  it("answers who waits as soon as the last follower has", async () => {
    const set = await wokenUp();
    set.setDown(3, true);
    const listed = set.leader.listOffset(LATEST);
    await set.pass(500);
    set.setDown(3, false);
    await set.pass(1_000);
    expect(await listed).toMatchObject({ offset: 3 });
  });

  it("is refused when it is deposed while somebody waits", async () => {
    const set = await wokenUp();
    set.setDown(3, true);
    const listed = set.leader.listOffset(LATEST);
    await set.settle();
    set.elect(2, [2, 1]);
    set.tell(1);
    expect(await listed).toMatchObject({ error: "NOT_LEADER_OR_FOLLOWER" });
  });
});

describe("a follower", () => {
  it("answers nothing that only the leader may", async () => {
    const set = await wokenUp();
    const socket = new TestSocket();
    const follower = set.replica(2);
    const asked: Promise<unknown>[] = [
      ...(["earliest", "latest", "max-timestamp"] as const).map((at) =>
        follower.listOffset({ at }),
      ),
      follower.listOffset({ at: "latest", isolation: "read_committed" }),
      follower.listOffset({ at: "timestamp", timestampMs: 0 }),
      follower.deleteRecords(1),
      follower.deleteRecords(-1),
      follower.openTail(0, () => socket),
    ];
    for (const answer of await Promise.all(asked)) {
      expect(answer).toMatchObject({ error: "NOT_LEADER_OR_FOLLOWER" });
    }
    expect(set.calls).toHaveLength(0);
  });
});

describe("ends never go back", () => {
  it("over a failover of an idle topic", async () => {
    const set = await wokenUp();
    expect(await answerOf(set, set.leader.listOffset(LATEST))).toMatchObject({ offset: 3 });
    for (const leader of [2, 3, 1]) {
      for (const brokerId of [1, 2, 3]) set.restart(brokerId);
      set.elect(leader);
      set.tell(1, 2, 3);
      const listed = set.leader.listOffset({ at: "latest", isolation: "read_committed" });
      expect(await answerOf(set, listed)).toMatchObject({ offset: 3, logStartOffset: 0 });
    }
  });

  it("for a leader below min.insync.replicas that sleeps: it stands where it stood", async () => {
    const set = new ReplicaSet({
      configs: { "retention.ms": "-1", "min.insync.replicas": "2" },
    });
    for (const value of ["a", "b", "c"]) {
      const answer = set.append([value]);
      await set.settle();
      expectOk(await answer);
    }
    for (const brokerId of [2, 3]) set.setFenced(brokerId, true);
    set.decide({ inSync: [1] });
    set.tell(1);
    expectOk(await set.append(["d"], { acks: 1 }));
    set.restart(1);
    expect(await set.leader.listOffset(LATEST)).toMatchObject({ ok: true, offset: 3 });
    expect(await set.leader.deleteRecords(-1)).toMatchObject({ logStartOffset: 3 });
  });

  it("for one that was elected below min.insync.replicas: it does not know, and says so at once", async () => {
    const set = await wokenUp();
    set.elect(2, [2]);
    set.decide({ configs: { "min.insync.replicas": "2" } });
    for (const brokerId of [1, 3]) set.setDown(brokerId, true);
    set.tell(2);
    await set.settle();
    expect(await set.leader.listOffset(LATEST)).toMatchObject({ error: "OFFSET_NOT_AVAILABLE" });
    set.setDown(3, false);
    await set.fireAlarm(2);
    await set.pass(1_000);
    expect(set.state.inSync).toEqual([2, 3]);
    expect(await set.leader.listOffset(LATEST)).toMatchObject({ offset: 3 });
  });

  it("costs a replica of its own nothing: it knows what it holds", async () => {
    const set = new ReplicaSet({ brokers: [1], configs: { "retention.ms": "-1" } });
    set.decide({ replicas: [replicaRef(1)], inSync: [1] });
    expectOk(await set.leader.append({ batches: batchOf(["a"], set.nowMs), acks: -1 }));
    set.restart(1);
    expect(await set.leader.listOffset(LATEST)).toMatchObject({ offset: 1 });
    expect(set.calls).toHaveLength(0);
  });
});
