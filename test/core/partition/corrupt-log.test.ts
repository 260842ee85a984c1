/** Chunks that are not what was written: they are neither read nor copied, and the replica copies its log anew. */
import { describe, expect, it } from "vitest";
import type { StoragePort } from "../../../src/base/ports.ts";
import { TAIL_CLOSE } from "../../../src/objects/contracts/partition.ts";
import { expectOk, ReplicaHarness } from "../../support/replica.ts";
import { ReplicaSet } from "../../support/replica-set.ts";
import { TestSocket } from "../../support/tail-socket.ts";

/** Flips one bit in the last byte of a stored chunk. */
function flip(storage: StoragePort, baseOffset: number): void {
  const sql = "SELECT data FROM chunks WHERE base_offset = ?";
  const data = new Uint8Array(storage.all<{ data: ArrayBuffer }>(sql, baseOffset)[0]!.data);
  data[data.length - 1]! ^= 1;
  storage.all("UPDATE chunks SET data = ? WHERE base_offset = ?", data, baseOffset);
}

const DAMAGES: Record<string, (storage: StoragePort) => void> = {
  "a flipped bit": (storage) => flip(storage, 2),
  "a lost row": (storage) => storage.all("DELETE FROM chunks WHERE base_offset = 2"),
  "a row cut short": (storage) =>
    storage.all("UPDATE chunks SET data = substr(data, 1, 70) WHERE base_offset = 2"),
  "another leader epoch": (storage) =>
    storage.all("UPDATE chunks SET leader_epoch = 7 WHERE base_offset = 2"),
};

describe("corrupt storage", () => {
  for (const [what, damage] of Object.entries(DAMAGES)) {
    it(`${what}: its offsets are named, what lies before and behind is read`, async () => {
      const harness = new ReplicaHarness();
      for (const pair of ["ab", "cd", "ef"]) await harness.appendValues([...pair]);
      damage(harness.storage);
      harness.restart();
      const before = expectOk(await harness.fetch(0));
      expect(before.nextOffset).toBe(2);
      const refused = await harness.fetch(2);
      expect(refused).toMatchObject({ ok: false, error: "KAFKA_STORAGE_ERROR" });
      expect(refused).toMatchObject({ message: expect.stringContaining("Offsets 2 to 3") });
      expect(expectOk(await harness.fetch(4)).nextOffset).toBe(6);
      expect(harness.replica.probe().wasReset).toBe(true);
      expect(harness.replica.describe().storage).toBe("corrupt");
      expect(harness.brokenBy).toBeNull();
    });
  }

  it("closes a tail that meets it, and says why to one that comes again", async () => {
    const harness = new ReplicaHarness();
    for (const pair of ["ab", "cd", "ef"]) await harness.appendValues([...pair]);
    flip(harness.storage, 2);
    harness.restart();
    const socket = new TestSocket();
    expect(await harness.replica.openTail(0, () => socket)).toBeNull();
    expect(socket.offsets()).toEqual([0, 1]);
    expect(socket.closed).toEqual([TAIL_CLOSE.resume, "2"]);
    expect(harness.replica.tails.size).toBe(0);
    const refused = await harness.replica.openTail(2, () => new TestSocket());
    expect(refused).toMatchObject({ error: "KAFKA_STORAGE_ERROR" });
    expect(refused).toMatchObject({ message: expect.stringContaining("Offsets 2 to 3") });
    const behind = new TestSocket();
    expect(await harness.replica.openTail(4, () => behind)).toBeNull();
    expect(behind.offsets()).toEqual([4, 5]);
  });

  it("is not copied to a replica that catches up", async () => {
    const set = new ReplicaSet({ brokers: [1, 2] });
    for (const pair of ["ab", "cd", "ef"]) expectOk(await set.append([...pair]));
    await set.settle();
    await set.lose(2);
    flip(set.members.get(1)!.storage, 2);
    set.decide({ inSync: [1] });
    set.restart(1);
    set.tell(1);
    set.create(2, false);
    await set.pass(60_000);
    expect(set.rows(2)).toHaveLength(1);
    expect(set.replica(2).probe().wasReset).toBe(true);
    expect(set.reported).toContain(1);
  });

  it("a follower that finds itself corrupt copies the log anew once it is out of sync", async () => {
    const set = new ReplicaSet({ brokers: [1, 2] });
    for (const pair of ["ab", "cd", "ef"]) expectOk(await set.append([...pair]));
    await set.pass(1_000);
    flip(set.members.get(2)!.storage, 2);
    set.restart(2);
    const read = { offset: 2, maxBytes: 1, minBytes: 0, maxWaitMs: 0 } as const;
    const refused = await set.replica(2).fetch({ ...read, isolation: "read_uncommitted" });
    expect(refused).toMatchObject({ ok: false, error: "KAFKA_STORAGE_ERROR" });
    // It reports that itself; the controller treats it as a lost storage.
    expect(set.reported).toContain(2);
    const assigned = set.replica(2).assign(set.assignment(2));
    expect(assigned).toMatchObject({ ok: true, wasReset: true });
    set.decide({ inSync: [1] });
    set.tell(2, 1);
    await set.pass(60_000);
    expect(set.rows(2)).toEqual(set.rows(1));
    expect(set.replica(2).probe().wasReset).toBe(false);
    expect(set.state.inSync).toEqual(expect.arrayContaining([1, 2]));
  });

  it("a follower that is corrupt acknowledges nothing, and keeps what it has, while it is in sync", async () => {
    const set = await found(2);
    expectOk(await set.append(["g", "h"], { acks: 1 }));
    await set.pass(100);
    expect(set.leader.probe()).toMatchObject({ highWatermark: 6, logEndOffset: 8 });
    expect(set.replica(2).probe()).toMatchObject({ logEndOffset: 6, wasReset: true });
    set.decide({ inSync: [1] });
    set.tell(2, 1);
    await set.pass(60_000);
    expect(set.rows(2)).toEqual(set.rows(1));
  });

  it("a follower that is corrupt, and is told to catch up, gives up all that it has first", async () => {
    const set = await found(2);
    set.decide({ inSync: [1] });
    set.tell(2);
    const { leaderEpoch } = set.state;
    const request = { leaderEpoch, highWatermark: 6, logStartOffset: 0 };
    expectOk(await set.replica(2).catchUp(request));
    expect(set.rows(2)).toEqual(set.rows(1));
    expect(set.replica(2).probe().wasReset).toBe(false);
  });
});

