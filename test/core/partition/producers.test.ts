/** Idempotent producers (KIP-98): repeats, gaps and fencing, in memory and after restarts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchOf, expectOk, ReplicaHarness, valuesOf } from "../../support/replica.ts";

const DAY_MS = 86_400_000;

function numbered(harness: ReplicaHarness, sequence: number, count = 1, epoch = 0, producerId = 1) {
  const values = Array.from({ length: count }, (_, i) => `${producerId}/${epoch}/${sequence + i}`);
  const fields = { producerId, producerEpoch: epoch, baseSequence: sequence };
  return harness.append(batchOf(values, harness.nowMs, fields));
}

describe("idempotent producers", () => {
  it("answers a repeat of any of the last five batches with its first offsets (Redpanda #5356)", async () => {
    const harness = new ReplicaHarness();
    for (let i = 0; i < 7; i++) expectOk(await numbered(harness, i * 2, 2));
    for (const restart of [false, true]) {
      if (restart) harness.restart();
      for (let i = 2; i < 7; i++) {
        expect(await numbered(harness, i * 2, 2)).toMatchObject({
          ok: true,
          duplicate: true,
          baseOffset: i * 2,
          lastOffset: i * 2 + 1,
        });
      }
      expect(await numbered(harness, 2, 2)).toMatchObject({
        error: "OUT_OF_ORDER_SEQUENCE_NUMBER",
      });
    }
    expect(harness.replica.describe().logEndOffset).toBe(14);
  });

  it("refuses a gap, and an older epoch, and a newer epoch that does not begin at 0", async () => {
    const harness = new ReplicaHarness();
    expectOk(await numbered(harness, 0, 3, 1));
    expect(await numbered(harness, 4, 1, 1)).toMatchObject({
      error: "OUT_OF_ORDER_SEQUENCE_NUMBER",
    });
    expect(await numbered(harness, 3, 1, 0)).toMatchObject({ error: "INVALID_PRODUCER_EPOCH" });
    expect(await numbered(harness, 3, 1, 2)).toMatchObject({
      error: "OUT_OF_ORDER_SEQUENCE_NUMBER",
    });
    expect(expectOk(await numbered(harness, 0, 1, 2)).baseOffset).toBe(3);
    expect(await numbered(harness, 3, 1, 1)).toMatchObject({ error: "INVALID_PRODUCER_EPOCH" });
  });

  it("writes a repeat that arrives within the same flush once", async () => {
    const harness = new ReplicaHarness({ durability: "held" });
    const blocker = harness.append(batchOf(["blocker"], 1));
    const twice = [numbered(harness, 0), numbered(harness, 0), numbered(harness, 1)];
    const answers = (await harness.confirmUntil(Promise.all(twice))).map(expectOk);
    expectOk(await blocker);
    expect(answers.map(({ baseOffset, duplicate }) => [baseOffset, duplicate])).toEqual([
      [1, false],
      [1, true],
      [2, false],
    ]);
  });

  it("lets sequences rise with gaps where they are sparse, and still knows repeats", async () => {
    const harness = new ReplicaHarness();
    const send = (sequence: number, values: string[]) =>
      harness.append(
        batchOf(values, 1, { producerId: 9, producerEpoch: 0, baseSequence: sequence }),
        {
          sparseSequences: true,
        },
      );
    expect(expectOk(await send(5, ["a", "b"])).baseOffset).toBe(0);
    expect(expectOk(await send(20, ["c"])).baseOffset).toBe(2);
    expect(expectOk(await send(5, ["a", "b"]))).toMatchObject({ baseOffset: 0, duplicate: true });
    expect(await send(6, ["b"])).toMatchObject({ error: "OUT_OF_ORDER_SEQUENCE_NUMBER" });
  });

  it("wraps sequences after 2^31 - 1", async () => {
    const harness = new ReplicaHarness();
    expectOk(await numbered(harness, 2_147_483_646, 3));
    expect(expectOk(await numbered(harness, 1, 1)).baseOffset).toBe(3);
    expect(expectOk(await numbered(harness, 2_147_483_646, 3))).toMatchObject({ duplicate: true });
  });

  it("takes one batch a request from a numbered producer, and writes nothing of more", async () => {
    const harness = new ReplicaHarness();
    const one = batchOf(["a"], 1, { producerId: 1, producerEpoch: 0, baseSequence: 0 });
    const two = batchOf(["b"], 1, { producerId: 1, producerEpoch: 0, baseSequence: 1 });
    const refused = await harness.append(new Uint8Array(Buffer.concat([one, two])));
    expect(refused).toMatchObject({ error: "INVALID_RECORD" });
    expect(harness.replica.describe().logEndOffset).toBe(0);
  });

  it("forgets a producer that has not written for producer.id.expiration.ms", async () => {
    const harness = new ReplicaHarness({
      settings: { "producer.id.expiration.ms": String(DAY_MS) },
    });
    expectOk(await numbered(harness, 0));
    harness.nowMs += DAY_MS;
    expect(expectOk(await numbered(harness, 0)).duplicate).toBe(true);
    harness.nowMs += 1;
    expect(expectOk(await numbered(harness, 0)).duplicate).toBe(false);
  });

  it("keeps what it knows when the rows that told it are deleted", async () => {
    const harness = new ReplicaHarness();
    for (let i = 0; i < 5; i++) expectOk(await numbered(harness, i));
    await harness.replica.deleteRecords(-1);
    harness.restart();
    expect(harness.replica.describe().logEndOffset).toBe(5);
    expect(await numbered(harness, 3)).toMatchObject({ duplicate: true, baseOffset: 3 });
    expect(await numbered(harness, 9)).toMatchObject({ error: "OUT_OF_ORDER_SEQUENCE_NUMBER" });
    expectOk(await numbered(harness, 5));
    harness.restart();
    expect(await numbered(harness, 5)).toMatchObject({ duplicate: true, baseOffset: 5 });
    expect(await numbered(harness, 1)).toMatchObject({ duplicate: true, baseOffset: 1 });
  });

  it("knows all five batches of a producer again where a snapshot and the rows tell of the same ones", async () => {
    const harness = new ReplicaHarness();
    const others = async (from: number, count: number): Promise<void> => {
      for (let i = from; i < from + count; i++) expectOk(await numbered(harness, i, 1, 0, 2));
    };
    const offsets: number[] = [];
    const write = async (sequence: number): Promise<void> => {
      offsets.push(expectOk(await numbered(harness, sequence)).baseOffset);
    };
    for (let i = 0; i < 3; i++) await write(i);
    await others(0, 70);
    for (let i = 3; i < 5; i++) await write(i);
    // One of these appends writes the snapshot: from then on, rows and snapshot contain the same batches.
    for (let i = 70; i < 140; i++) {
      await others(i, 1);
      harness.restart();
      const repeated = expectOk(await numbered(harness, 0));
      expect(repeated).toMatchObject({ duplicate: true, baseOffset: offsets[0] });
    }
  });

  it("that was forgotten and begins again at 0 is not taken for its former self", async () => {
    const harness = new ReplicaHarness({ settings: { "producer.id.expiration.ms": "1000" } });
    expectOk(await numbered(harness, 0));
    harness.nowMs += 1_001;
    expect(expectOk(await numbered(harness, 0))).toMatchObject({ duplicate: false, baseOffset: 1 });
    harness.restart();
    expect(expectOk(await numbered(harness, 0))).toMatchObject({ duplicate: true, baseOffset: 1 });
  });

  it("state after any restart equals the state before: each record once, retries known", async () => {
    const step = fc.record({
      producer: fc.integer({ min: 1, max: 3 }),
      count: fc.integer({ min: 1, max: 4 }),
      retries: fc.integer({ min: 0, max: 2 }),
      restart: fc.boolean(),
      cut: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 120 }), async (script) => {
        const harness = new ReplicaHarness({ configs: { "segment.bytes": "2048" } });
        const next = new Map<number, number>();
        const expected: string[] = [];
        for (const { producer, count, retries, restart, cut } of script) {
          const sequence = next.get(producer) ?? 0;
          const first = expectOk(await numbered(harness, sequence, count, 0, producer));
          expect(first).toMatchObject({ baseOffset: expected.length, duplicate: false });
          for (let i = 0; i < count; i++) expected.push(`${producer}/0/${sequence + i}`);
          next.set(producer, sequence + count);
          if (cut) await harness.replica.deleteRecords(Math.floor(expected.length / 2));
          if (restart) harness.restart();
          for (let retry = 0; retry < retries; retry++) {
            const again = expectOk(await numbered(harness, sequence, count, 0, producer));
            expect(again).toMatchObject({ baseOffset: first.baseOffset, duplicate: true });
          }
        }
        const { logStartOffset } = harness.replica.describe();
        expect(valuesOf(await harness.readAll(logStartOffset))).toEqual(
          expected.slice(logStartOffset),
        );
      }),
      { numRuns: 100 },
    );
  });
});
