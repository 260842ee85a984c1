/**
 * Fencing tokens: an append is written only where the token that it gives is in force at the offset it gets, whoever else
 * is in the same flush; the token changes with the records of the append that sets it, and outlives restarts and retention.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AppendRequest, FencingCondition } from "../../../src/objects/contracts/partition.ts";
import { batchOf, expectOk, ReplicaHarness } from "../../support/replica.ts";
import { ReplicaSet } from "../../support/replica-set.ts";

const ALL = -1;

const fenced = (
  { replica }: ReplicaHarness,
  fencing: FencingCondition,
  values: readonly string[] = ["x"],
  expectedOffset?: number,
) =>
  replica.appendFenced({
    batches: batchOf(values, 1),
    acks: ALL,
    fencing,
    ...(expectedOffset !== undefined && { expectedOffset }),
  });

const refusal = (fencingToken: string) => ({ error: "FENCING_TOKEN_MISMATCH", fencingToken });

describe("a fencing token", () => {
  it("is compared, replaced, taken over and cleared, and refused with the one in force", async () => {
    const harness = new ReplicaHarness();
    expect(await fenced(harness, { expected: "a" })).toMatchObject(refusal(""));
    expectOk(await fenced(harness, { expected: "", next: "a" }));
    expect(await fenced(harness, { expected: "", next: "b" })).toMatchObject(refusal("a"));
    expectOk(await fenced(harness, { expected: "a" }));
    harness.restart();
    expect(await fenced(harness, { expected: "b" })).toMatchObject(refusal("a"));
    expectOk(await fenced(harness, { expected: "a", next: "b" }));
    const refused = await fenced(harness, { expected: "a" });
    expect(refused).toMatchObject(refusal("b"));
    expect(refused).not.toHaveProperty("written");
    // Whoever gives none is not held back, and takes over without asking.
    await harness.appendValues(["plain"]);
    expectOk(await fenced(harness, { next: "c" }));
    expect(harness.replica.describe()).toMatchObject({ fencingToken: "c", logEndOffset: 5 });
    expectOk(await fenced(harness, { next: "" }));
    harness.restart();
    expect(await fenced(harness, { expected: "c" })).toMatchObject(refusal(""));
    expectOk(await fenced(harness, { expected: "" }));
    expect(await harness.readAll(0)).toHaveLength(7);
  });

  it("beside an expected offset has to hold as well", async () => {
    const harness = new ReplicaHarness();
    expectOk(await fenced(harness, { next: "a" }, ["x"], 0));
    expect(await fenced(harness, { expected: "b" }, ["y"], 1)).toMatchObject(refusal("a"));
    expect(await fenced(harness, { expected: "a" }, ["y"], 0)).toMatchObject({
      error: "END_OFFSET_MISMATCH",
      endOffset: 1,
    });
    expectOk(await fenced(harness, { expected: "a" }, ["y"], 1));
  });

  it("does not keep a repeat from being told that it was written, and is not set by it again", async () => {
    const harness = new ReplicaHarness();
    const send = () =>
      harness.replica.appendFenced({
        batches: batchOf(["1"], 1, { producerId: 7, producerEpoch: 0, baseSequence: 0 }),
        acks: ALL,
        fencing: { expected: "", next: "a" },
      });
    expect(expectOk(await send())).toMatchObject({ baseOffset: 0, duplicate: false });
    expectOk(await fenced(harness, { next: "b" }));
    harness.restart();
    expect(expectOk(await send())).toMatchObject({ baseOffset: 0, duplicate: true });
    expectOk(await fenced(harness, { expected: "b" }));
  });

  it("of appends at once each is judged behind those before it", async () => {
    const token = fc.constantFrom("", "a", "b", "c");
    const append = fc.record({
      expected: fc.option(token, { nil: undefined }),
      next: fc.option(token, { nil: undefined }),
    });
    const script = fc.array(fc.array(append, { minLength: 1, maxLength: 8 }), {
      minLength: 1,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(script, async (flushes) => {
        const harness = new ReplicaHarness();
        let inForce = "";
        let end = 0;
        for (const appends of flushes) {
          const answers = await Promise.all(
            appends.map(({ expected, next }) =>
              fenced(harness, {
                ...(expected !== undefined && { expected }),
                ...(next !== undefined && { next }),
              }),
            ),
          );
          appends.forEach(({ expected, next }, i) => {
            if (expected !== undefined && expected !== inForce) {
              expect(answers[i]).toMatchObject(refusal(inForce));
              return;
            }
            expect(answers[i]).toMatchObject({ ok: true, baseOffset: end });
            inForce = next ?? inForce;
            end += 1;
          });
          harness.restart();
        }
        expect(harness.replica.describe()).toMatchObject({ fencingToken: inForce });
      }),
      { numRuns: 100 },
    );
  });

  it("stays when the records that came with it are deleted", async () => {
    const harness = new ReplicaHarness({ configs: { "cleanup.policy": "delete" } });
    expectOk(await fenced(harness, { next: "a" }));
    await harness.appendValues(["plain"]);
    expectOk(await harness.replica.deleteRecords(-1));
    harness.restart();
    expect(await fenced(harness, { expected: "b" })).toMatchObject(refusal("a"));
    expectOk(await fenced(harness, { expected: "a" }));
  });

  it("costs an append that has none no row, and leaves two rows however often it is replaced", async () => {
    const harness = new ReplicaHarness();
    const tables = () => harness.storage.all("SELECT name FROM sqlite_master");
    const before = tables();
    await harness.appendValues(["plain"]);
    expect(tables()).toEqual(before);
    for (let i = 0; i < 20; i++) expectOk(await fenced(harness, { next: `${i}` }));
    expect(harness.storage.all("SELECT token FROM fencing")).toEqual([
      { token: "18" },
      { token: "19" },
    ]);
  });

  it("is unknown to storage of older code, which gets its table with the first one", async () => {
    const harness = new ReplicaHarness();
    await harness.appendValues(["plain"]);
    harness.restart();
    expect(harness.replica.describe()).toMatchObject({ fencingToken: "" });
    expect(await fenced(harness, { expected: "a" })).toMatchObject(refusal(""));
    expect(harness.storage.all("SELECT 1 FROM sqlite_master WHERE name = 'fencing'")).toEqual([]);
    expectOk(await fenced(harness, { next: "a" }));
    expectOk(await fenced(harness, { expected: "a" }));
  });
});

/** Appends to the leader of a set, whose followers have their turn. */
async function appendTo(set: ReplicaSet, request: Partial<AppendRequest>, value = "x") {
  const answer = set.append([value], request);
  await set.settle();
  return answer;
}

