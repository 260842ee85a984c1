/** Proves that connections without progress are ended and counted, and that those that only wait are not. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TimedDuplex, type Waiting } from "../../../src/kafka/timed-duplex.ts";
import { counters, kafkaClosed } from "../../../src/gateway/metrics.ts";
import { requestBytes, serve, TestDuplex } from "./support.ts";

const IDLE_MS = 600_000;
const BEFORE_KEY_MS = 30_000;
const UNREAD_MS = 60_000;
const PIECE_BYTES = 262_144;
/** The timer runs once a minute. */
const LOOK_MS = 60_000;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function patient(waiting: Partial<Waiting> = {}): {
  readonly inner: TestDuplex;
  readonly duplex: TimedDuplex;
} {
  const inner = new TestDuplex();
  const duplex = new TimedDuplex(inner, {
    isBusy: () => false,
    isAuthenticated: () => true,
    idleMs: IDLE_MS,
    ...waiting,
  });
  return { inner, duplex };
}

describe("a peer", () => {
  test("that asks nothing is kept for as long as the setting says", async () => {
    const { inner } = patient();
    await vi.advanceTimersByTimeAsync(IDLE_MS - 1);
    expect(inner.isClosed).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(inner.isClosed).toBe(true);
  });

  test("that sends something now and then is kept", async () => {
    const { inner, duplex } = patient();
    for (let i = 0; i < 5; i++) {
      await vi.advanceTimersByTimeAsync(IDLE_MS - 1);
      inner.send(new Uint8Array(1));
      await duplex.read(1);
    }
    expect(inner.isClosed).toBe(false);
    await vi.advanceTimersByTimeAsync(IDLE_MS + LOOK_MS);
    expect(inner.isClosed).toBe(true);
  });

  test("whose request is under way is not idle", async () => {
    let isBusy = true;
    const { inner } = patient({ isBusy: () => isBusy });
    await vi.advanceTimersByTimeAsync(3 * IDLE_MS);
    expect(inner.isClosed).toBe(false);
    isBusy = false;
    await vi.advanceTimersByTimeAsync(LOOK_MS);
    expect(inner.isClosed).toBe(true);
  });

  test("that has not shown a key is not waited for, whatever it sends", async () => {
    const { inner, duplex } = patient({ isAuthenticated: () => false });
    for (let ms = 0; ms < BEFORE_KEY_MS; ms += 1_000) {
      expect(inner.isClosed).toBe(false);
      inner.send(new Uint8Array(1));
      await duplex.read(1);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(inner.isClosed).toBe(true);
  });

  test("that takes nothing of an answer is ended, although the request is under way", async () => {
    const { inner, duplex } = patient({ isBusy: () => true });
    inner.isBlocked = true;
    const written = duplex.write(new Uint8Array(10)).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(UNREAD_MS + LOOK_MS);
    expect(inner.isClosed).toBe(true);
    expect(await written).toBeInstanceOf(Error);
  });

  test("that takes nothing of an answer is ended, whatever it sends meanwhile", async () => {
    const { inner, duplex } = patient({ isBusy: () => true });
    inner.isBlocked = true;
    const written = duplex.write(new Uint8Array(10)).catch((error: unknown) => error);
    for (let ms = 0; ms < UNREAD_MS + LOOK_MS; ms += 1_000) {
      inner.send(new Uint8Array(1));
      await duplex.read(1);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(inner.isClosed).toBe(true);
    expect(duplex.expiry).toBe("unread");
    expect(await written).toBeInstanceOf(Error);
  });

  test("that takes an answer slowly is kept", async () => {
    const { inner, duplex } = patient({ isBusy: () => true });
    const takingMs = UNREAD_MS - 1_000;
    vi.spyOn(inner, "write").mockImplementation(
      () => new Promise((resolve) => setTimeout(resolve, takingMs)),
    );
    let isWritten = false;
    void duplex.write(new Uint8Array(10 * PIECE_BYTES)).then(() => (isWritten = true));
    await vi.advanceTimersByTimeAsync(10 * takingMs - 1);
    expect([inner.isClosed, isWritten]).toEqual([false, false]);
    await vi.advanceTimersByTimeAsync(1);
    expect([inner.isClosed, isWritten]).toEqual([false, true]);
  });
});

const apiVersions = requestBytes(18, 0, 1, {});

describe("a connection", () => {
  test("that is over keeps no timer", async () => {
    const { duplex, done } = serve();
    duplex.send(apiVersions);
    duplex.finish();
    await done;
    expect(vi.getTimerCount()).toBe(0);
  });

  test("is counted when it ends, by what it did not receive in time", async () => {
    const before = { ...kafkaClosed };
    const idle = serve();
    const keyless = serve({ isAuthenticated: false }, ["a-key"]);
    const deaf = serve();
    deaf.duplex.isBlocked = true;
    deaf.duplex.send(apiVersions);
    const leaving = serve();
    leaving.duplex.finish();
    await vi.advanceTimersByTimeAsync(IDLE_MS);
    await Promise.all([idle, keyless, deaf, leaving].map(({ done }) => done));
    expect(kafkaClosed).toEqual({
      idle: before.idle + 1,
      no_key: before.no_key + 1,
      unread: before.unread + 1,
      other: before.other + 1,
    });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("counts the bytes of whole frames, and of answers that were taken", async () => {
    const { kafkaBytesIn, kafkaBytesOut } = counters;
    const { duplex, done } = serve();
    duplex.send(apiVersions);
    duplex.send(apiVersions.subarray(0, 9));
    duplex.finish();
    await done;
    expect(counters.kafkaBytesIn - kafkaBytesIn).toBe(apiVersions.byteLength);
    expect(counters.kafkaBytesOut - kafkaBytesOut).toBe(duplex.output.byteLength);
    expect(duplex.output.byteLength).toBeGreaterThan(100);
  });
});

test("at the end nothing is waited for, whether or not the stream below notices", async () => {
  const { inner, duplex } = patient();
  const never = new Promise<never>(() => {});
  vi.spyOn(inner, "read").mockReturnValue(never);
  vi.spyOn(inner, "write").mockReturnValue(never);
  const read = duplex.read(10);
  const written = duplex.write(new Uint8Array(10)).catch((error: unknown) => error);
  await duplex.close();
  expect(await read).toBeNull();
  expect(await written).toBeInstanceOf(Error);
  expect(await duplex.read(10)).toBeNull();
});

test("after the end nothing is started, because its failure would be unhandled", async () => {
  const { inner, duplex } = patient();
  await duplex.close();
  const read = vi.spyOn(inner, "read").mockRejectedValue(new Error("gone"));
  const write = vi.spyOn(inner, "write").mockRejectedValue(new Error("gone"));
  expect(await duplex.read(10)).toBeNull();
  await expect(duplex.write(new Uint8Array(10))).rejects.toThrow();
  expect([read.mock.calls, write.mock.calls]).toEqual([[], []]);
});
