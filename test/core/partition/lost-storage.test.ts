/** What a replica that lost its storage is worth, until it has copied everything (KIP-903). */
import { describe, expect, test } from "vitest";
import { expectOk } from "../../support/replica.ts";
import { ReplicaSet } from "../../support/replica-set.ts";

async function appended(set: ReplicaSet, ...values: string[]): Promise<void> {
  const answer = set.append(values);
  await set.settle();
  expectOk(await answer);
}

/** Three replicas with one committed record, of which one has lost its storage and was told what it is. */
async function lost(brokerId: number): Promise<ReplicaSet> {
  const set = new ReplicaSet();
  await appended(set, "a");
  await set.lose(brokerId);
  set.create(brokerId, false);
  return set;
}

describe("a lost storage", () => {
  test("is noticed by an object that was told of a log and has none", async () => {
    const set = await lost(3);
    expect(set.replica(3).probe()).toMatchObject({ wasReset: true, logEndOffset: 0 });
    expect(set.replica(3).assign(set.assignment(3))).toEqual({ ok: true, wasReset: true });
  });

  test("is remembered through a restart", async () => {
    const set = await lost(3);
    set.setDown(1, true);
    // Another assignment: the row that tells of the loss is written anew.
    set.decide({});
    set.tell(3);
    set.restart(3);
    expect(set.replica(3).probe()).toMatchObject({ wasReset: true, logEndOffset: 0 });
    set.setDown(1, false);
    await appended(set, "b");
    await set.pass(20_000);
    expect(set.replica(3).probe()).toMatchObject({ wasReset: false, logEndOffset: 2 });
    set.restart(3);
    expect(set.replica(3).probe()).toMatchObject({ wasReset: false, logEndOffset: 2 });
  });

  test("keeps a replica from leading", async () => {
    const set = await lost(2);
    set.setDown(1, true);
    set.elect(2, [2, 3]);
    set.tell(2, 3);
    await set.settle();
    expect(await set.append(["over nothing"])).toMatchObject({ error: "STORAGE_LOST" });
    expect(set.replica(2).describe()).toMatchObject({ role: "follower", logEndOffset: 0 });
    set.restart(2);
    expect(set.replica(2).describe()).toMatchObject({ role: "follower", logEndOffset: 0 });
    expect(set.replica(3).probe()).toMatchObject({ logEndOffset: 1 });
  });

  test("takes back what the replica had acknowledged", async () => {
    const set = new ReplicaSet();
    await appended(set, "a");
    // Broker 3 has the second record and says so; broker 2 does not, so it is not committed.
    set.setDown(2, true);
    expectOk(await set.append(["b"], { acks: 1 }));
    await set.settle();
    const ofThree = () =>
      set.leader.describe().followers.find(({ brokerId }) => brokerId === 3)?.endOffset;
    expect(ofThree()).toBe(2);
    await set.lose(3);
    set.create(3, false);
    set.beforeCall = ({ from, kind }) => {
      if (from === 3 && kind === "pull") throw new Error("it cannot copy");
    };
    expectOk(await set.append(["c"], { acks: 1 }));
    await set.settle();
    expect(ofThree()).toBe(-1);
    // With what it had said, the second record would be taken for committed as soon as broker 2 has it.
    set.setDown(2, false);
    await set.pass(5_000);
    expect(set.replica(2).probe()).toMatchObject({ logEndOffset: 3 });
    expect(set.leader.describe()).toMatchObject({ highWatermark: 1, logEndOffset: 3 });
  });

  /** Broker 3 has lost what it had said it has, the controller took it out, and nobody can call it. */
  async function takenOut(): Promise<ReplicaSet> {
    const set = await lost(3);
    set.beforeCall = ({ from, to }) => {
      if (from === 3 || to === 3) throw new Error("it cannot be called");
    };
    set.decide({ inSync: [1, 2] });
    set.tell(1, 2);
    await set.settle();
    return set;
  }

  test("does not come back in sync by what the replica had said before it left", async () => {
    const set = await takenOut();
    expect(set.state.inSync).toEqual([1, 2]);
    set.beforeCall = null;
    set.tell(3);
    await set.pass(20_000);
    expect(set.state.inSync).toEqual(expect.arrayContaining([1, 2, 3]));
    expect(set.replica(3).probe()).toMatchObject({ wasReset: false, logEndOffset: 1 });
  });

  /** Pulls as broker 3 from the end of the leader's log; where the leader has it end then. */
  async function pulled(
    set: ReplicaSet,
    says: Partial<Parameters<ReplicaSet["leader"]["pull"]>[0]>,
  ): Promise<number | undefined> {
    const { storage } = set.members.get(1)!;
    const sql = "SELECT size_bytes AS position FROM chunks";
    const { position } = storage.all<{ position: number }>(sql)[0]!;
    const from = { offset: 1, leaderEpoch: 0 };
    const pull = { brokerId: 3, leaderEpoch: 0, from, position, maxBytes: 1_000 };
    expectOk(await set.leader.pull({ ...pull, ...says }));
    await set.settle();
    return set.leader.describe().followers.find(({ brokerId }) => brokerId === 3)?.endOffset;
  }

  test("does not come back in sync by a pull that was under way when the replica left", async () => {
    const set = await takenOut();
    expect(await pulled(set, { partitionEpoch: 0 })).toBe(-1);
    expect(set.state.inSync).toEqual([1, 2]);
    // Once it has heard that it is out, what it says is of what it has.
    expect(await pulled(set, { partitionEpoch: set.state.partitionEpoch })).toBe(1);
  });

  test("a pull of the object that a replica was before acknowledges nothing for the present one", async () => {
    const set = await takenOut();
    const { partitionEpoch } = set.state;
    expect(await pulled(set, { partitionEpoch, generation: 0 })).toBe(-1);
    expect(await pulled(set, { partitionEpoch, generation: 1 })).toBe(1);
  });
});
