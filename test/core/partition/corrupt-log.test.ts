/** Storage that lies: what is not what was written is neither read nor copied, and is made up for. */
import { describe, expect, it } from "vitest";
import type { StoragePort } from "../../../src/base/ports.ts";
import { TAIL_CLOSE } from "../../../src/objects/partition/api.ts";
import { expectOk, ReplicaHarness } from "../../support/replica.ts";
import { ReplicaSet } from "../../support/replica-set.ts";
import { TestSocket } from "../../support/tail-socket.ts";

/** Turns one bit of the last byte of a stored chunk. */
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
    // It says so itself, and the controller hears of it as of a storage that was lost.
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

  /** Two in sync, the follower's log corrupt, and found so by a reader. */
  async function withCorruptFollower(): Promise<ReplicaSet> {
    const set = new ReplicaSet({ brokers: [1, 2] });
    for (const pair of ["ab", "cd", "ef"]) expectOk(await set.append([...pair]));
    await set.pass(1_000);
    flip(set.members.get(2)!.storage, 2);
    set.restart(2);
    const read = { offset: 2, maxBytes: 1, minBytes: 0, maxWaitMs: 0 } as const;
    await set.replica(2).fetch({ ...read, isolation: "read_uncommitted" });
    return set;
  }

  it("a follower that is corrupt acknowledges nothing, and keeps what it has, while it is in sync", async () => {
    const set = await withCorruptFollower();
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
    const set = await withCorruptFollower();
    set.decide({ inSync: [1] });
    set.tell(2);
    const { leaderEpoch } = set.state;
    const request = { leaderEpoch, highWatermark: 6, logStartOffset: 0 };
    expectOk(await set.replica(2).catchUp(request));
    expect(set.rows(2)).toEqual(set.rows(1));
    expect(set.replica(2).probe().wasReset).toBe(false);
  });
});
