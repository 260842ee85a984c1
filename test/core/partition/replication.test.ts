/** Pushes, pulls, reads and log starts between a leader and its followers, message by message. Random faults: test/sim. */
import { describe, expect, it } from "vitest";
import type { ReplicateRequest } from "../../../src/objects/contracts/replication.ts";
import { expectOk } from "../../support/replica.ts";
import { ReplicaSet } from "../../support/replica-set.ts";
import { appended, expectAlike, read } from "./replica-logs.ts";

describe("a push", () => {
  it("brings followers the leader's rows, byte for byte", async () => {
    const set = new ReplicaSet();
    for (const value of ["a", "b", "c"]) await appended(set, value);
    expect(set.rows(1)).toHaveLength(3);
    expectAlike(set);
  });

  it("costs a row per replica and a call per follower, and nothing follows it", async () => {
    const set = new ReplicaSet({ configs: { "retention.ms": "-1" } });
    await appended(set, "first");
    set.calls.length = 0;
    const before = set.rowsWritten();
    await appended(set, "second");
    await set.pass(60_000);
    expect(set.rowsWritten() - before).toBe(3);
    expect(set.calls).toEqual([
      { kind: "replicate", from: 1, to: 2 },
      { kind: "replicate", from: 1, to: 3 },
    ]);
  });

  it("costs no more after the leader has slept", async () => {
    const set = new ReplicaSet({ configs: { "retention.ms": "-1" } });
    await appended(set, "first");
    for (const brokerId of [1, 2, 3]) set.restart(brokerId);
    set.calls.length = 0;
    await appended(set, "second");
    expect(set.calls.map(({ kind }) => kind)).toEqual(["replicate", "replicate"]);
    expectAlike(set);
  });

  it("is taken once when it comes twice, and in its place when it comes late", async () => {
    const set = new ReplicaSet();
    const pushes: ReplicateRequest[] = [];
    set.beforeCall = ({ kind, to }, request) => {
      if (kind === "replicate" && to === 2) pushes.push(request as ReplicateRequest);
    };
    for (const value of ["a", "b", "c"]) await appended(set, value);
    for (const push of pushes) {
      const answer = expectOk(await set.replica(2).replicate(push));
      const covered = push.previous.offset + push.chunks.length;
      expect(answer).toMatchObject({ matches: true, endOffset: covered });
    }
    expectAlike(set);
  });

  it("of an older epoch is refused with what holds now", async () => {
    const set = new ReplicaSet();
    let push: ReplicateRequest | null = null;
    set.beforeCall = (_call, request) => {
      push ??= request as ReplicateRequest;
    };
    await appended(set, "a");
    set.elect(3);
    set.tell(2);
    expect(await set.replica(2).replicate(push!)).toMatchObject({
      error: "FENCED_LEADER_EPOCH",
      assignment: { leader: 3, leaderEpoch: 1 },
    });
  });

  it("tells a follower of a leader that it has not heard of", async () => {
    const set = new ReplicaSet();
    await appended(set, "a");
    set.elect(2, [2, 3]);
    set.tell(2);
    await set.settle();
    await appended(set, "b");
    expect(set.replica(3).probe()).toMatchObject({ leaderEpoch: 1, logEndOffset: 2 });
    set.restart(3);
    expect(set.replica(3).probe()).toMatchObject({ leaderEpoch: 1 });
  });
});

