/** Waking up reads the same number of rows, whatever the size of the log. */
import { describe, expect, it } from "vitest";
import { batchOf, expectOk, ReplicaHarness } from "../../support/replica.ts";

/** How many rows `restart()` reads, counted over its statements. */
function rowsReadBy(harness: ReplicaHarness): number {
  let rows = 0;
  const { storage } = harness;
  const reopened = storage.reopen.bind(storage);
  storage.reopen = () => {
    const fresh = reopened();
    const all = fresh.all.bind(fresh);
    const each = fresh.each.bind(fresh);
    fresh.all = (sql, ...params) => {
      const found = all(sql, ...params);
      rows += found.length;
      return found as never;
    };
    fresh.each = (sql, params, take) =>
      each(sql, params, (row) => {
        rows += 1;
        return take(row as never);
      });
    return fresh;
  };
  harness.restart();
  return rows;
}

async function fill(harness: ReplicaHarness, appends: number, numbered: boolean): Promise<void> {
  for (let i = 0; i < appends; i++) {
    const fields = numbered ? { producerId: 1, producerEpoch: 0, baseSequence: i } : {};
    expectOk(await harness.append(batchOf([`value ${i}`], harness.nowMs, fields)));
  }
}

describe("waking up", () => {
  it("reads three rows, at 3 appends as at 3,000", async () => {
    const small = new ReplicaHarness({ configs: { "segment.bytes": "10240" } });
    const large = new ReplicaHarness({ configs: { "segment.bytes": "10240" } });
    await fill(small, 3, false);
    await fill(large, 3_000, false);
    expect(large.replica.describe().segments).toBeGreaterThan(10);
    expect(rowsReadBy(large)).toBe(rowsReadBy(small));
    expect(rowsReadBy(large)).toBeLessThanOrEqual(3);
  });

  it("reads a bounded number of rows where producers are idempotent", async () => {
    const harness = new ReplicaHarness();
    let most = 0;
    for (let round = 0; round < 40; round++) {
      for (let i = 0; i < 37; i++) {
        const baseSequence = round * 37 + i;
        const fields = { producerId: 1, producerEpoch: 0, baseSequence };
        expectOk(await harness.append(batchOf(["x"], harness.nowMs, fields)));
      }
      most = Math.max(most, rowsReadBy(harness));
    }
    expect(most).toBeLessThanOrEqual(70);
  });

  it("reads no more when idempotent producers have gone and others write on", async () => {
    const harness = new ReplicaHarness();
    await fill(harness, 70, true);
    await fill(harness, 500, false);
    expect(rowsReadBy(harness)).toBeLessThanOrEqual(70);
    await fill(harness, 500, false);
    expect(rowsReadBy(harness)).toBeLessThanOrEqual(4);
  });

  it("restart leaves the stream readable and at its end", async () => {
    const harness = new ReplicaHarness();
    await fill(harness, 10, false);
    harness.restart();
    expect(harness.replica.describe()).toMatchObject({ logEndOffset: 10, highWatermark: 10 });
    expect(expectOk(await harness.append(batchOf(["next"], 1))).baseOffset).toBe(10);
    expect(await harness.readAll(0)).toHaveLength(11);
  });
});
