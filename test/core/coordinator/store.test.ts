/** A group's record replays to the live image: through any decisions, crashes, failing writes and snapshots. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyChangeSet } from "../../../src/objects/coordinator/groups/image/apply.ts";
import type { Change } from "../../../src/objects/coordinator/groups/image/changes.ts";
import {
  emptyImage,
  type GroupImage,
} from "../../../src/objects/coordinator/groups/image/image.ts";
import {
  decodeSnapshot,
  encodeSnapshot,
} from "../../../src/objects/coordinator/groups/image/snapshot.ts";
import { groupStore } from "../../../src/objects/coordinator/groups/image/store.ts";
import { SPEC } from "../../support/group.ts";
import { SqliteStorage } from "../../support/sqlite-storage.ts";

const topic = fc.constantFrom("a", "b", "ü/\u{1f600}");
const small = fc.nat(3);
const id = fc.constantFrom("one", "two", "three");

/** A change that fits the image, or none. */
type Step = (image: GroupImage) => Change | null;

const step: fc.Arbitrary<Step> = fc.oneof(
  fc
    .tuple(topic, small, fc.nat(), fc.string())
    .map(([name, partition, offset, metadata]): Step => () => ({
      type: "committed",
      offsets: [[name, "", [[partition, offset, -1, metadata]]]],
    })),
  fc.tuple(topic, small).map(([name, partition]): Step => () => ({
    type: "offsets-deleted",
    partitions: [{ topic: name, partition }],
  })),
  id.map(
    (instanceId): Step =>
      (image) =>
        image.instances.has(instanceId)
          ? { type: "instance-closed", instanceId }
          : { type: "instance-created", instanceId, spec: { ...SPEC, name: instanceId } },
  ),
  fc.tuple(id, topic, small).map(
    ([instanceId, name, partition]): Step =>
      (image) =>
        image.instances.has(instanceId)
          ? { type: "sought", instanceId, positions: [[name, "x", [[partition, 5]]]] }
          : null,
  ),
  fc.tuple(id, fc.option(topic, { nil: null })).map(
    ([instanceId, name]): Step =>
      (image) =>
        image.instances.has(instanceId)
          ? {
              type: "instance-subscribed",
              instanceId,
              subscription: name === null ? null : { by: "topics", topics: [name] },
            }
          : null,
  ),
  fc.tuple(fc.uniqueArray(id, { minLength: 1 }), topic).map(([ids, name]): Step => (image) => ({
    type: "generation-began",
    generationId: image.generationId + 1,
    protocolType: "consumer",
    protocolName: "range",
    leader: ids[0]!,
    members: ids.map((memberId) => ({
      ...{ memberId, groupInstanceId: null, clientId: "c", clientHost: "h", isInstance: false },
      ...{
        sessionTimeoutMs: 1,
        rebalanceTimeoutMs: 2,
        protocols: [{ name: "range", metadata: "AA==" }],
      },
    })),
    seen: [{ topic: name, topicId: "x", partitions: 3 }],
    looked: [`topic ${name}`],
  })),
  id.map((memberId): Step => () => ({ type: "assigned", assignments: [[memberId, "AA=="]] })),
  id.map((memberId): Step => () => ({ type: "members-left", memberIds: [memberId] })),
  id.map((memberId): Step => () => ({ type: "silent", memberIds: [memberId] })),
  id.map((memberId): Step => () => ({ type: "heard", memberId })),
  fc.constant<Step>((image) => ({ type: "emptied", generationId: image.generationId + 1 })),
);

const plain = (image: GroupImage): unknown => JSON.parse(encodeSnapshot(image));

describe("a group's record", () => {
  test("replays to the live image after any decisions, crashes and failing writes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ step, fails: fc.nat(9), crashes: fc.boolean() }), { maxLength: 60 }),
        fc.integer({ min: 8, max: 12 }),
        fc.integer({ min: 40, max: 400 }),
        (steps, ringRows, rowLengthMax) => {
          const bounds = { ringRows: ringRows * 8, rowLengthMax };
          let storage = new SqliteStorage();
          let store = groupStore(storage, bounds);
          let image = store.load();
          let atMs = 0;
          for (const { step: next, fails, crashes } of steps) {
            const change = next(image);
            if (change === null) continue;
            const set = { atMs: (atMs += 1), changes: [change] };
            if (fails === 0) {
              storage.beforeStatement = (sql) => {
                if (sql.startsWith("INSERT")) throw new Error("disk");
              };
              expect(() => store.append(image, set)).toThrow("disk");
              storage.beforeStatement = null;
            } else {
              store.append(image, set);
              applyChangeSet(image, set);
            }
            if (!crashes) continue;
            const before = plain(image);
            storage = storage.reopen();
            store = groupStore(storage, bounds);
            image = store.load();
            expect(plain(image)).toEqual(before);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test("takes a row a decision and reads a bounded number of them, however many there were", () => {
    const storage = new SqliteStorage();
    const store = groupStore(storage);
    const image = store.load();
    const commit = (offset: number): Change => ({
      type: "committed",
      offsets: [["t", "", [[0, offset]]]],
    });
    for (let n = 0; n < 1_000; n++) {
      const set = { atMs: n, changes: [commit(n)] };
      store.append(image, set);
      applyChangeSet(image, set);
    }
    // A thousand rows, and three snapshots of one row each.
    expect(storage.rowsWritten).toBe(1_003);
    const [count] = storage.all<{ n: number }>("SELECT count(*) AS n FROM changes");
    expect(count!.n).toBe(256);
    expect(groupStore(storage.reopen()).load().offsets.get("t", 0)?.offset).toBe(999);
  });

  test("is whole after every decision, also where the ring has just been filled", () => {
    const bounds = { rowLengthMax: 10_000, ringRows: 4 };
    let storage = new SqliteStorage();
    let store = groupStore(storage, bounds);
    const image = store.load();
    for (let n = 0; n < 20; n++) {
      const change: Change = { type: "committed", offsets: [["t", "", [[n, n]]]] };
      const set = { atMs: n, changes: [change] };
      store.append(image, set);
      applyChangeSet(image, set);
      storage = storage.reopen();
      store = groupStore(storage, bounds);
      expect(plain(store.load())).toEqual(plain(image));
    }
  });

  test("keeps characters whole where a decision takes several rows", () => {
    const storage = new SqliteStorage();
    const store = groupStore(storage, { rowLengthMax: 7, ringRows: 256 });
    const image = store.load();
    const metadata = "\u{1f600}".repeat(20);
    const set = {
      atMs: 1,
      changes: [
        { type: "committed" as const, offsets: [["t", "", [[0, 1, -1, metadata]]]] as const },
      ],
    };
    store.append(image, set);
    expect(groupStore(storage.reopen()).load().offsets.get("t", 0)?.metadata).toBe(metadata);
  });

  test("an empty group's snapshot is an empty group", () => {
    expect(plain(decodeSnapshot(encodeSnapshot(emptyImage())))).toEqual(plain(emptyImage()));
  });
});
