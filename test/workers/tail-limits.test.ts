/** Event streams over a partition that is made up: what the platform's limits and clocks bring about. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Refusal } from "../../src/base/errors.ts";
import { refuse } from "../../src/base/errors.ts";
import type { Fetched, FetchRequest } from "../../src/objects/contracts/partition.ts";
import { encodeBatch } from "../../src/records/index.ts";
import { eventStream, SUBREQUESTS_MAX } from "../../src/worker/records/events.ts";
import type { OpenTail, PartitionReader } from "../../src/gateway/partition-reader.ts";

function batch(baseOffset: number, bytes = 1): Uint8Array<ArrayBuffer> {
  const value = new TextEncoder().encode(`"${"x".repeat(bytes)}"`);
  return encodeBatch([{ timestamp: 0, key: null, value, headers: [] }], { baseOffset });
}

/** One side of a socket, whose other side is the test. */
class FakeSocket extends EventTarget {
  binaryType = "blob";
  accepted = false;
  readonly sent: string[] = [];
  readonly closes: number[] = [];

  accept(): void {
    this.accepted = true;
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(code: number): void {
    this.closes.push(code);
  }

  message(bytes: Uint8Array<ArrayBuffer>): void {
    this.dispatchEvent(Object.assign(new Event("message"), { data: bytes.slice().buffer }));
  }

  closed(code: number): void {
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

class FakePartition {
  readonly topic = "t";
  readonly partition = 0;
  readonly log: Uint8Array<ArrayBuffer>[] = [];
  readonly fetches: number[] = [];
  readonly sockets: FakeSocket[] = [];
  refusal: Refusal | null = null;

  async fetch({ offset }: FetchRequest): Promise<Fetched | Refusal> {
    this.fetches.push(offset);
    if (this.refusal !== null) return this.refusal;
    const end = this.log.length;
    const batches = this.log[offset] ?? new Uint8Array(0);
    const ends = { logStartOffset: 0, highWatermark: end, lastStableOffset: end };
    const nextOffset = Math.min(offset + 1, end);
    return { ok: true, batches, nextOffset, partitionEpoch: 0, ...ends };
  }

  async openTail(): Promise<OpenTail> {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return { ok: true, socket: socket as unknown as WebSocket };
  }

  append(bytes?: number): Uint8Array<ArrayBuffer> {
    const appended = batch(this.log.length, bytes);
    this.log.push(appended);
    return appended;
  }
}

function open(log: FakePartition) {
  const stream = eventStream(log as unknown as PartitionReader, {
    format: "json",
    offset: 0,
    batches: new Uint8Array(0),
    maxBytes: 1_000,
    isolation: "read_uncommitted",
    resetPolicy: "none",
    reset: null,
  });
  const reader = stream.getReader();
  const next = async (): Promise<string | null> => {
    const read = await reader.read();
    return read.done ? null : new TextDecoder().decode(read.value);
  };
  return { reader, next };
}

/** Lets everything happen that needs no timer. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

describe("an event stream", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** A stream that has caught up and listens. */
  async function listening() {
    const log = new FakePartition();
    const { reader, next } = open(log);
    expect(await next()).toBe("retry: 1000\n\n");
    const first = next();
    await settle();
    const socket = log.sockets[0]!;
    expect(socket).toMatchObject({ accepted: true, binaryType: "arraybuffer" });
    return { log, reader, next, first, socket };
  }

  it("reads nothing ahead of its reader", async () => {
    const log = new FakePartition();
    log.append();
    log.append();
    const { next } = open(log);
    await next();
    await settle();
    expect(log.fetches).toEqual([]);
    expect(await next()).toContain("id: 1\n");
    await settle();
    expect(log.fetches).toEqual([0]);
  });

  it("comments on silence, and makes no call meanwhile", async () => {
    const { log, next, first, socket } = await listening();
    await vi.advanceTimersByTimeAsync(15_000);
    expect(await first).toBe(":\n\n");
    const second = next();
    await vi.advanceTimersByTimeAsync(15_000);
    expect(await second).toBe(":\n\n");
    const third = next();
    socket.message(log.append());
    expect(await third).toContain("id: 1\n");
    expect([log.fetches.length, log.sockets.length, socket.sent.length]).toEqual([1, 1, 0]);
  });

  it("goes back to pages when the socket tells to resume or breaks, or the partition moved", async () => {
    for (const code of [1013, 1006, 1012]) {
      const { log, next, first, socket } = await listening();
      log.append();
      socket.closed(code);
      expect(await first).toContain("id: 1\n");
      const second = next();
      await settle();
      log.sockets[1]!.message(log.append());
      expect(await second).toContain("id: 2\n");
    }
  });

  it("acknowledges what was delivered", async () => {
    const { log, next, first, socket } = await listening();
    socket.message(log.append(200_000));
    socket.message(log.append(200_000));
    await first;
    expect(socket.sent).toEqual([]);
    await next();
    expect(socket.sent).toEqual(['{"ack":2}']);
  });

  it("drops what queues up for a slow reader and reads it from the log", async () => {
    const { log, next, first, socket } = await listening();
    socket.message(log.append(10));
    await first;
    for (let i = 0; i < 3; i++) socket.message(log.append(900_000));
    expect(socket.closes).toEqual([1000]);
    // Messages of the socket that was left are not heard any more.
    socket.message(batch(4));
    for (let offset = 1; offset < 4; offset++) {
      expect(await next()).toMatch(new RegExp(`^id: ${offset + 1}\\n`));
    }
    expect(log.fetches).toEqual([0, 1, 2, 3]);
  });

  it("ends before the platform would end it", async () => {
    const { log, next, first, socket } = await listening();
    let events = 0;
    for (let pending = first; ; pending = next()) {
      if (log.log.length > SUBREQUESTS_MAX) throw new Error("it goes on");
      socket.message(log.append());
      const text = await pending;
      if (text === null) break;
      expect(text).toContain(`id: ${++events}\n`);
    }
    expect(events).toBeGreaterThan(SUBREQUESTS_MAX - 10);
    expect(socket.closes).toEqual([1000]);
  });

  it("tells of an error and ends", async () => {
    const { log, next, first, socket } = await listening();
    log.refusal = refuse("OFFSET_BELOW_LOG_START", "gone");
    socket.closed(1013);
    expect(await first).toBe('event: error\ndata: {"error_code":41001,"message":"gone"}\n\n');
    expect(await next()).toBeNull();
  });

  it("leaves the socket when its reader goes", async () => {
    const { log, reader, first, socket } = await listening();
    await reader.cancel();
    expect(await first).toBeNull();
    await settle();
    expect(socket.closes).toEqual([1000]);
    expect([log.fetches.length, log.sockets.length]).toEqual([1, 1]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
