/** Rows that storage has lost: every look-up notices them, and nobody is sent past records that others still have. */
import { describe, expect, it } from "vitest";
import type { StoragePort } from "../../../src/base/ports.ts";
import { expectOk, ReplicaHarness } from "../../support/replica.ts";
import { ReplicaSet } from "../../support/replica-set.ts";

function loseRow(storage: StoragePort, baseOffset: number): void {
  storage.all("DELETE FROM chunks WHERE base_offset = ?", baseOffset);
}

describe("rows that storage has lost", () => {
  /** One replica alone with "ab", "cd", "ef" in three chunks, after the damage and a restart. */
  async function alone(damage: (harness: ReplicaHarness) => unknown): Promise<ReplicaHarness> {
    const harness = new ReplicaHarness();
    for (const pair of ["ab", "cd", "ef"]) await harness.appendValues([...pair]);
    await damage(harness);
    harness.restart();
    return harness;
  }

  /** A leader alone in sync that has lost its first row; the other replica has lost its storage. */
  async function withoutFirstRow(startOffset: number): Promise<ReplicaSet> {
    const set = new ReplicaSet({ brokers: [1, 2] });
    for (const pair of ["ab", "cd", "ef"]) expectOk(await set.append([...pair]));
    if (startOffset > 0) expectOk(await set.leader.deleteRecords(startOffset));
    await set.lose(2);
    loseRow(set.members.get(1)!.storage, 0);
    set.decide({ inSync: [1] });
    set.restart(1);
    set.tell(1);
    return set;
  }

  for (const startOffset of [0, 1]) {
    it(`the first, with the log start at ${startOffset}: nobody is told to begin behind it (weather seed 260)`, async () => {
      const set = await withoutFirstRow(startOffset);
      set.create(2, false);
      await set.pass(60_000);
      expect(set.replica(2).probe()).toMatchObject({ logEndOffset: 0, wasReset: true });
      expect(set.rows(2)).toEqual([]);
      expect(set.reported).toContain(1);
      // Once the records there are deleted, the log begins at a row that exists.
      expectOk(await set.leader.deleteRecords(2));
      expectOk(await set.append(["g"], { acks: 1 }));
      await set.pass(60_000);
      expect(set.rows(2)).toEqual(set.rows(1));
      expect(set.replica(2).probe()).toMatchObject({ logEndOffset: 7, wasReset: false });
    });
  }

  it("the first: who holds it goes on behind, and is in sync", async () => {
    const set = new ReplicaSet({ brokers: [1, 2] });
    for (const pair of ["ab", "cd"]) expectOk(await set.append([...pair]));
    await set.settle();
    set.setDown(2, true);
    set.decide({ inSync: [1] });
    set.tell(1);
    expectOk(await set.append(["e", "f"]));
    loseRow(set.members.get(1)!.storage, 0);
    set.restart(1);
    set.setDown(2, false);
    set.leader.onAlarm();
    await set.pass(60_000);
    expect(set.replica(2).probe()).toMatchObject({ logEndOffset: 6 });
    expect(set.state.inSync).toContain(2);
  });

  it("a follower that has lost one below where its leader's log goes on cuts nothing off", async () => {
    const set = new ReplicaSet();
    for (const pair of ["ab", "cd"]) expectOk(await set.append([...pair]));
    await set.pass(1_000);
    set.setDown(3, true);
    expectOk(await set.append(["e", "f"], { acks: 1 }));
    await set.settle();
    set.setDown(1, true);
    loseRow(set.members.get(2)!.storage, 2);
    set.restart(2);
    set.setDown(3, false);
    set.elect(3, [2, 3]);
    set.tell(2, 3);
    await set.pass(10_000);
    expect(set.replica(2).probe()).toMatchObject({ logEndOffset: 6, wasReset: true });
    set.decide({ inSync: [3] });
    set.tell(2, 3);
    await set.pass(60_000);
    expect(set.rows(2)).toEqual(set.rows(3));
    expect(set.replica(2).probe()).toMatchObject({ logEndOffset: 4, wasReset: false });
  });

  /** Three epochs in five chunks: 0 up to offset 4, 1 up to 8, 2 up to 10. */
  async function ofThreeEpochs(...lost: number[]): Promise<ReplicaHarness> {
    const harness = new ReplicaHarness();
    const lead = (leaderEpoch: number) =>
      harness.replica.assign(harness.assignment({}, { leaderEpoch }));
    for (const pair of ["ab", "cd"]) await harness.appendValues([...pair]);
    lead(1);
    for (const pair of ["ef", "gh"]) await harness.appendValues([...pair]);
    lead(2);
    await harness.appendValues(["i", "j"]);
    for (const base of lost) loseRow(harness.storage, base);
    harness.restart();
    return harness;
  }

  it("an epoch that ends in a lost row has no known end", async () => {
    const { replica } = await ofThreeEpochs(2);
    expect(() => replica.endOfEpoch(0)).toThrow(/Offsets 2 to 3/);
    expect(replica.endOfEpoch(1)).toMatchObject({ leaderEpoch: 1, endOffset: 8 });
    const other = (await ofThreeEpochs(4)).replica;
    expect(() => other.endOfEpoch(0)).toThrow(/Offsets 4 to 5/);
    expect(other.endOfEpoch(1)).toMatchObject({ leaderEpoch: 1, endOffset: 8 });
    const both = (await ofThreeEpochs(4, 6)).replica;
    expect(() => both.endOfEpoch(0)).toThrow(/Offsets 4 to 7/);
    expect(() => both.endOfEpoch(1)).toThrow(/Offsets 4 to 7/);
  });

  it("an epoch that ends in a row that is there has its end, whatever is lost beside it", async () => {
    const first = (await ofThreeEpochs(0)).replica;
    expect(first.endOfEpoch(0)).toMatchObject({ leaderEpoch: 0, endOffset: 4 });
    expect(first.endOfEpoch(1)).toMatchObject({ leaderEpoch: 1, endOffset: 8 });
    expect((await ofThreeEpochs(6)).replica.endOfEpoch(0)).toMatchObject({ endOffset: 4 });
  });

  it("last rows that are lost: the log ends where it ended, and goes on there", async () => {
    const harness = await alone(async ({ replica, storage }) => {
      // Raising the log start writes the state row, which states the end.
      expectOk(await replica.deleteRecords(1));
      loseRow(storage, 4);
    });
    expect(harness.replica.probe()).toMatchObject({ logEndOffset: 6, wasReset: true });
    expect(expectOk(await harness.fetch(1)).nextOffset).toBe(4);
    const refused = await harness.fetch(4);
    expect(refused).toMatchObject({ message: expect.stringContaining("Offsets 4 to 5") });
    expect(await harness.appendValues(["g"])).toMatchObject({ baseOffset: 6 });
    harness.restart();
    expect(expectOk(await harness.fetch(6)).nextOffset).toBe(7);
    expect(harness.brokenBy).toBeNull();
  });

  it("all rows that are lost: the log is as long as it was", async () => {
    const harness = await alone(async ({ replica, storage }) => {
      expectOk(await replica.deleteRecords(1));
      storage.all("DELETE FROM chunks");
    });
    expect(harness.replica.probe()).toMatchObject({ logEndOffset: 6, wasReset: true });
    const refused = await harness.fetch(1);
    expect(refused).toMatchObject({ message: expect.stringContaining("Offsets 1 to 5") });
    expect(await harness.appendValues(["g"])).toMatchObject({ baseOffset: 6 });
  });

  it("a lost row among those that tell of producers is noticed on waking up", async () => {
    const harness = new ReplicaHarness();
    for (const baseSequence of [0, 1, 2]) {
      await harness.appendValues(["a"], { producerId: 7, producerEpoch: 0, baseSequence });
    }
    harness.restart();
    expect(harness.replica.probe()).toMatchObject({ wasReset: false });
    loseRow(harness.storage, 1);
    harness.restart();
    expect(harness.replica.probe()).toMatchObject({ wasReset: true });
  });
});