/** Has another replica lead, and waits until all are in sync again. */
async function elect(set: ReplicaSet, leader: number): Promise<void> {
  set.elect(leader);
  set.tell(...set.members.keys());
  await set.pass(20_000);
}

describe("among replicas, a fencing token", () => {
  for (const [where, bytes] of [
    ["memory", "1048576"],
    ["storage", "0"],
  ] as const) {
    it(`goes with the log to whoever leads next, from ${where}`, async () => {
      const set = new ReplicaSet({ settings: { "tail.memory.bytes": bytes } });
      expectOk(await appendTo(set, { fencing: { expected: "", next: "a" } }));
      await elect(set, 2);
      expect(await appendTo(set, { fencing: { expected: "" } })).toMatchObject(refusal("a"));
      expectOk(await appendTo(set, { fencing: { expected: "a", next: "b" } }));
      for (const brokerId of [1, 2, 3]) set.restart(brokerId);
      await elect(set, 3);
      expect(await appendTo(set, { fencing: { expected: "a" } })).toMatchObject(refusal("b"));
      expectOk(await appendTo(set, { fencing: { expected: "b" } }));
    });
  }

  it("that came with what is truncated is in force no longer", async () => {
    const set = new ReplicaSet();
    expectOk(await appendTo(set, { fencing: { next: "a" } }));
    set.setDown(2, true);
    set.setDown(3, true);
    expectOk(await appendTo(set, { acks: 1, fencing: { expected: "a", next: "b" } }));
    expect(await appendTo(set, { acks: 1, fencing: { expected: "a" } })).toMatchObject(
      refusal("b"),
    );
    set.setDown(1, true);
    set.setDown(2, false);
    set.setDown(3, false);
    set.elect(2, [2, 3]);
    set.tell(2, 3);
    await set.settle();
    expectOk(await appendTo(set, { fencing: { expected: "a" } }));
    set.setDown(1, false);
    set.tell(1);
    await set.pass(20_000);
    expect(set.rows(1)).toEqual(set.rows(2));
    await elect(set, 1);
    expect(await appendTo(set, { fencing: { expected: "b" } })).toMatchObject(refusal("a"));
    expectOk(await appendTo(set, { fencing: { expected: "a" } }));
  });

  it("is given to a replica that begins where the token is older than the log", async () => {
    const set = new ReplicaSet();
    expectOk(await appendTo(set, { fencing: { next: "a" } }));
    expectOk(await appendTo(set, {}));
    const deleted = set.leader.deleteRecords(-1);
    await set.settle();
    expectOk(await deleted);
    expectOk(await appendTo(set, {}));
    await set.lose(3);
    set.create(3, false);
    expectOk(await appendTo(set, { acks: 1 }));
    await set.pass(20_000);
    expect(set.replica(3).probe()).toMatchObject({ wasReset: false, logEndOffset: 4 });
    set.restart(3);
    await elect(set, 3);
    expect(await appendTo(set, { fencing: { expected: "" } })).toMatchObject(refusal("a"));
    expectOk(await appendTo(set, { fencing: { expected: "a" } }));
  });

  it("is pulled with the chunks by a replica that has lost its storage", async () => {
    const set = new ReplicaSet({ settings: { "tail.memory.bytes": "0" } });
    for (const next of ["a", "b", "c"]) expectOk(await appendTo(set, { fencing: { next } }));
    expectOk(await appendTo(set, {}));
    await set.lose(3);
    set.create(3, false);
    expectOk(await appendTo(set, { acks: 1 }));
    await set.pass(20_000);
    await elect(set, 3);
    expect(await appendTo(set, { fencing: { expected: "b" } })).toMatchObject(refusal("c"));
    expectOk(await appendTo(set, { fencing: { expected: "c" } }));
  });
});
