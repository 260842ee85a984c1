/** What is acknowledged is durable; what is not durable is neither acknowledged nor readable. */
import { describe, expect, it } from "vitest";
import { InvariantBroken } from "../../../src/base/errors.ts";
import { batchOf, expectOk, ReplicaHarness, valuesOf } from "../../support/replica.ts";

const settled = async (promise: Promise<unknown>): Promise<boolean> => {
  let is = false;
  void promise.then(() => (is = true));
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  return is;
};

describe("durability", () => {
  it("NATS #7564: acknowledges no append, and shows none, before its flush is durable", async () => {
    const harness = new ReplicaHarness({ durability: "held" });
    const append = harness.append(batchOf(["a"], 1));
    expect(await settled(append)).toBe(false);
    expect(expectOk(await harness.fetch(0)).highWatermark).toBe(0);
    expect(expectOk(await harness.fetch(0)).batches).toHaveLength(0);
    harness.storage.confirm();
    expect(expectOk(await append).baseOffset).toBe(0);
    expect(valuesOf(await harness.readAll(0))).toEqual(["a"]);
  });

  it.each(["0", "1048576"])(
    "shows what is durable and not what lies behind it (tail of %s bytes)",
    async (tail) => {
      const settings = { "tail.memory.bytes": tail };
      const harness = new ReplicaHarness({ durability: "held", settings });
      await harness.confirmUntil(harness.append(batchOf(["durable"], 1)));
      const pending = harness.append(batchOf(["not yet"], 1));
      expect(await settled(pending)).toBe(false);
      expect(valuesOf(await harness.readAll(0))).toEqual(["durable"]);
      expect(expectOk(await harness.fetch(1)).batches).toHaveLength(0);
      await harness.confirmUntil(pending);
      expect(valuesOf(await harness.readAll(0))).toEqual(["durable", "not yet"]);
    },
  );

  it("loses an append that was not acknowledged, and nothing else, in a crash", async () => {
    const harness = new ReplicaHarness({ durability: "held" });
    await harness.confirmUntil(harness.append(batchOf(["kept"], 1)));
    void harness.append(batchOf(["lost"], 1));
    harness.restart();
    expect(valuesOf(await harness.readAll(0))).toEqual(["kept"]);
    const next = await harness.confirmUntil(harness.append(batchOf(["next"], 1)));
    expect(expectOk(next).baseOffset).toBe(1);
  });

  it("gathers what arrives while a flush is under way into one row", async () => {
    const harness = new ReplicaHarness({ durability: "held" });
    const first = harness.append(batchOf(["0"], 1));
    await settled(first);
    const rows = harness.storage.rowsWritten;
    const rest = Array.from({ length: 63 }, (_, i) => harness.append(batchOf([String(i + 1)], 1)));
    const all = await harness.confirmUntil(Promise.all(rest));
    expect(expectOk(await first).baseOffset).toBe(0);
    expect(harness.storage.rowsWritten - rows).toBe(1);
    const answers = all.map((answer) => expectOk(answer).baseOffset);
    expect(answers).toEqual(rest.map((_, i) => i + 1));
    expect(valuesOf(await harness.readAll(0))).toEqual(
      Array.from({ length: 64 }, (_, i) => String(i)),
    );
  });

  it("writes nothing and keeps its state when storage refuses the rows", async () => {
    const harness = new ReplicaHarness();
    const numbered = { producerId: 7, producerEpoch: 0, baseSequence: 0 };
    harness.storage.beforeStatement = (sql) => {
      if (sql.startsWith("INSERT INTO chunks")) throw new Error("disk full");
    };
    const refused = await harness.append(batchOf(["a"], 1, numbered));
    expect(refused).toMatchObject({ ok: false, error: "KAFKA_STORAGE_ERROR" });
    harness.storage.beforeStatement = null;
    expect(expectOk(await harness.append(batchOf(["a"], 1, numbered)))).toMatchObject({
      baseOffset: 0,
      duplicate: false,
    });
    expect(harness.brokenBy).toBeNull();
  });

  it("a broken assumption ends the object and is no failure of storage", async () => {
    for (const fault of [new TypeError("x is not a function"), new InvariantBroken("cannot be")]) {
      const harness = new ReplicaHarness();
      harness.storage.beforeStatement = (sql) => {
        if (sql.startsWith("INSERT INTO chunks")) throw fault;
      };
      const refused = await harness.append(batchOf(["a"], 1));
      expect(refused).toMatchObject({ ok: false, error: "KAFKA_STORAGE_ERROR" });
      expect(refused).toMatchObject({ message: expect.stringContaining("begins anew") });
      expect(harness.brokenBy).toBe(fault);
    }
  });

  it("splits a request over rows below the platform's bound, all or nothing", async () => {
    const harness = new ReplicaHarness({ configs: { "max.message.bytes": "1000000" } });
    const values = ["a", "b", "c", "d", "e"].map((letter) => letter.repeat(900_000));
    const bytes = Buffer.concat(values.map((value) => batchOf([value], 1)));
    const before = harness.storage.rowsWritten;
    const appended = expectOk(await harness.append(new Uint8Array(bytes)));
    expect(appended).toMatchObject({ baseOffset: 0, lastOffset: 4 });
    const sizes = harness.storage.all<{ size: number }>("SELECT length(data) AS size FROM chunks");
    expect(Math.max(...sizes.map(({ size }) => size))).toBeLessThan(2_000_000);
    expect(sizes).toHaveLength(3);
    expect(harness.storage.rowsWritten - before).toBe(3);
    expect(valuesOf(await harness.readAll(0))).toEqual(values);
  });

  it("refuses a batch over max.message.bytes with nothing written", async () => {
    const harness = new ReplicaHarness({ configs: { "max.message.bytes": "200" } });
    const refused = await harness.append(batchOf(["x".repeat(300)], 1));
    expect(refused).toMatchObject({ ok: false, error: "MESSAGE_TOO_LARGE" });
    expect(expectOk(await harness.fetch(0)).highWatermark).toBe(0);
  });

  it("throttles appends beyond the bytes that may be in flight, and goes on after", async () => {
    const settings = { "queued.max.bytes": "65536" };
    const harness = new ReplicaHarness({ durability: "held", settings });
    const value = "x".repeat(20_000);
    const answers = Array.from({ length: 10 }, () => harness.append(batchOf([value], 1)));
    const refused = await Promise.all(answers.slice(3));
    for (const answer of refused) {
      expect(answer).toMatchObject({ ok: false, error: "THROTTLING_QUOTA_EXCEEDED" });
    }
    const taken = await harness.confirmUntil(Promise.all(answers.slice(0, 3)));
    expect(taken.every((answer) => answer.ok)).toBe(true);
    const { bytesInFlight, bytesInFlightPeak } = harness.replica.describe();
    expect(bytesInFlight).toBe(0);
    expect(bytesInFlightPeak).toBeLessThanOrEqual(65_536);
    expect(await harness.readAll(0)).toHaveLength(3);
  });

  it("refuses acks=all, and writes nothing, while too few replicas are in sync", async () => {
    const harness = new ReplicaHarness({ configs: { "min.insync.replicas": "2" } });
    const refused = await harness.append(batchOf(["a"], 1));
    expect(refused).toMatchObject({ ok: false, error: "NOT_ENOUGH_REPLICAS" });
    expect(expectOk(await harness.append(batchOf(["b"], 1), { acks: 1 })).baseOffset).toBe(0);
  });

  it("refuses appends where it does not lead, and ignores assignments of the past", async () => {
    const harness = new ReplicaHarness();
    await harness.appendValues(["a"]);
    const old = harness.assignment({}, { leader: -1 });
    const led = { leader: 2, leaderEpoch: 1 };
    harness.replica.assign(harness.assignment({ "max.message.bytes": "500" }, led));
    const append = () => harness.append(batchOf(["b"], 1));
    expect(await append()).toMatchObject({ error: "NOT_LEADER_OR_FOLLOWER" });
    harness.replica.assign(old);
    expect(await append()).toMatchObject({ error: "NOT_LEADER_OR_FOLLOWER" });
    harness.restart();
    expect(await append()).toMatchObject({ error: "NOT_LEADER_OR_FOLLOWER" });
    harness.replica.assign(harness.assignment({}, { leader: -1, leaderEpoch: 2 }));
    expect(await append()).toMatchObject({ error: "LEADER_NOT_AVAILABLE" });
    const offsets = await harness.replica.listOffset({ at: "latest" });
    expect(offsets).toMatchObject({ error: "LEADER_NOT_AVAILABLE" });
  });

  it("stamps LogAppendTime on the batch and on every record that is read", async () => {
    const harness = new ReplicaHarness({ configs: { "message.timestamp.type": "LogAppendTime" } });
    const appended = expectOk(await harness.append(batchOf(["a", "b"], 5)));
    expect(appended.logAppendTimeMs).toBe(harness.nowMs);
    const records = await harness.readAll(0);
    expect(records.map((record) => record.timestamp)).toEqual([harness.nowMs, harness.nowMs]);
  });
});