const READ = { maxBytes: 1, minBytes: 0, maxWaitMs: 0, isolation: "read_uncommitted" } as const;

/** Three chunks on two replicas in sync; the chunk at offset 2 of one is damaged, and found so by a reader. */
async function found(brokerId: number, configs: Record<string, string> = {}): Promise<ReplicaSet> {
  const set = new ReplicaSet({ brokers: [1, 2], configs });
  for (const pair of ["ab", "cd", "ef"]) expectOk(await set.append([...pair]));
  await set.pass(1_000);
  flip(set.members.get(brokerId)!.storage, 2);
  set.restart(brokerId);
  const refused = await set.replica(brokerId).fetch({ ...READ, offset: 2 });
  expect(refused).toMatchObject({ error: "KAFKA_STORAGE_ERROR" });
  await set.settle();
  return set;
}

describe("what a replica has found of its corruption", () => {
  it("is known when it wakes up", async () => {
    const set = await found(2);
    set.restart(2);
    expect(set.replica(2).probe()).toMatchObject({ wasReset: true, logEndOffset: 6 });
    expectOk(await set.append(["g"], { acks: 1 }));
    await set.pass(100);
    expect(set.leader.probe()).toMatchObject({ highWatermark: 6, logEndOffset: 7 });
    expect(set.replica(2).probe()).toMatchObject({ logEndOffset: 6 });
    set.decide({ inSync: [1] });
    set.tell(2, 1);
    await set.pass(60_000);
    expect(set.rows(2)).toEqual(set.rows(1));
    set.restart(2);
    expect(set.replica(2).probe()).toMatchObject({ wasReset: false });
  });

  it("costs one row, however often it is read", async () => {
    const harness = new ReplicaHarness();
    for (const pair of ["ab", "cd"]) await harness.appendValues([...pair]);
    flip(harness.storage, 2);
    harness.restart();
    const before = harness.storage.rowsWritten;
    for (let i = 0; i < 10; i++) await harness.fetch(2);
    expect(harness.storage.rowsWritten - before).toBe(1);
  });

  it("is told to the controller again and again while that has not heard", async () => {
    const set = await found(2);
    const times = () => set.reported.filter((brokerId) => brokerId === 2).length;
    const before = times();
    set.restart(2);
    await set.settle();
    expect(times()).toBe(before + 1);
    expectOk(await set.append(["g"], { acks: 1 }));
    await set.pass(100);
    expect(times()).toBeGreaterThan(before + 1);
  });

  it("a follower: it asks its leader for nothing, which would count as having everything", async () => {
    const set = await found(2);
    set.calls.length = 0;
    // A read beyond what the follower knows has it ask its leader.
    const page = set.replica(2).fetch({ ...READ, offset: 7 });
    await set.settle();
    expect(await page).toMatchObject({ error: "NOT_LEADER_OR_FOLLOWER" });
    expect(set.calls.filter(({ kind }) => kind === "pull")).toEqual([]);
  });

  it("a leader with others in sync: it leads no more, nor when it wakes up, until it is copied anew", async () => {
    const set = await found(1);
    const leadsNoMore = async (): Promise<void> => {
      expect(set.replica(1).describe()).toMatchObject({ role: "follower" });
      expect(await set.append(["g"])).toMatchObject({ error: "LEADER_NOT_AVAILABLE" });
      expect(set.reported).toContain(1);
    };
    await leadsNoMore();
    set.reported.length = 0;
    set.restart(1);
    await set.settle();
    await leadsNoMore();
    // It does not lead even if it is elected.
    set.elect(1);
    set.tell(1);
    await leadsNoMore();
    set.elect(2, [2]);
    set.tell(2, 1);
    expectOk(await set.append(["g"]));
    await set.pass(60_000);
    expect(set.rows(1)).toEqual(set.rows(2));
    expect(set.replica(1).probe()).toMatchObject({ wasReset: false });
    set.elect(1, [1, 2]);
    set.tell(1, 2);
    expectOk(await set.append(["h"]));
  });

  it("a leader whose appends wait: they end as unknown, not as refused", async () => {
    const set = await found(2);
    flip(set.members.get(1)!.storage, 0);
    set.restart(1);
    const waits = set.append(["g"]);
    await set.settle();
    await set.leader.fetch({ ...READ, offset: 0 });
    expect(await waits).toMatchObject({ error: "NOT_LEADER_OR_FOLLOWER", written: true });
  });

  it("a leader alone in sync: it reads what it can, takes appends, and hands over when another is in sync", async () => {
    const set = await found(1);
    set.setDown(2, true);
    set.elect(1, [1]);
    set.tell(1);
    const goesOn = async (value: string): Promise<void> => {
      expect(set.leader.describe()).toMatchObject({ role: "leader" });
      expectOk(await set.append([value]));
      const page = { ...READ, maxBytes: 1_000 };
      expect(expectOk(await set.leader.fetch({ ...page, offset: 0 })).nextOffset).toBe(2);
      expect(await set.leader.fetch({ ...page, offset: 2 })).toMatchObject({
        message: expect.stringContaining("Offsets 2 to 3"),
      });
      const { logEndOffset } = set.leader.probe();
      expect(expectOk(await set.leader.fetch({ ...page, offset: 4 })).nextOffset).toBe(
        logEndOffset,
      );
    };
    await goesOn("g");
    set.restart(1);
    await goesOn("h");
    // The other replica has the damaged records, and comes back.
    set.setDown(2, false);
    set.leader.onAlarm();
    await set.pass(60_000);
    expect(set.state.inSync).toContain(2);
    expect(set.leader.describe()).toMatchObject({ role: "follower" });
    set.elect(2, [2]);
    set.tell(2, 1);
    await set.pass(60_000);
    expect(set.rows(1)).toEqual(set.rows(2));
    expect(set.rows(1)).toHaveLength(5);
  });
});
