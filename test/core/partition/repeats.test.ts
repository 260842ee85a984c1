/**
 * A refusal that says that nothing was written holds for every earlier attempt of the same batch: a repeat of a batch that
 * is in the log is recognised, whatever has changed since. (librdkafka's issue 4953: after such a refusal a producer begins
 * a new epoch and writes its records again.)
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchOf, expectOk, ReplicaHarness } from "../../support/replica.ts";
import { ReplicaSet } from "../../support/replica-set.ts";

const HOUR_MS = 3_600_000;

function numbered(harness: ReplicaHarness, sequence: number, count = 1, timestamp?: number) {
  const values = Array.from({ length: count }, (_, i) => `${sequence + i}`);
  const fields = { producerId: 1, producerEpoch: 0, baseSequence: sequence };
  return batchOf(values, timestamp ?? harness.nowMs, fields);
}

describe("a batch that is in the log", () => {
  it("is recognised below min.insync.replicas, also when it was never committed", async () => {
    const set = new ReplicaSet({ configs: { "min.insync.replicas": "2" } });
    const batch = (sequence: number) =>
      batchOf([`${sequence}`], 1, { producerId: 7, producerEpoch: 0, baseSequence: sequence });
    const first = set.leader.append({ batches: batch(0), acks: -1 });
    await set.settle();
    expectOk(await first);
    for (const brokerId of [2, 3]) set.setDown(brokerId, true);
    const second = set.leader.append({ batches: batch(1), acks: -1 });
    await set.settle();
    for (const brokerId of [2, 3]) set.setFenced(brokerId, true);
    set.decide({ inSync: [1] });
    set.tell(1);
    expect(await second).toMatchObject({
      error: "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
      written: true,
    });
    for (const isRestarted of [false, true]) {
      if (isRestarted) set.restart(1);
      const committed = await set.leader.append({ batches: batch(0), acks: -1 });
      expect(committed).toMatchObject({ ok: true, baseOffset: 0, duplicate: true });
      expect(await set.leader.append({ batches: batch(1), acks: -1 })).toMatchObject({
        error: "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
        written: true,
      });
      // A new batch is not written, and neither is the one after it.
      for (const sequence of [2, 3]) {
        const refused = await set.leader.append({ batches: batch(sequence), acks: -1 });
        expect(refused).toMatchObject({ error: "NOT_ENOUGH_REPLICAS" });
      }
    }
    expect(set.rows(1)).toHaveLength(2);
  });

  it("is answered when the high watermark has passed it, though too few were in sync meanwhile", async () => {
    const set = new ReplicaSet({ configs: { "min.insync.replicas": "2" } });
    const batch = () => batchOf(["a"], 1, { producerId: 7, producerEpoch: 0, baseSequence: 0 });
    set.decide({ inSync: [1] });
    for (const brokerId of [2, 3]) set.setFenced(brokerId, true);
    set.tell(1);
    expect(await set.leader.append({ batches: batch(), acks: -1 })).toMatchObject({
      error: "NOT_ENOUGH_REPLICAS",
    });
    expectOk(await set.leader.append({ batches: batch(), acks: 1 }));
    for (const brokerId of [2, 3]) set.setFenced(brokerId, false);
    set.tell(1, 2, 3);
    await set.pass(1_000);
    const repeat = set.leader.append({ batches: batch(), acks: -1 });
    await set.settle();
    expect(await repeat).toMatchObject({ ok: true, baseOffset: 0, duplicate: true });
  });

  it("is recognised after max.message.bytes was lowered and its time has gone out of bounds", async () => {
    const harness = new ReplicaHarness();
    const batch = numbered(harness, 0, 50);
    expectOk(await harness.append(batch.slice()));
    harness.nowMs += 2 * HOUR_MS;
    const configs = { "max.message.bytes": "100", "message.timestamp.before.max.ms": "1000" };
    harness.replica.assign(harness.assignment(configs));
    expect(await harness.append(batch.slice())).toMatchObject({ ok: true, duplicate: true });
    expect(await harness.append(numbered(harness, 50, 50))).toMatchObject({
      error: "MESSAGE_TOO_LARGE",
    });
    const late = numbered(harness, 50, 1, harness.nowMs - 1_001);
    expect(await harness.append(late)).toMatchObject({ error: "INVALID_TIMESTAMP" });
  });

  it("is recognised when storage refuses what came with it", async () => {
    const harness = new ReplicaHarness();
    expectOk(await harness.append(numbered(harness, 0)));
    // The first append is flushed at once, the others together.
    let writes = 0;
    failWrites(harness, () => (writes += 1) > 1);
    const sequences = [1, 2, 0, 2];
    const answers = await Promise.all(
      sequences.map((sequence) => harness.append(numbered(harness, sequence))),
    );
    expect(answers).toMatchObject([
      { ok: true, duplicate: false, baseOffset: 1 },
      { error: "KAFKA_STORAGE_ERROR" },
      { ok: true, duplicate: true, baseOffset: 0 },
      { error: "KAFKA_STORAGE_ERROR" },
    ]);
  });

  it("was written at the time that its first append was answered with", async () => {
    const harness = new ReplicaHarness({ configs: { "message.timestamp.type": "LogAppendTime" } });
    const first = expectOk(await harness.append(numbered(harness, 0)));
    expect(first.logAppendTimeMs).toBe(harness.nowMs);
    harness.nowMs += 5_000;
    for (const isRestarted of [false, true]) {
      if (isRestarted) harness.restart();
      expect(await harness.append(numbered(harness, 0))).toEqual({ ...first, duplicate: true });
    }
  });
});

describe("a sequence that is not the next", () => {
  it("is out of order where it overlaps or is older than the last five: never taken for written", async () => {
    const harness = new ReplicaHarness();
    for (let i = 0; i < 7; i++) expectOk(await harness.append(numbered(harness, i * 3, 3)));
    const outOfOrder = { error: "OUT_OF_ORDER_SEQUENCE_NUMBER" };
    for (const [sequence, count] of [
      [18, 2],
      [19, 3],
      [20, 1],
      [17, 4],
      [3, 3],
      [0, 1],
      [22, 1],
    ] as const) {
      expect(await harness.append(numbered(harness, sequence, count))).toMatchObject(outOfOrder);
    }
    expect(harness.replica.describe().logEndOffset).toBe(21);
  });
});

describe("all refusals", () => {
  it("that say that nothing was written are true of every earlier attempt", async () => {
    const step = fc.record({
      configs: fc.record(
        {
          "min.insync.replicas": fc.constantFrom("1", "2"),
          "max.message.bytes": fc.constantFrom("90", "200", "1000000"),
          "message.timestamp.before.max.ms": fc.constantFrom("0", "5000", "9000000000"),
          "message.timestamp.after.max.ms": fc.constantFrom("0", "5000", "9000000000"),
        },
        { requiredKeys: [] },
      ),
      sequence: fc.nat({ max: 12 }),
      count: fc.integer({ min: 1, max: 4 }),
      aheadMs: fc.integer({ min: -10_000, max: 10_000 }),
      acks: fc.constantFrom(-1 as const, 1 as const),
      failsToWrite: fc.boolean(),
      restarts: fc.boolean(),
      passesMs: fc.nat({ max: 8_000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const harness = new ReplicaHarness();
        const sent = new Map<string, Uint8Array>();
        for (const { configs, sequence, count, aheadMs, acks, ...change } of steps) {
          if (change.restarts) harness.restart();
          harness.nowMs += change.passesMs;
          harness.replica.assign(harness.assignment({ "retention.ms": "-1", ...configs }));
          // A repeat has the same bytes.
          const key = `${sequence}/${count}`;
          const batch =
            sent.get(key) ?? numbered(harness, sequence, count, harness.nowMs + aheadMs);
          sent.set(key, batch);
          failWrites(harness, () => change.failsToWrite);
          const answer = await harness.append(batch.slice(), { acks });
          if (answer.ok) continue;
          const isUnknown = "written" in answer || answer.error === "KAFKA_STORAGE_ERROR";
          const isBehind = answer.error === "OUT_OF_ORDER_SEQUENCE_NUMBER";
          if (isUnknown || isBehind) continue;
          expect(sequencesIn(harness)).not.toContain(key);
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** Has storage refuse the rows of the chunks for which `fails` returns true. */
function failWrites(harness: ReplicaHarness, fails: () => boolean): void {
  harness.storage.beforeStatement = (sql) => {
    if (sql.startsWith("INSERT INTO chunks") && fails()) throw new Error("the disk is full");
  };
}

function sequencesIn(harness: ReplicaHarness): string[] {
  const rows = harness.storage.all<{ producers: string | null }>("SELECT producers FROM chunks");
  return rows.flatMap(({ producers }) =>
    producers === null
      ? []
      : (JSON.parse(producers) as number[][]).map((entry) => `${entry[2]}/${entry[3]}`),
  );
}
