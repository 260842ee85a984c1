/** When an append with acks=all is answered, and which replicas it waits for. */
import { describe, expect, it } from "vitest";
import { batchOf, expectOk } from "../../support/replica.ts";
import { ReplicaSet } from "../../support/replica-set.ts";
import { appended, expectAlike, read } from "./replica-logs.ts";

describe("acks=all", () => {
  it("waits for every in-sync replica, acks=1 for none", async () => {
    const set = new ReplicaSet();
    set.setDown(3, true);
    let isAnswered = false;
    const answer = set.append(["a"]).finally(() => (isAnswered = true));
    await set.settle();
    expect(isAnswered).toBe(false);
    expectOk(await set.append(["b"], { acks: 1 }));
    const page = read(set, 1);
    await set.pass(2_000);
    expect(expectOk(await page).batches).toHaveLength(0);
    expect(isAnswered).toBe(false);
    set.setDown(3, false);
    await set.pass(5_000);
    expectOk(await answer);
    expect(set.ends()[0]).toEqual([0, 2, 2]);
    expectAlike(set);
  });

  it("goes on without a follower that is behind for replica.lag.time.max.ms", async () => {
    const set = new ReplicaSet({ settings: { "replica.lag.time.max.ms": "1000" } });
    set.setDown(3, true);
    const answer = set.append(["a"]);
    await set.pass(2_000);
    expectOk(await answer);
    expect(set.state.inSync).toEqual([1, 2]);
  });

  it("ends as unknown when its time is over", async () => {
    const set = new ReplicaSet({ settings: { "request.timeout.ms": "500" } });
    set.setDown(3, true);
    const answer = set.append(["a"]);
    await set.pass(600);
    expect(await answer).toMatchObject({ error: "REQUEST_TIMED_OUT" });
  });

  it("is refused with nothing written while too few are in sync", async () => {
    const set = new ReplicaSet({ configs: { "min.insync.replicas": "2" } });
    set.decide({ inSync: [1] });
    set.tell(1);
    expect(await set.append(["a"])).toMatchObject({ error: "NOT_ENOUGH_REPLICAS" });
    expect(set.rows(1)).toHaveLength(0);
    expectOk(await set.append(["b"], { acks: 1 }));
    expect(expectOk(await read(set, 1)).batches).toHaveLength(0);
  });

  it("is unknown when too few are in sync after it was written", async () => {
    const set = new ReplicaSet({
      configs: { "min.insync.replicas": "3" },
      settings: { "replica.lag.time.max.ms": "1000" },
    });
    set.setDown(3, true);
    const answer = set.append(["a"]);
    await set.pass(2_000);
    expect(await answer).toMatchObject({ error: "NOT_ENOUGH_REPLICAS_AFTER_APPEND" });
    // It was written, and becomes readable once the third replica is back.
    set.setDown(3, false);
    await set.fireAlarm(1);
    await set.pass(1_000);
    expect(set.state.inSync).toEqual([1, 2, 3]);
    expect(expectOk(await read(set, 1)).batches.byteLength).toBeGreaterThan(0);
  });

  it("is unknown to a leader that is deposed while it waits", async () => {
    const set = new ReplicaSet();
    set.setDown(3, true);
    const answer = set.append(["a"]);
    await set.settle();
    set.elect(2, [2, 1]);
    set.tell(2);
    await set.pass(1_000);
    expect(await answer).toMatchObject({ error: "NOT_LEADER_OR_FOLLOWER" });
    // Yet it stays, since the new leader had it (KAFKA-13574).
    expect(expectOk(await read(set, 2)).nextOffset).toBe(1);
  });

  it("answers a repeat only when the first is committed", async () => {
    const set = new ReplicaSet();
    set.setDown(3, true);
    const batch = () => batchOf(["a"], 1, { producerId: 7, producerEpoch: 0, baseSequence: 0 });
    const answers: unknown[] = [];
    for (const batches of [batch(), batch()]) {
      void set.leader.append({ batches, acks: -1 }).then((answer) => answers.push(answer));
      await set.settle();
    }
    expect(answers).toHaveLength(0);
    set.setDown(3, false);
    await set.pass(1_000);
    expect(answers).toMatchObject([
      { ok: true, baseOffset: 0, duplicate: false },
      { ok: true, baseOffset: 0, duplicate: true },
    ]);
  });
});

describe("the in-sync set", () => {
  it("counts who was asked for before the controller has answered", async () => {
    const set = new ReplicaSet({ settings: { "replica.lag.time.max.ms": "500" } });
    set.decide({ inSync: [1, 2] });
    set.tell(1);
    set.isControllerCut = true;
    await appended(set, "a");
    await set.settle();
    // Broker 3 has everything, and that it joins may have been decided: without it nothing is committed.
    set.setDown(3, true);
    let isAnswered = false;
    const answer = set.append(["b"]).finally(() => (isAnswered = true));
    await set.settle();
    expect(isAnswered).toBe(false);
    set.isControllerCut = false;
    await set.pass(10_000);
    expectOk(await answer);
    expect(set.state.inSync).toEqual([1, 2]);
  });

  it("is whole again after an unfencing, without anybody's doing", async () => {
    const set = new ReplicaSet();
    set.setFenced(3, true);
    set.decide({ inSync: [1, 2] });
    set.tell(1, 2, 3);
    await appended(set, "a");
    expect(await read(set, 3)).toMatchObject({ error: "REPLICA_NOT_AVAILABLE" });
    set.setFenced(3, false);
    set.tell(1, 2, 3);
    await set.pass(1_000);
    expect(set.state.inSync).toEqual([1, 2, 3]);
    expectAlike(set);
  });
});
