/** Tails: each record once and in order, flush by flush, within the window, also after the object has slept. */
import { describe, expect, it } from "vitest";
import { TAIL_CLOSE } from "../../../src/objects/contracts/partition.ts";
import type { TailSocket } from "../../../src/objects/partition/reads/tails.ts";
import { ReplicaHarness } from "../../support/replica.ts";
import { TestSocket } from "../../support/tail-socket.ts";

describe("tails", () => {
  it("greets, sends the backlog, then one message per flush", async () => {
    const harness = new ReplicaHarness();
    await harness.appendValues(["a"]);
    await harness.appendValues(["b"]);
    const socket = new TestSocket();
    harness.replica.tails.open(socket, 1);
    expect(JSON.parse(socket.texts[0]!)).toMatchObject({
      type: "hello",
      offset: 1,
      highWatermark: 2,
    });
    expect(socket.offsets()).toEqual([1]);
    await harness.appendValues(["c", "d"]);
    expect(socket.pages).toHaveLength(2);
    expect(socket.offsets()).toEqual([1, 2, 3]);
  });

  it("goes on where it was after the object slept, without a call or a row in between", async () => {
    const harness = new ReplicaHarness();
    const socket = new TestSocket();
    harness.replica.tails.open(socket, 0);
    await harness.appendValues(["a"]);
    const rows = harness.storage.rowsWritten;
    const kept = socket.state!;
    harness.restart();
    harness.replica.tails.resume(socket, kept);
    expect(harness.storage.rowsWritten).toBe(0);
    expect(rows).toBeGreaterThan(0);
    await harness.appendValues(["b"]);
    expect(socket.offsets()).toEqual([0, 1]);
  });

  it("closes a reader that acknowledges nothing with the offset to resume from", async () => {
    const harness = new ReplicaHarness({ settings: { "tail.window.bytes": "1048576" } });
    for (let i = 0; i < 5; i++) await harness.appendValues(["x".repeat(600_000)]);
    const socket = new TestSocket();
    harness.replica.tails.open(socket, 0);
    expect(socket.closed).toEqual([TAIL_CLOSE.resume, "2"]);
    expect(socket.offsets()).toEqual([0, 1]);
    expect(harness.replica.tails.size).toBe(0);
  });

  it("keeps a reader that acknowledges, and one that time has let drain", async () => {
    const harness = new ReplicaHarness({ settings: { "tail.window.bytes": "1048576" } });
    const acknowledging = new TestSocket();
    harness.replica.tails.open(acknowledging, 0);
    const value = "x".repeat(600_000);
    for (let i = 0; i < 6; i++) {
      await harness.appendValues([value]);
      harness.replica.tails.message(acknowledging, JSON.stringify({ ack: i + 1 }));
    }
    expect(acknowledging.offsets()).toEqual([0, 1, 2, 3, 4, 5]);
    const patient = new TestSocket();
    harness.replica.tails.open(patient, 6);
    for (let i = 6; i < 10; i++) {
      await harness.appendValues([value]);
      harness.nowMs += 600;
    }
    expect(patient.offsets()).toEqual([6, 7, 8, 9]);
  });

  it("disconnects a reader that sends anything but acknowledgements", async () => {
    const harness = new ReplicaHarness();
    for (const text of [
      "",
      "hello",
      "[]",
      "null",
      '{"ack":"1"}',
      '{"ack":1.5}',
      "x".repeat(100_000),
    ]) {
      const socket = new TestSocket();
      harness.replica.tails.open(socket, 0);
      harness.replica.tails.message(socket, text);
      expect(socket.closed?.[0]).toBe(TAIL_CLOSE.unreadable);
    }
  });

  it("closes tails and answers waiting readers when the partition goes away", async () => {
    const harness = new ReplicaHarness();
    const socket = new TestSocket();
    harness.replica.tails.open(socket, 0);
    const waiting = harness.fetch(0, { minBytes: 1, maxWaitMs: 60_000 });
    harness.replica.close();
    expect(socket.closed?.[0]).toBe(TAIL_CLOSE.moved);
    expect(await waiting).toMatchObject({ error: "UNKNOWN_TOPIC_OR_PARTITION" });
  });

  it("does not bring a reader back whose socket has failed while it was sent to", async () => {
    const harness = new ReplicaHarness();
    await harness.appendValues(["a"]);
    const { tails } = harness.replica;
    const kept = new TestSocket();
    for (const fails of ["sendText", "sendBytes"] as const) {
      let sent = 0;
      const dead: TailSocket = Object.assign(new TestSocket(), {
        [fails]: () => {
          sent += 1;
          tails.gone(dead);
        },
      });
      tails.open(dead, 0);
      expect(tails.size).toBe(0);
      tails.open(kept, 1);
      await harness.appendValues(["b"]);
      expect(sent).toBe(1);
      tails.gone(kept);
    }
  });
});
