/** Compacted topics take only records with keys, and the refusal of a batch names the invalid records (KIP-467). */
import { describe, expect, it } from "vitest";
import { encodeBatch, type BatchFields, type Compression } from "../../../src/records/index.ts";
import { expectOk, ReplicaHarness } from "../../support/replica.ts";

const COMPACT = { "cleanup.policy": "compact" };

/** One record for each letter: `k` has a key, others have none. Timestamps are optional. */
function batchOf(letters: string, fields: BatchFields = {}, times: readonly number[] = []) {
  return encodeBatch(
    [...letters].map((letter, i) => ({
      timestamp: times[i] ?? 1_700_000_000_000,
      key: letter === "k" ? new Uint8Array(i % 2 === 0 ? 0 : 3) : null,
      value: new Uint8Array(2),
      headers: [],
    })),
    fields,
  );
}

describe("a batch with records without keys", () => {
  it("is refused whole by a compacted topic, and each of them is named", async () => {
    for (const compression of ["none", "gzip", "lz4"] satisfies Compression[]) {
      for (const numbered of [{}, { producerId: 1, producerEpoch: 0, baseSequence: 0 }]) {
        const harness = new ReplicaHarness({ configs: COMPACT });
        const batch = batchOf("k-kk-", { compression, ...numbered });
        const refused = await harness.append(batch.slice());
        expect(refused).toMatchObject({
          error: "INVALID_RECORD",
          message: "Record 1: It has no key, and the topic's cleanup.policy is compact.",
          recordErrors: [{ index: 1 }, { index: 4 }],
        });
        expect(harness.replica.describe().logEndOffset).toBe(0);
        // A refused batch leaves no state of its producer.
        expectOk(await harness.append(batchOf("kkk", { compression, ...numbered })));
      }
    }
  });

  it("counts the records of several batches through", async () => {
    const harness = new ReplicaHarness({ configs: { "cleanup.policy": "delete,compact" } });
    const batches = new Uint8Array([...batchOf("kk"), ...batchOf("-k")]);
    expect(await harness.append(batches)).toMatchObject({ recordErrors: [{ index: 2 }] });
    expect(harness.replica.describe().logEndOffset).toBe(0);
  });

  it("is taken by others, and is a repeat also after the topic was compacted", async () => {
    const harness = new ReplicaHarness();
    const batch = batchOf("-k", { producerId: 1, producerEpoch: 0, baseSequence: 0 });
    expectOk(await harness.append(batch.slice()));
    harness.replica.assign(harness.assignment(COMPACT));
    expect(await harness.append(batch.slice())).toMatchObject({ ok: true, duplicate: true });
  });

  it("names a thousand of them at most", async () => {
    const harness = new ReplicaHarness({ configs: COMPACT });
    const refused = await harness.append(batchOf("-".repeat(3_000)));
    expect("recordErrors" in refused && refused.recordErrors).toHaveLength(1_000);
  });
});

it("a batch with times out of bounds names the records, too late and too early", async () => {
  const configs = {
    "message.timestamp.before.max.ms": "1000",
    "message.timestamp.after.max.ms": "1000",
  };
  const harness = new ReplicaHarness({ configs });
  const times = [0, 1_001, -1_001, -1_000, 1_000].map((aheadMs) => harness.nowMs + aheadMs);
  expect(await harness.append(batchOf("kkkkk", {}, times))).toMatchObject({
    error: "INVALID_TIMESTAMP",
    recordErrors: [{ index: 1 }, { index: 2 }],
  });
  expect(harness.replica.describe().logEndOffset).toBe(0);
});
