/** An offset found by time equals that of a linear scan (invariant 26), across segments and with a raised log start. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { encodeBatch } from "../../../src/records/index.ts";
import { expectOk, ReplicaHarness } from "../../support/replica.ts";

const batch = fc.record({
  timestamps: fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 5 }),
  compression: fc.constantFrom("none" as const, "gzip" as const),
});

it("finds by time what a linear scan finds", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(batch, { maxLength: 25 }),
      fc.nat(40),
      fc.boolean(),
      async (batches, cut, restart) => {
        const configs = { "segment.bytes": "1024", "retention.ms": "-1" };
        const harness = new ReplicaHarness({ configs });
        for (const { timestamps, compression } of batches) {
          const records = timestamps.map((timestamp) => ({
            timestamp,
            key: null,
            value: new Uint8Array(100),
            headers: [],
          }));
          expectOk(await harness.append(encodeBatch(records, { compression })));
        }
        const all = batches.flatMap(({ timestamps }) => timestamps);
        const start = Math.min(cut, all.length);
        await harness.replica.deleteRecords(start);
        if (restart) harness.restart();
        const scan = (fits: (timestamp: number) => boolean): number =>
          all.findIndex((timestamp, offset) => offset >= start && fits(timestamp));
        for (let time = 0; time <= 51; time++) {
          const found = expectOk(
            await harness.replica.listOffset({ at: "timestamp", timestampMs: time }),
          );
          const offset = scan((timestamp) => timestamp >= time);
          expect(found).toMatchObject({ offset, timestampMs: all[offset] ?? -1 });
        }
        const newest = Math.max(-1, ...all.slice(start));
        const found = expectOk(await harness.replica.listOffset({ at: "max-timestamp" }));
        expect(found).toMatchObject({
          offset: scan((timestamp) => timestamp === newest),
          timestampMs: newest,
        });
        expect(expectOk(await harness.replica.listOffset({ at: "earliest" })).offset).toBe(start);
        expect(expectOk(await harness.replica.listOffset({ at: "latest" })).offset).toBe(
          all.length,
        );
      },
    ),
    { numRuns: 200 },
  );
});
