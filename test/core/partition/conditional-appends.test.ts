/**
 * Conditional appends (KAFKA-2260): written only at the offset that they expect, whoever else is in the same flush;
 * a repeat of one that was written says so, wherever the log ends by then.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchOf, expectOk, ReplicaHarness } from "../../support/replica.ts";

const ALL = -1;

describe("a conditional append", () => {
  it("is written where the log ends as expected, and refused with the end elsewhere", async () => {
    const harness = new ReplicaHarness();
    const append = (expectedOffset: number, ...values: string[]) =>
      harness.replica.appendAt({ batches: batchOf(values, 1), acks: ALL, expectedOffset });
    expect(expectOk(await append(0, "a", "b"))).toMatchObject({ baseOffset: 0, lastOffset: 1 });
    for (const expected of [0, 1, 3, Number.MAX_SAFE_INTEGER]) {
      const refused = await append(expected, "c");
      expect(refused).toMatchObject({ error: "END_OFFSET_MISMATCH", endOffset: 2 });
      expect(refused).not.toHaveProperty("written");
    }
    expect(expectOk(await append(2, "c"))).toMatchObject({ baseOffset: 2 });
    harness.restart();
    expect(await append(2, "d")).toMatchObject({ endOffset: 3 });
    expect(expectOk(await append(3, "d"))).toMatchObject({ baseOffset: 3 });
  });

  it("that is numbered and in the log is answered as the repeat that it is", async () => {
    const harness = new ReplicaHarness();
    const numbered = (sequence: number, expectedOffset: number) =>
      harness.replica.appendAt({
        batches: batchOf([`${sequence}`], 1, {
          producerId: 7,
          producerEpoch: 0,
          baseSequence: sequence,
        }),
        acks: ALL,
        expectedOffset,
      });
    expectOk(await numbered(0, 0));
    expectOk(await harness.replica.append({ batches: batchOf(["other"], 1), acks: ALL }));
    harness.restart();
    expect(expectOk(await numbered(0, 0))).toMatchObject({ baseOffset: 0, duplicate: true });
    expect(await numbered(1, 1)).toMatchObject({ error: "END_OFFSET_MISMATCH", endOffset: 2 });
    // What was refused is no gap in the sequence.
    expect(expectOk(await numbered(1, 2))).toMatchObject({ baseOffset: 2, duplicate: false });
  });

  it("of several at once one is written: each is judged behind those before it", async () => {
    const append = fc.record({
      expected: fc.option(fc.nat(12), { nil: null }),
      count: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(append, { minLength: 1, maxLength: 12 }), async (appends) => {
        const harness = new ReplicaHarness();
        const answers = await Promise.all(
          appends.map(({ expected, count }, i) => {
            const values = Array.from({ length: count }, (_, j) => `${i}.${j}`);
            const request = { batches: batchOf(values, 1), acks: ALL } as const;
            return expected === null
              ? harness.replica.append(request)
              : harness.replica.appendAt({ ...request, expectedOffset: expected });
          }),
        );
        let end = 0;
        appends.forEach(({ expected, count }, i) => {
          const answer = answers[i]!;
          if (expected !== null && expected !== end) {
            expect(answer).toMatchObject({ error: "END_OFFSET_MISMATCH", endOffset: end });
            return;
          }
          expect(answer).toMatchObject({ ok: true, baseOffset: end });
          end += count;
        });
      }),
      { numRuns: 200 },
    );
  });
});
