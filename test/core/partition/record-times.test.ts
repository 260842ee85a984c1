/** The bounds of timestamps that producers set (KIP-937): a batch with one beyond them is refused as a whole. */
import { describe, expect, it } from "vitest";
import { encodeBatch } from "../../../src/records/index.ts";
import { batchOf, expectOk, ReplicaHarness } from "../../support/replica.ts";

const HOUR_MS = 3_600_000;
const REFUSED = { error: "INVALID_TIMESTAMP" };

describe("message.timestamp.after.max.ms", () => {
  it("is an hour where nothing is said, as in Kafka since 4.0", async () => {
    const harness = new ReplicaHarness();
    expectOk(await harness.append(batchOf(["a"], harness.nowMs + HOUR_MS)));
    expect(await harness.append(batchOf(["b"], harness.nowMs + HOUR_MS + 1))).toMatchObject(
      REFUSED,
    );
    // A timestamp in microseconds.
    expect(await harness.append(batchOf(["c"], harness.nowMs * 1_000))).toMatchObject(REFUSED);
    expect(harness.replica.describe().logEndOffset).toBe(1);
  });

  it("is nothing to records that are given the time of their append", async () => {
    const harness = new ReplicaHarness({ configs: { "message.timestamp.type": "LogAppendTime" } });
    expectOk(await harness.append(batchOf(["a"], harness.nowMs * 1_000)));
  });
});

describe("message.timestamp.before.max.ms", () => {
  it("has no bound where nothing is said", async () => {
    const harness = new ReplicaHarness({ configs: { "retention.ms": "-1" } });
    expectOk(await harness.append(batchOf(["a"], 0)));
  });

  it.each(["none", "gzip"] as const)(
    "holds for every record of a batch (%s)",
    async (compression) => {
      const harness = new ReplicaHarness({
        configs: { "message.timestamp.before.max.ms": "5000" },
      });
      const batch = (...timesMs: number[]): Uint8Array =>
        encodeBatch(
          timesMs.map((timestamp) => ({ timestamp, key: null, value: null, headers: [] })),
          { compression },
        );
      const { nowMs } = harness;
      expectOk(await harness.append(batch(nowMs, nowMs - 5_000)));
      expect(await harness.append(batch(nowMs, nowMs - 5_001, nowMs))).toMatchObject(REFUSED);
      expectOk(await harness.append(batch(-1)));
    },
  );
});
