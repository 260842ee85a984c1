/**
 * The partition's object in workerd: budgets of rows, waking up, sleeping tails, purge. What the
 * rules do is proved on Node (test/core/partition); here stands what only the platform can show.
 */
import {
  evictDurableObject,
  listDurableObjectIds,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { Refusal } from "../../src/base/errors.ts";
import { replicaObjectName } from "../../src/base/ids.ts";
import type { Appended, ReplicaDescription } from "../../src/objects/contracts/partition.ts";
import { sendAppend, sendFetch, sendTail } from "../../src/objects/contracts/transfer.ts";
import { encodeBatch, recordsFrom } from "../../src/records/index.ts";
import { objectsEnv as env } from "./objects-env.ts";

let topics = 0;

function assignmentOf(configs: Record<string, string> = {}) {
  topics += 1;
  return {
    topicId: topics.toString(16).padStart(32, "0"),
    topic: "orders",
    partition: 0,
    brokerId: 1,
    generation: 0,
    leader: 1,
    leaderEpoch: 0,
    partitionEpoch: 1,
    replicas: [{ brokerId: 1, generation: 0, locationHint: "", fenced: false }],
    inSync: [1],
    configs,
    founding: true,
  };
}

async function newPartition(configs: Record<string, string> = {}) {
  const assignment = assignmentOf(configs);
  const stub = env.PARTITION.getByName(replicaObjectName(assignment));
  expect(await stub.assign(assignment)).toEqual({ ok: true, wasReset: false });
  return { stub, assignment };
}

type Stub = Awaited<ReturnType<typeof newPartition>>["stub"];

function ok<T extends { readonly ok: true }>(result: T | Refusal): T {
  if (!result.ok) throw new Error(`${result.error}: ${result.message}`);
  return result;
}

function batch(value: Uint8Array | string, fields = {}): Uint8Array {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return encodeBatch([{ timestamp: Date.now(), key: null, value: bytes, headers: [] }], fields);
}

const append = async (stub: Stub, value: Uint8Array | string): Promise<Appended> =>
  ok<Appended>(await sendAppend(stub, { batches: batch(value), acks: -1 }));

const describeReplica = async (stub: Stub): Promise<ReplicaDescription> =>
  ok((await stub.describe()) as ReplicaDescription | Refusal);

async function fetchAt(stub: Stub, offset: number): Promise<Uint8Array> {
  const isolation = "read_uncommitted";
  const request = { offset, maxBytes: 8_000_000, minBytes: 0, maxWaitMs: 0, isolation } as const;
  return ok(await sendFetch(stub, request)).bytes();
}

const rowsWritten = async (stub: Stub): Promise<number> =>
  (await describeReplica(stub)).rowsWritten;

async function openTail(stub: Stub, offset: number) {
  const { socket } = ok(await sendTail(stub, offset));
  const messages: (string | ArrayBuffer)[] = [];
  let arrived = (): void => {};
  socket.addEventListener("message", ({ data }) => {
    messages.push(data as string | ArrayBuffer);
    arrived();
  });
  socket.binaryType = "arraybuffer";
  socket.accept();
  const until = async (count: number): Promise<void> => {
    while (messages.length < count) await new Promise<void>((resolve) => (arrived = resolve));
  };
  const offsets = (): number[] =>
    messages
      .filter((message) => typeof message !== "string")
      .flatMap((message) => [...recordsFrom(new Uint8Array(message), 0)].map((r) => ok(r).offset));
  return { socket, messages, until, offsets };
}

describe("budgets", () => {
  it("an append is one row; the first of a log also sets the retention alarm", async () => {
    const { stub } = await newPartition();
    const start = await rowsWritten(stub);
    await append(stub, "first");
    expect((await rowsWritten(stub)) - start).toBe(2);
    for (let i = 0; i < 10; i++) await append(stub, "next");
    expect((await rowsWritten(stub)) - start).toBe(12);
  });

  it("64 concurrent one-record appends are at most 8 rows", async () => {
    const { stub } = await newPartition();
    await append(stub, "first");
    const start = await rowsWritten(stub);
    const offsets = await Promise.all(
      Array.from({ length: 64 }, async (_, i) => (await append(stub, `record ${i}`)).baseOffset),
    );
    expect(offsets.toSorted((a, b) => a - b)).toEqual(offsets.map((_, i) => i + 1));
    expect((await rowsWritten(stub)) - start).toBeLessThanOrEqual(8);
  });

  it("fetch and list offsets write no row", async () => {
    const { stub } = await newPartition();
    await append(stub, "a");
    const start = await rowsWritten(stub);
    await fetchAt(stub, 0);
    for (const at of ["earliest", "latest", "max-timestamp"] as const)
      ok(await stub.listOffset({ at }));
    ok(await stub.listOffset({ at: "timestamp", timestampMs: 5 }));
    expect(await rowsWritten(stub)).toBe(start);
  });

  it("waking up reads the same few rows at 200 MB as at 1 MB", async () => {
    const rowsToWake = async (megabytes: number): Promise<number> => {
      const { stub } = await newPartition({ "retention.ms": "-1", "segment.bytes": "16777216" });
      const value = crypto.getRandomValues(new Uint8Array(65_536));
      const million = new Uint8Array(1_000_000);
      for (let at = 0; at + value.length <= million.length; at += value.length)
        million.set(value, at);
      for (let i = 0; i < megabytes; i++) await append(stub, million);
      await evictDurableObject(stub);
      return (await describeReplica(stub)).wakeRowsRead;
    };
    const small = await rowsToWake(1);
    const large = await rowsToWake(200);
    expect(large).toBe(small);
    expect(large).toBeLessThanOrEqual(8);
  });
});

describe("the object", () => {
  it("keeps its log through eviction, and goes on at its end", async () => {
    const { stub } = await newPartition();
    for (let i = 0; i < 5; i++) await append(stub, `v${i}`);
    await evictDurableObject(stub);
    expect((await append(stub, "v5")).baseOffset).toBe(5);
    const batches = await fetchAt(stub, 0);
    const values = [...recordsFrom(batches, 0)].map((r) => new TextDecoder().decode(ok(r).value!));
    expect(values).toEqual(["v0", "v1", "v2", "v3", "v4", "v5"]);
  });

  it("keeps rows below the platform's 2 MB when appends gather and when one is split", async () => {
    const { stub } = await newPartition({ "max.message.bytes": "1900000" });
    const value = new Uint8Array(700_000);
    await Promise.all(Array.from({ length: 10 }, () => append(stub, value)));
    const many = Array.from({ length: 6 }, () => batch(new Uint8Array(1_200_000)));
    const batches = new Uint8Array(await new Blob(many).arrayBuffer());
    ok(await sendAppend(stub, { batches, acks: -1 }));
    const largest = await runInDurableObject(stub, (_, state) => {
      const sql = "SELECT max(length(data)) AS largest FROM chunks";
      return state.storage.sql.exec<{ largest: number }>(sql).one().largest;
    });
    expect(largest).toBeLessThan(2_000_000);
    expect((await describeReplica(stub)).logEndOffset).toBe(16);
  });

  it("refuses what it was never assigned, and an assignment of another replica", async () => {
    const assignment = assignmentOf();
    const stub = env.PARTITION.getByName(replicaObjectName(assignment));
    const answer = await sendAppend(stub, { batches: batch("a"), acks: -1 });
    expect(answer).toMatchObject({ ok: false, error: "UNKNOWN_TOPIC_OR_PARTITION" });
    const other = await stub.assign({ ...assignment, generation: 7 });
    expect(other).toMatchObject({ ok: false, error: "INVALID_REQUEST" });
  });

  it("holds no storage and no alarm after a purge, and refuses from then on", async () => {
    const { stub } = await newPartition();
    await append(stub, "a");
    expect(await stub.purge()).toEqual({ ok: true });
    const left = await runInDurableObject(stub, async (_, state) => ({
      tables: state.storage.sql.exec("SELECT name FROM sqlite_master").toArray(),
      alarm: await state.storage.getAlarm(),
    }));
    expect(left).toEqual({ tables: [], alarm: null });
    expect(await stub.describe()).toMatchObject({ error: "UNKNOWN_TOPIC_OR_PARTITION" });
    await evictDurableObject(stub);
    expect(await stub.describe()).toMatchObject({ error: "UNKNOWN_TOPIC_OR_PARTITION" });
  });

  it("lets go of what has expired when its alarm goes off", async () => {
    const { stub } = await newPartition({ "retention.ms": "0" });
    const old = encodeBatch([{ timestamp: 1, key: null, value: null, headers: [] }]);
    ok(await sendAppend(stub, { batches: old, acks: -1 }));
    // The alarm is due within a second of the append; it may have gone off already.
    await runDurableObjectAlarm(stub);
    await expect
      .poll(async () => (await describeReplica(stub)).logStartOffset, { timeout: 60_000 })
      .toBe(1);
    const rows = await runInDurableObject(stub, (_, state) =>
      state.storage.sql.exec("SELECT base_offset FROM chunks").toArray(),
    );
    expect(rows).toEqual([]);
  });
});

describe("a tail", () => {
  it("gets each flush once and in order, through the object's hibernation", async () => {
    const { stub } = await newPartition();
    await append(stub, "a");
    const tail = await openTail(stub, 0);
    await tail.until(2);
    expect(JSON.parse(tail.messages[0] as string)).toMatchObject({
      type: "hello",
      highWatermark: 1,
    });
    await evictDurableObject(stub, { webSockets: "hibernate" });
    await append(stub, "b");
    await tail.until(3);
    expect(tail.offsets()).toEqual([0, 1]);
    expect((await describeReplica(stub)).tails).toBe(1);
    tail.socket.close();
  });

  it("causes no call and no row while nothing is produced: the object stays asleep", async () => {
    const { stub } = await newPartition();
    const tail = await openTail(stub, 0);
    await tail.until(1);
    await evictDurableObject(stub, { webSockets: "hibernate" });
    // An object that is asleep cannot be evicted: nothing has woken it.
    const wakes = async (): Promise<void> => evictDurableObject(stub);
    await expect(async () => wakes()).rejects.toThrow();
    expect((await listDurableObjectIds(env.PARTITION)).length).toBeGreaterThan(0);
    await append(stub, "now");
    await tail.until(2);
    expect(tail.offsets()).toEqual([0]);
    tail.socket.close();
  });

  it("is refused below the log start and past the end", async () => {
    const { stub } = await newPartition();
    await append(stub, "a");
    ok(await stub.deleteRecords(1));
    for (const [offset, error] of [
      [0, "OFFSET_BELOW_LOG_START"],
      [2, "OFFSET_OUT_OF_RANGE"],
    ] as const) {
      expect(await sendTail(stub, offset)).toMatchObject({ ok: false, error });
    }
  });

  it("is closed when the partition is purged", async () => {
    const { stub } = await newPartition();
    const tail = await openTail(stub, 0);
    const closed = new Promise<number>((resolve) => {
      tail.socket.addEventListener("close", ({ code }) => resolve(code));
    });
    await stub.purge();
    expect(await closed).toBe(1012);
  });
});
