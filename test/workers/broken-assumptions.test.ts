/**
 * What becomes of a partition's object when its code meets a state that cannot be: whichever way the call came in, the
 * instance ends, nothing is reported as a failure of storage, and the next instance serves what was acknowledged.
 */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { InvariantBroken, type Refusal } from "../../src/base/errors.ts";
import { replicaObjectName } from "../../src/base/ids.ts";
import { sendAppend, sendFetch, sendTail } from "../../src/objects/contracts/transfer.ts";
import { Shell } from "../../src/objects/runtime/shell.ts";
import { DurableStorage } from "../../src/objects/runtime/storage.ts";
import { encodeBatch } from "../../src/records/index.ts";
import { objectsEnv as env } from "./objects-env.ts";

let topics = 0;

function newAssignment() {
  topics += 1;
  return {
    topicId: topics.toString(16).padStart(32, "b"),
    topic: "orders",
    partition: 0,
    brokerId: 1,
    generation: 0,
    leader: 1,
    leaderEpoch: 0,
    partitionEpoch: 1,
    replicas: [{ brokerId: 1, generation: 0, locationHint: "", fenced: false }],
    inSync: [1],
    configs: { "retention.ms": "-1" },
    founding: true,
  };
}

/** A stub whose object was reset stays broken: each call takes a new one. */
const stubOf = (name: string) => env.PARTITION.getByName(name);
type Stub = ReturnType<typeof stubOf>;

function batchOf(sizeBytes: number): Uint8Array {
  const value = new Uint8Array(sizeBytes);
  return encodeBatch([{ timestamp: Date.now(), key: null, value, headers: [] }]);
}

/** A partition with one record that is not in memory any more. */
async function newPartition(): Promise<string> {
  const assignment = newAssignment();
  const name = replicaObjectName(assignment);
  await stubOf(name).assign(assignment);
  expect(await append(stubOf(name), 10)).toMatchObject({ ok: true, baseOffset: 0 });
  await evictDurableObject(stubOf(name));
  return name;
}

const append = (stub: Stub, sizeBytes: number) =>
  sendAppend(stub, { batches: batchOf(sizeBytes), acks: -1 });

const fetchFrom = (stub: Stub, offset: number) => {
  const isolation = "read_uncommitted";
  return sendFetch(stub, { offset, maxBytes: 1_000, minBytes: 0, maxWaitMs: 0, isolation });
};

/** Lets the storage of all objects throw `fault` at these statements. */
function failAt(statement: RegExp, fault: Error): void {
  for (const method of ["all", "each"] as const) {
    const works = DurableStorage.prototype[method] as (...given: unknown[]) => unknown;
    vi.spyOn(DurableStorage.prototype, method).mockImplementation(function (
      this: DurableStorage,
      ...given: unknown[]
    ) {
      if (statement.test(given[0] as string)) throw fault;
      return works.apply(this, given) as never;
    });
  }
}

/** The answer of a call; a call that is broken off has none. */
async function settled(call: Promise<unknown>): Promise<Refusal | null> {
  try {
    return (await call) as Refusal;
  } catch {
    return null;
  }
}

const WAYS_IN: readonly (readonly [
  name: string,
  statement: RegExp,
  call: (stub: Stub) => Promise<unknown>,
])[] = [
  ["an append over RPC", /^INSERT INTO chunks/, (stub) => append(stub, 10)],
  ["an append as a request", /^INSERT INTO chunks/, (stub) => append(stub, 40_000)],
  ["a fetch", /FROM chunks/, (stub) => fetchFrom(stub, 0)],
  ["a tail", /FROM chunks/, (stub) => sendTail(stub, 0)],
  ["a look-up by time", /FROM segments/, (stub) => stub.listOffset({ at: "max-timestamp" })],
  ["a deletion", /^DELETE FROM segments/, (stub) => stub.deleteRecords(1)],
  ["a description", /FROM segments/, (stub) => stub.describe()],
  ["the alarm", /FROM chunks/, (stub) => runInDurableObject(stub, (object) => object.alarm())],
];

afterEach(() => {
  vi.restoreAllMocks();
});

describe.for(WAYS_IN)("%s that meets a broken assumption", ([, statement, call]) => {
  it.for([new TypeError("x is not a function"), new InvariantBroken("it cannot be")])(
    "%s resets the object, which is no failure of storage",
    async (fault) => {
      const name = await newPartition();
      const before = await runInDurableObject(stubOf(name), (object) => object);
      const logged = vi.spyOn(console, "error").mockImplementation(() => {});
      failAt(statement, fault);
      const answer = await settled(call(stubOf(name)));
      if (answer !== null) expect(answer.message).toContain("begins anew");
      const lines = logged.mock.calls.join("\n");
      expect(lines).toContain('"event":"partition-broken"');
      expect(lines).toContain(fault.message);
      expect(lines).not.toContain("storage-failed");
      vi.restoreAllMocks();
      const after = await runInDurableObject(stubOf(name), (object) => object);
      expect(after).not.toBe(before);
      expect(await fetchFrom(stubOf(name), 0)).toMatchObject({ ok: true, highWatermark: 1 });
    },
  );
});

it("what a timer of an object throws resets it", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const reason = await new Promise<unknown>((resolve) => {
    const ctx = { storage: {}, abort: resolve } as unknown as DurableObjectState;
    new Shell(ctx, "partition").timers.after(1, () => {
      throw new InvariantBroken("it cannot be");
    });
  });
  expect(String(reason)).toContain("it cannot be");
});
