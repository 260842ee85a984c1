/** The alarm finds corruption in topics that ask for scrubbing; other topics have no alarm for it. */
import { describe, expect, it } from "vitest";
import { ReplicaHarness } from "../../support/replica.ts";

const HOUR_MS = 3_600_000;
const SCRUBBED = { "scrub.interval.ms": String(HOUR_MS), "retention.ms": "-1" };
const VALUE = "x".repeat(900_000);

/** Fires the alarm until it is due later than `ms` from now; returns how often. */
function alarms(harness: ReplicaHarness, ms: number): number {
  const untilMs = harness.nowMs + ms;
  let fired = 0;
  for (; harness.alarm.atMs !== null && harness.alarm.atMs <= untilMs; fired++) {
    harness.nowMs = Math.max(harness.nowMs, harness.alarm.atMs);
    harness.alarm.atMs = null;
    harness.replica.onAlarm();
  }
  harness.nowMs = untilMs;
  return fired;
}

function flip(harness: ReplicaHarness, baseOffset: number): void {
  const sql = "SELECT data FROM chunks WHERE base_offset = ?";
  const rows = harness.storage.all<{ data: ArrayBuffer }>(sql, baseOffset);
  const data = new Uint8Array(rows[0]!.data);
  data[data.length - 1]! ^= 1;
  harness.storage.all("UPDATE chunks SET data = ? WHERE base_offset = ?", data, baseOffset);
}

const storageOf = (harness: ReplicaHarness) => harness.replica.describe().storage;

describe("scrubbing", () => {
  it("finds what no reader has met, also in what was read before", async () => {
    const harness = new ReplicaHarness({ configs: SCRUBBED });
    for (const value of ["a", "b", "c"]) await harness.appendValues([value]);
    harness.restart();
    for (const offset of [0, 1, 2]) expect((await harness.fetch(offset)).ok).toBe(true);
    flip(harness, 1);
    expect(storageOf(harness)).toBe("sound");
    alarms(harness, HOUR_MS);
    expect(storageOf(harness)).toBe("corrupt");
  });

  it("goes on behind what it has found, and after a restart where it was", async () => {
    const harness = new ReplicaHarness({ configs: SCRUBBED });
    // Several slices.
    for (let i = 0; i < 12; i++) await harness.appendValues([VALUE]);
    harness.nowMs += HOUR_MS;
    flip(harness, 1);
    flip(harness, 6);
    let slices = 0;
    for (; harness.alarm.atMs !== null && harness.alarm.atMs <= harness.nowMs; slices++) {
      harness.alarm.atMs = null;
      harness.replica.onAlarm();
      harness.restart();
      harness.nowMs += 1_000;
    }
    // One for each damaged chunk, and one for each 4 MiB.
    expect(slices).toBeGreaterThanOrEqual(4);
    expect(slices).toBeLessThanOrEqual(6);
    expect(harness.alarm.atMs).toBeGreaterThan(harness.nowMs + HOUR_MS - 10_000);
  });

  it("costs an alarm and a row a slice, and nothing in between", async () => {
    const harness = new ReplicaHarness({ configs: SCRUBBED });
    for (let i = 0; i < 12; i++) await harness.appendValues([VALUE]);
    const before = harness.storage.rowsWritten;
    const sets = harness.alarm.sets;
    expect(alarms(harness, HOUR_MS + 60_000)).toBe(3);
    expect(harness.storage.rowsWritten - before).toBeLessThanOrEqual(3);
    expect(harness.alarm.sets - sets).toBe(3);
  });

  it("is off unless it is asked for: no alarm, no row", async () => {
    const harness = new ReplicaHarness({ configs: { "retention.ms": "-1" } });
    await harness.appendValues(["a"]);
    expect(harness.alarm.atMs).toBeNull();
    harness.restart();
    expect(harness.alarm.atMs).toBeNull();
    // Rows are counted since the restart.
    expect(harness.storage.rowsWritten).toBe(0);
  });

  it("begins when a topic comes to ask for it, and ends when it ceases to", async () => {
    const harness = new ReplicaHarness({ configs: { "retention.ms": "-1" } });
    await harness.appendValues(["a"]);
    harness.replica.assign(harness.assignment(SCRUBBED));
    expect(harness.alarm.atMs).toBe(harness.nowMs + HOUR_MS);
    harness.replica.assign(harness.assignment({ "retention.ms": "-1" }));
    alarms(harness, HOUR_MS);
    expect(harness.alarm.atMs).toBeNull();
  });
});