describe("a follower that does not match", () => {
  it("catches up by pulling", async () => {
    const set = new ReplicaSet({ settings: { "replica.lag.time.max.ms": "500" } });
    await appended(set, "a");
    set.setDown(3, true);
    const lagging = set.append(["b"]);
    await set.pass(1_000);
    expectOk(await lagging);
    for (let n = 0; n < 20; n++) await appended(set, `c${n}`);
    set.setDown(3, false);
    await set.fireAlarm(1);
    await set.pass(1_000);
    expect(set.state.inSync).toEqual([1, 2, 3]);
    expectAlike(set);
  });

  it("truncates what an older leader left and the new one does not have", async () => {
    const set = new ReplicaSet();
    await appended(set, "a");
    // Leader 1 writes a record that nobody else gets.
    for (const brokerId of [2, 3]) set.setDown(brokerId, true);
    expectOk(await set.append(["lost"], { acks: 1 }));
    set.setDown(1, true);
    for (const brokerId of [2, 3]) set.setDown(brokerId, false);
    set.elect(2, [2, 3]);
    set.tell(2, 3);
    await appended(set, "b");
    set.setDown(1, false);
    set.tell(1);
    await set.fireAlarm(2);
    await set.pass(1_000);
    expect(set.state.inSync).toEqual([2, 3, 1]);
    expectAlike(set);
    expect(set.rows(1)).toHaveLength(2);
  });

  it("begins anew where the leader's log begins above its end", async () => {
    const set = new ReplicaSet({ settings: { "replica.lag.time.max.ms": "500" } });
    set.setDown(3, true);
    const first = set.append(["a", "b"]);
    await set.pass(1_000);
    expectOk(await first);
    await appended(set, "c");
    await appended(set, "d");
    expectOk(await set.leader.deleteRecords(3));
    set.setDown(3, false);
    await set.fireAlarm(1);
    await set.pass(1_000);
    expect(set.state.inSync).toEqual([1, 2, 3]);
    expect(set.ends().map(([start, , end]) => [start, end])).toEqual([
      [3, 4],
      [3, 4],
      [3, 4],
    ]);
    expect(set.rows(3)).toEqual(set.rows(1));
  });

  it("that lost its storage may not lead, and counts again when it has copied everything", async () => {
    const set = new ReplicaSet();
    await appended(set, "a");
    await set.lose(2);
    set.create(2, false);
    expect(set.replica(2).assign(set.assignment(2))).toEqual({ ok: true, wasReset: true });
    set.elect(2);
    set.tell(2);
    expect(await set.append(["b"])).toMatchObject({ error: "STORAGE_LOST" });
    set.elect(1);
    set.tell(1, 2, 3);
    await appended(set, "b");
    expectAlike(set);
    expect(set.replica(2).probe().wasReset).toBe(false);
    set.restart(2);
    expect(set.replica(2).probe().wasReset).toBe(false);
  });
});

describe("reading", () => {
  it("from a follower ends at the high watermark that it knows, and asks for a newer one", async () => {
    const set = new ReplicaSet();
    await appended(set, "a");
    await appended(set, "b");
    const first = expectOk(await read(set, 2));
    expect(first.nextOffset).toBe(1);
    const second = expectOk(await read(set, 2, first.nextOffset));
    expect(second.nextOffset).toBe(2);
  });

  it("from a follower never shows what may be lost", async () => {
    const set = new ReplicaSet();
    await appended(set, "a");
    set.setDown(3, true);
    void set.append(["b"]);
    await set.settle();
    expect(expectOk(await read(set, 2)).nextOffset).toBe(1);
    expect(expectOk(await read(set, 2, 1)).batches).toHaveLength(0);
    expect(await read(set, 2, 3)).toMatchObject({ error: "NOT_LEADER_OR_FOLLOWER" });
  });

  it("that waits at a follower is answered when the record is committed", async () => {
    const set = new ReplicaSet();
    await appended(set, "a");
    await read(set, 2, 1);
    const waiting = set.replica(2).fetch({
      offset: 1,
      maxBytes: 1e6,
      minBytes: 1,
      maxWaitMs: 30_000,
      isolation: "read_uncommitted",
    });
    await appended(set, "b");
    await set.settle();
    expect(expectOk(await waiting).nextOffset).toBe(2);
  });

  it("from a leader that has just woken up shows everything that was acknowledged", async () => {
    const set = new ReplicaSet();
    await appended(set, "a");
    set.restart(1);
    const page = read(set, 1);
    await set.settle();
    expect(expectOk(await page).nextOffset).toBe(1);
  });

  it("of offsets from a new leader waits until it knows what is committed", async () => {
    const set = new ReplicaSet();
    await appended(set, "a");
    for (const brokerId of [1, 3]) set.setDown(brokerId, true);
    set.elect(2);
    set.tell(2);
    const listed = set.replica(2).listOffset({ at: "latest" });
    await set.pass(3_000);
    expect(await listed).toMatchObject({ error: "OFFSET_NOT_AVAILABLE" });
    for (const brokerId of [1, 3]) set.setDown(brokerId, false);
    await set.pass(10_000);
    expect(await set.replica(2).listOffset({ at: "latest" })).toMatchObject({ offset: 1 });
  });
});

describe("the log start", () => {
  it("rises on followers with the leader's", async () => {
    const set = new ReplicaSet();
    for (const value of ["a", "b", "c"]) await appended(set, value);
    expectOk(await set.leader.deleteRecords(2));
    await set.settle();
    expect(set.ends().map(([start]) => start)).toEqual([2, 2, 2]);
    expectAlike(set);
  });
});
