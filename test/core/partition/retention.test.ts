/** What retention and DeleteRecords delete, when, and what they leave. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { effectiveConfig } from "../../../src/base/config.ts";
import { decideRetention } from "../../../src/objects/partition/retention/decision.ts";
import { batchOf, expectOk, ReplicaHarness, valuesOf } from "../../support/replica.ts";

const chunkCount = (harness: ReplicaHarness): number =>
  harness.storage.all<{ n: number }>("SELECT count(*) AS n FROM chunks")[0]!.n;

describe("retention", () => {
  it("deletes by time: the alarm fires when the oldest segment expires, and empties an idle log", async () => {
    const harness = new ReplicaHarness({ configs: { "retention.ms": "60000" } });
    await harness.appendValues(["a", "b"]);
    expect(harness.alarm.atMs).toBe(harness.nowMs + 60_001);
    harness.nowMs = harness.alarm.atMs!;
    harness.replica.onAlarm();
    expect(chunkCount(harness)).toBe(0);
    const { logStartOffset, logEndOffset, logBytes } = harness.replica.describe();
    expect({ logStartOffset, logEndOffset, logBytes }).toEqual({
      logStartOffset: 2,
      logEndOffset: 2,
      logBytes: 0,
    });
    harness.restart();
    expect((await harness.appendValues(["c"])).baseOffset).toBe(2);
    expect(valuesOf(await harness.readAll(2))).toEqual(["c"]);
  });

  it("deletes by size, only whole closed segments, as the log grows", async () => {
    const configs = { "retention.bytes": "3000", "segment.bytes": "1024", "retention.ms": "-1" };
    const harness = new ReplicaHarness({ configs });
    for (let i = 0; i < 40; i++) await harness.appendValues(["x".repeat(300)]);
    const { logBytes, logStartOffset } = harness.replica.describe();
    expect(logBytes).toBeGreaterThanOrEqual(3_000);
    expect(logBytes).toBeLessThan(3_000 + 2 * 1_024);
    expect(logStartOffset).toBeGreaterThan(0);
    expect(await harness.readAll(logStartOffset)).toHaveLength(40 - logStartOffset);
  });

  it("keeps records without a timestamp by the time their segment was closed", async () => {
    const harness = new ReplicaHarness({ configs: { "segment.bytes": "1024" } });
    for (let i = 0; i < 20; i++) expectOk(await harness.append(batchOf(["x".repeat(100)], -1)));
    const passDays = (days: number): void => {
      harness.nowMs += days * 86_400_000;
      harness.alarm.clear();
      harness.replica.onAlarm();
    };
    passDays(6);
    expect(harness.replica.describe().logStartOffset).toBe(0);
    harness.restart();
    passDays(2);
    const { logStartOffset, segments } = harness.replica.describe();
    expect(logStartOffset).toBeGreaterThan(0);
    expect(segments).toBe(1);
    expect(await harness.readAll(logStartOffset)).toHaveLength(20 - logStartOffset);
  });

  it("is not blocked by a record with a timestamp in microseconds, in a closed or an active segment", async () => {
    // Appended while there was no bound.
    const before = { "message.timestamp.after.max.ms": String(Number.MAX_SAFE_INTEGER) };
    const configs = { "retention.ms": "60000", "segment.bytes": "1024", "segment.ms": "86400000" };
    const harness = new ReplicaHarness({ configs: { ...configs, ...before } });
    expectOk(await harness.append(batchOf(["x".repeat(600)], harness.nowMs * 1_000)));
    await harness.appendValues(["x".repeat(600)]);
    harness.nowMs += 1;
    expectOk(await harness.append(batchOf(["y"], harness.nowMs * 1_000)));
    harness.replica.assign(harness.assignment(configs));
    const passHours = (hours: number): void => {
      harness.nowMs += hours * 3_600_000;
      harness.alarm.clear();
      harness.replica.onAlarm();
    };
    passHours(0.9);
    expect(harness.replica.describe().logStartOffset).toBe(0);
    // It ages from an hour after it was closed, for retention.ms.
    passHours(0.2);
    expect(harness.replica.describe().logStartOffset).toBe(1);
    passHours(24);
    expect(harness.replica.describe().logStartOffset).toBe(3);
  });

  it("keeps records with timestamps in the future where the topic accepts them", async () => {
    const after = { "message.timestamp.after.max.ms": String(Number.MAX_SAFE_INTEGER) };
    const harness = new ReplicaHarness({ configs: { "retention.ms": "60000", ...after } });
    const dayMs = 86_400_000;
    expectOk(await harness.append(batchOf(["later"], harness.nowMs + 30 * dayMs)));
    harness.nowMs += 30 * dayMs;
    harness.replica.onAlarm();
    expect(harness.replica.describe().logStartOffset).toBe(0);
    harness.nowMs += 60_001;
    harness.alarm.clear();
    harness.replica.onAlarm();
    expect(harness.replica.describe().logStartOffset).toBe(1);
  });

  it("costs an idle log nothing: no alarm where nothing is due by time", async () => {
    const harness = new ReplicaHarness({ configs: { "retention.ms": "-1" } });
    await harness.appendValues(["a"]);
    expect(harness.alarm.atMs).toBeNull();
  });

  it("acts on a shortened retention.ms at once", async () => {
    const harness = new ReplicaHarness();
    await harness.appendValues(["old"]);
    harness.nowMs += 10_000;
    harness.replica.assign(harness.assignment({ "retention.ms": "1000" }));
    expect(harness.replica.describe().logStartOffset).toBe(1);
  });

  it("deletes rows of a long log in bounded steps, going on by the alarm", async () => {
    const harness = new ReplicaHarness({ configs: { "retention.ms": "-1" } });
    for (let i = 0; i < 2_500; i++)
      expectOk(await harness.append(batchOf([String(i)], harness.nowMs)));
    await harness.replica.deleteRecords(2_499);
    expect(await harness.fetch(2_498)).toMatchObject({ error: "OFFSET_BELOW_LOG_START" });
    expect(chunkCount(harness)).toBe(1_500);
    while (harness.alarm.atMs !== null) {
      harness.nowMs = harness.alarm.atMs;
      harness.alarm.clear();
      harness.replica.onAlarm();
    }
    expect(chunkCount(harness)).toBe(1);
    expect(valuesOf(await harness.readAll(2_499))).toEqual(["2499"]);
  });

  it("log start is monotone and survives restarts; deleting below it changes nothing", async () => {
    const harness = new ReplicaHarness();
    await harness.appendValues(["a", "b", "c", "d"]);
    expect(expectOk(await harness.replica.deleteRecords(3)).logStartOffset).toBe(3);
    expect(expectOk(await harness.replica.deleteRecords(1)).logStartOffset).toBe(3);
    harness.restart();
    expect(harness.replica.describe().logStartOffset).toBe(3);
    expect(await harness.replica.deleteRecords(5)).toMatchObject({ error: "OFFSET_OUT_OF_RANGE" });
    expect(valuesOf(await harness.readAll(3))).toEqual(["d"]);
  });

  it("closes a segment that is older than segment.ms at the next append", async () => {
    const harness = new ReplicaHarness({ configs: { "segment.ms": "1000" } });
    await harness.appendValues(["a"]);
    harness.nowMs += 1_000;
    await harness.appendValues(["b"]);
    expect(harness.replica.describe().segments).toBe(2);
  });

  it.each(["compact", ""])("deletes nothing under cleanup.policy=%j", (policy) => {
    const configs = { "cleanup.policy": policy, "retention.ms": "1", "retention.bytes": "1" };
    const old = { lastOffset: 0, sizeBytes: 1_000, maxTimestamp: 0 };
    const decided = decideRetention([old, old], effectiveConfig(configs), 1_000_000);
    expect(decided).toEqual({ segments: 0, nextDueMs: null });
    const both = effectiveConfig({ ...configs, "cleanup.policy": "compact,delete" });
    expect(decideRetention([old, old], both, 1_000_000).segments).toBe(2);
  });

  it("deletes no unexpired segment before an older one that stays, and never the newest by size", () => {
    const segment = fc.record({
      lastOffset: fc.constant(0),
      sizeBytes: fc.integer({ min: 1, max: 1_000 }),
      maxTimestamp: fc.integer({ min: 0, max: 1_000 }),
    });
    const bound = fc.integer({ min: -1, max: 3_000 });
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 10 }), bound, bound, (segments, ms, bytes) => {
        const config = effectiveConfig({ "retention.ms": `${ms}`, "retention.bytes": `${bytes}` });
        const { segments: gone, nextDueMs } = decideRetention(segments, config, 1_000);
        const kept = segments.slice(gone);
        const keptBytes = kept.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        const expired = (at: number): boolean => ms >= 0 && 1_000 - segments[at]!.maxTimestamp > ms;
        if (gone > 0 && !expired(gone - 1)) {
          expect(keptBytes).toBeGreaterThanOrEqual(bytes);
          expect(kept.length).toBeGreaterThan(0);
        }
        if (kept.length > 0) expect(expired(gone)).toBe(false);
        if (bytes >= 0 && kept.length > 1)
          expect(keptBytes - kept[0]!.sizeBytes).toBeLessThan(bytes);
        if (ms >= 0 && kept.length > 0) expect(nextDueMs).toBe(kept[0]!.maxTimestamp + ms + 1);
      }),
      { numRuns: 2_000 },
    );
  });
});
