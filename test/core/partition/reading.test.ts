/** Reading from any offset, in pages of any size, gives exactly the records from there on. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Compression } from "../../../src/records/index.ts";
import { batchOf, expectOk, ReplicaHarness, valuesOf } from "../../support/replica.ts";

const compressions: Compression[] = ["none", "gzip", "snappy", "lz4", "zstd"];

const appends = fc.array(
  fc.record({
    /** Values of each batch of one append. */
    batches: fc.array(
      fc.array(fc.string({ maxLength: 60, unit: "grapheme" }), { minLength: 1, maxLength: 6 }),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
    compression: fc.constantFrom(...compressions),
    restart: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
);

describe("reading", () => {
  it("returns the records from every offset on, in pages of any size, through restarts and a cut front", async () => {
    await fc.assert(
      fc.asyncProperty(
        appends,
        fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 3 }),
        fc.nat(30),
        fc.constantFrom("0", "200", "1048576"),
        async (script, pageSizes, cut, tailBytes) => {
          const configs = { "segment.bytes": "1024", "retention.ms": "-1" };
          const harness = new ReplicaHarness({
            configs,
            settings: { "tail.memory.bytes": tailBytes },
          });
          const written: string[] = [];
          for (const { batches, compression, restart } of script) {
            const bytes = batches.map((values) => batchOf(values, harness.nowMs, { compression }));
            const appended = expectOk(await harness.append(new Uint8Array(Buffer.concat(bytes))));
            expect(appended.baseOffset).toBe(written.length);
            written.push(...batches.flat());
            expect(appended.lastOffset).toBe(written.length - 1);
            if (restart) harness.restart();
          }
          const start = Math.min(cut, written.length);
          expectOk(await harness.replica.deleteRecords(start));
          for (const maxBytes of pageSizes) {
            for (let offset = start; offset <= written.length; offset++) {
              const records = await harness.readAll(offset, maxBytes);
              expect(valuesOf(records)).toEqual(written.slice(offset));
              expect(records.map((record) => record.offset)).toEqual(
                written.slice(offset).map((_, i) => offset + i),
              );
            }
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it("answers with a whole batch even when it is larger than the page", async () => {
    const harness = new ReplicaHarness();
    await harness.appendValues(["x".repeat(5_000)]);
    await harness.appendValues(["y"]);
    const page = expectOk(await harness.fetch(0, { maxBytes: 1 }));
    expect(page.batches.length).toBeGreaterThan(5_000);
    expect(valuesOf(await harness.readAll(0, 1))).toEqual(["x".repeat(5_000), "y"]);
  });

  it("fills a page at least by half, and leaves a chunk that would be cut to the next one", async () => {
    const harness = new ReplicaHarness({ settings: { "tail.memory.bytes": "0" } });
    const chunkOf = (bytes: number): string[] =>
      Array.from({ length: 10 }, () => "x".repeat(bytes));
    for (const bytes of [60, 60, 60]) {
      const batches = chunkOf(bytes).map((value) => batchOf([value], 1));
      expectOk(await harness.append(new Uint8Array(Buffer.concat(batches))));
    }
    const bytesOf = async (maxBytes: number): Promise<number> =>
      expectOk(await harness.fetch(0, { maxBytes })).batches.length;
    const chunk = await bytesOf(1_500);
    expect(await bytesOf(2 * chunk - 1)).toBe(chunk);
    expect(await bytesOf(2 * chunk + 1)).toBe(2 * chunk);
    expect(await bytesOf(3 * chunk)).toBe(3 * chunk);
    const cut = await bytesOf(chunk - 1);
    expect(cut).toBeGreaterThan(chunk / 2);
    expect(cut).toBeLessThan(chunk);
    // After a small chunk, a part of a large one is returned.
    await harness.appendValues(["small"]);
    const batches = chunkOf(600).map((value) => batchOf([value], 1));
    expectOk(await harness.append(new Uint8Array(Buffer.concat(batches))));
    const page = expectOk(await harness.fetch(30, { maxBytes: 4_000 })).batches;
    expect(page.length).toBeGreaterThan(2_000);
  });

  it("refuses offsets below the start and past the end, and answers nothing at the end", async () => {
    const harness = new ReplicaHarness();
    await harness.appendValues(["a", "b", "c"]);
    await harness.replica.deleteRecords(2);
    expect(await harness.fetch(1)).toMatchObject({ ok: false, error: "OFFSET_BELOW_LOG_START" });
    expect(await harness.fetch(4)).toMatchObject({ ok: false, error: "OFFSET_OUT_OF_RANGE" });
    expect(expectOk(await harness.fetch(3)).batches).toHaveLength(0);
  });

  it("writes no row and wakes a waiting reader with the flush that brings its bytes", async () => {
    const harness = new ReplicaHarness();
    await harness.appendValues(["before"]);
    const rows = harness.storage.rowsWritten;
    const waiting = harness.fetch(1, { minBytes: 1, maxWaitMs: 10_000 });
    expect(harness.timers.pending.size).toBe(1);
    expect(harness.storage.rowsWritten).toBe(rows);
    await harness.appendValues(["after"]);
    const page = expectOk(await waiting);
    expect(page.highWatermark).toBe(2);
    expect(page.batches.length).toBeGreaterThan(0);
    expect(harness.timers.pending.size).toBe(0);
  });

  it("answers a waiting reader with what is there when its time is over", async () => {
    const harness = new ReplicaHarness();
    const waiting = harness.fetch(0, { minBytes: 1_000, maxWaitMs: 10_000 });
    await harness.appendValues(["little"]);
    harness.timers.fireAll();
    expect(expectOk(await waiting).highWatermark).toBe(1);
  });

  it("does not wait for more bytes than a page may hold", async () => {
    const harness = new ReplicaHarness();
    await harness.appendValues(["x".repeat(200)]);
    const page = await harness.fetch(0, { minBytes: 5_000, maxBytes: 100, maxWaitMs: 10_000 });
    expect(expectOk(page).batches.length).toBeGreaterThan(0);
  });
});
