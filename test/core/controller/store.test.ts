/** The record replays to the live image, through crashes, failing writes and snapshots of any size. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { effectiveConfig } from "../../../src/base/config.ts";
import { encodeChangeSet } from "../../../src/objects/runtime/journal.ts";
import type { Change, ChangeSet } from "../../../src/objects/controller/image/changes.ts";
import { FIRST_BROKERS } from "../../../src/objects/controller/brokers.ts";
import { applyChangeSet } from "../../../src/objects/controller/image/apply.ts";
import { emptyImage, type ClusterImage } from "../../../src/objects/controller/image/cluster.ts";
import {
  decideRegisterGroup,
  decideUnregisterGroup,
} from "../../../src/objects/controller/groups.ts";
import { decideReserveProducerIds } from "../../../src/objects/controller/producer-ids.ts";
import { encodeSnapshot, loadSnapshotRow } from "../../../src/objects/controller/image/snapshot.ts";
import { controllerStore } from "../../../src/objects/controller/image/store.ts";
import { decideAlterConfigs } from "../../../src/objects/controller/topics/configs.ts";
import {
  decideCreatePartitions,
  decideCreateTopic,
  decideDeleteTopic,
} from "../../../src/objects/controller/topics/topics.ts";
import { SqliteStorage } from "../../support/sqlite-storage.ts";

const DEFAULTS = effectiveConfig({});
const id = (n: number) => n.toString(16).padStart(32, "0");

/** A decision as a function of the image; none where the request is refused or changes nothing. */
type Step = (image: ClusterImage, n: number) => readonly Change[];

const changesOf = (decision: { ok: true; changes: readonly Change[] } | { ok: false }) =>
  decision.ok ? decision.changes : [];

const name = fc.constantFrom("a", "b.c", "d-e", "f");

/** Confirms those pending replicas of some topic that `keep` does not hold back. */
const confirm =
  (type: "assignments-delivered" | "replicas-purged", keep: number): Step =>
  (image) => {
    const pending = type === "replicas-purged" ? image.purges : image.assignments;
    for (const [topicId, { replicas }] of pending) {
      return [{ type, topicId, missing: [...replicas].slice(0, keep) }];
    }
    return [];
  };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(name, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 3 })).map(
    ([topic, partitions, replicationFactor]): Step =>
      (image, n) =>
        changesOf(
          decideCreateTopic(image, { topic, partitions, replicationFactor }, id(n), DEFAULTS),
        ),
  ),
  name.map(
    (topic): Step =>
      (image) =>
        changesOf(decideDeleteTopic(image, topic)),
  ),
  fc.tuple(name, fc.integer({ min: 1, max: 9 }), fc.boolean()).map(
    ([groupId, sinceMs, leaves]): Step =>
      (image) =>
        leaves
          ? decideUnregisterGroup(image, { groupId, sinceMs }).changes
          : changesOf(decideRegisterGroup(image, { groupId, sinceMs })),
  ),
  fc.tuple(name, fc.integer({ min: 1, max: 9 })).map(
    ([topic, count]): Step =>
      (image) =>
        changesOf(decideCreatePartitions(image, topic, count)),
  ),
  fc.tuple(name, fc.integer({ min: 1, max: 3 })).map(
    ([topic, ms]): Step =>
      (image) =>
        changesOf(
          decideAlterConfigs(image, topic, [
            { name: "segment.ms", value: `${ms}`, operation: "SET" },
          ]),
        ),
  ),
  fc.constant<Step>((image) => decideReserveProducerIds(image)),
  fc.nat(3).map((keep) => confirm("assignments-delivered", keep)),
  fc.nat(3).map((keep) => confirm("replicas-purged", keep)),
);

/** What happens around a decision: nothing, a write that fails at its n-th statement, or a restart. */
const event = fc.oneof(
  { weight: 6, arbitrary: fc.constant<"calm">("calm") },
  { weight: 2, arbitrary: fc.constant<"crash">("crash") },
  { weight: 2, arbitrary: fc.nat(5) },
);

describe("the record", () => {
  test("replays to the live image after any decisions, crashes and failing writes", () => {
    const small = { rowLengthMax: 2_000, ringRows: 8 };
    fc.assert(
      fc.property(fc.array(fc.tuple(step, event), { maxLength: 40 }), (steps) => {
        let storage = new SqliteStorage();
        let store = controllerStore(storage, small);
        let image = store.load();
        for (const [n, [decide, happens]] of steps.entries()) {
          const changes = image.version === 0 ? [...FIRST_BROKERS] : decide(image, n);
          if (changes.length === 0) continue;
          const set: ChangeSet = { atMs: n, changes };
          let left = typeof happens === "number" ? happens : Number.POSITIVE_INFINITY;
          storage.beforeStatement = () => {
            if (left === 0) throw new Error("disk");
            left -= 1;
          };
          try {
            store.append(image, set);
            applyChangeSet(image, set);
          } catch (error) {
            // The write fails only where it has that many statements; then nothing has changed.
            expect(error).toMatchObject({ message: "disk" });
          }
          storage.beforeStatement = null;
          const replayed = controllerStore(storage, small).load();
          expect(replayed).toEqual(image);
          if (happens !== "crash") continue;
          storage = storage.reopen();
          store = controllerStore(storage, small);
          image = store.load();
        }
      }),
      { numRuns: 300 },
    );
  });

  test("is one row a decision, and waking up reads no more than a snapshot and the decisions since", () => {
    const storage = new SqliteStorage();
    const store = controllerStore(storage, { rowLengthMax: 2_000, ringRows: 10 });
    const image = store.load();
    for (let n = 0; n < 1_000; n += 1) {
      const before = storage.rowsWritten;
      const set = { atMs: n, changes: decideReserveProducerIds(image) };
      store.append(image, set);
      applyChangeSet(image, set);
      if (n % 10 !== 0) expect(storage.rowsWritten - before).toBe(1);
      const [changes] = storage.all<{ n: number }>("SELECT count(*) AS n FROM changes");
      expect(changes!.n).toBeLessThanOrEqual(10);
    }
    expect(storage.all("SELECT count(*) AS n FROM snapshot")).toEqual([{ n: 1 }]);
  });

  test("refuses to go on where a decision is missing", () => {
    const storage = new SqliteStorage();
    const store = controllerStore(storage);
    const image = store.load();
    for (let n = 0; n < 3; n += 1) {
      const set = { atMs: n, changes: decideReserveProducerIds(image) };
      store.append(image, set);
      applyChangeSet(image, set);
    }
    storage.all("DELETE FROM changes WHERE seq = 2");
    expect(() => controllerStore(storage).load()).toThrow("row 2 is missing");
  });

  test("refuses to misread what newer code has written", () => {
    const write = (text: string) => {
      const storage = new SqliteStorage();
      const store = controllerStore(storage);
      store.append(emptyImage(), { atMs: 0, changes: FIRST_BROKERS });
      storage.all("UPDATE changes SET change = ?", text);
      return () => controllerStore(storage).load();
    };
    expect(write('{"v":2,"atMs":0,"changes":[]}')).toThrow("newer code");
    expect(write('{"v":1,"atMs":0,"changes":[{"type":"moon-landed"}]}')).toThrow("newer code");
  });
});

describe("a decision", () => {
  const longest = (end: string) =>
    end.repeat(Math.floor(32_767 / new TextEncoder().encode(end).length));
  // Every replica that a cluster may have, named one by one, twice.
  const places = Array.from({ length: 100_000 }, (_, n) => `${n % 2_000}/2147483647/${n}`);

  test.each<[string, number, Change]>([
    [
      "replicas that have confirmed nothing",
      600_000,
      {
        ...{ type: "assignments-delivered", topicId: id(1) },
        ...{ missing: ["0/1/1", ...places], founded: ["0/1/1", ...places] },
      },
    ],
    [
      "a group's longest id",
      7_000,
      { type: "group-registered", groupId: longest("\u0001"), sinceMs: 1 },
    ],
    [
      "an id of surrogate pairs",
      7_000,
      { type: "group-registered", groupId: `a${longest("🤖")}`, sinceMs: 1 },
    ],
  ])("as large as it can be is recorded, replayed and forgotten: %s", (_, rowLengthMax, change) => {
    const storage = new SqliteStorage();
    const bounds = { rowLengthMax, ringRows: 64 };
    const store = controllerStore(storage, bounds);
    const image = store.load();
    const record = (changes: readonly Change[]) => {
      const set = { atMs: 0, changes };
      store.append(image, set);
      applyChangeSet(image, set);
    };
    const longestRow = () =>
      storage.all<{ length: number }>("SELECT max(length(change)) AS length FROM changes")[0]!
        .length;
    record(FIRST_BROKERS);
    const created = { topic: "t", topicId: id(1), configs: {}, partitions: [[1]] };
    record([{ type: "topic-created", ...created }]);
    record([change]);
    expect(controllerStore(storage, bounds).load()).toEqual(image);
    expect(storage.all("SELECT 1 FROM changes WHERE more = 1")).not.toEqual([]);
    expect(longestRow()).toBeLessThanOrEqual(rowLengthMax);
    // A snapshot has its own bound of ids in one row.
    if (change.type === "group-registered") record([{ ...change, type: "group-unregistered" }]);
    for (let n = 0; n < 130; n++) record(decideReserveProducerIds(image));
    expect(controllerStore(storage, bounds).load()).toEqual(image);
    expect(longestRow()).toBeLessThan(1_000);
  });
});

describe("the record of before the journal", () => {
  /** The older tables: a row for each decision, which the snapshot that contains it deletes. */
  function older(decisions: number, inSnapshot: number) {
    const storage = new SqliteStorage();
    storage.all("CREATE TABLE changes (seq INTEGER PRIMARY KEY, change TEXT NOT NULL)");
    storage.all("CREATE TABLE snapshot (part INTEGER PRIMARY KEY, image TEXT NOT NULL)");
    const image = emptyImage();
    for (let n = 1; n <= decisions; n += 1) {
      const set = { atMs: n, changes: n === 1 ? FIRST_BROKERS : decideReserveProducerIds(image) };
      applyChangeSet(image, set);
      if (n > inSnapshot) {
        storage.all("INSERT INTO changes (seq, change) VALUES (?, ?)", n, encodeChangeSet(set));
      } else if (n === inSnapshot) {
        [...encodeSnapshot(image, 400)].forEach((text, part) => {
          storage.all("INSERT INTO snapshot (part, image) VALUES (?, ?)", part, text);
        });
      }
    }
    return { storage, image };
  }

  test.each([
    [7, 0],
    [7, 4],
    [4, 4],
  ])("of %d decisions, %d of them in the snapshot, is read and goes on as a journal", (all, of) => {
    const { storage, image } = older(all, of);
    const store = controllerStore(storage);
    expect(store.load()).toEqual(image);
    // Reading has changed nothing: older code could still read the record.
    expect(controllerStore(storage).load()).toEqual(image);
    for (let n = 0; n < 3; n += 1) {
      const set = { atMs: n, changes: decideReserveProducerIds(image) };
      store.append(image, set);
      applyChangeSet(image, set);
      expect(controllerStore(storage).load()).toEqual(image);
    }
  });

  test("has decisions that are larger than a row in parts", () => {
    const { storage, image } = older(3, 2);
    const set = { atMs: 4, changes: decideReserveProducerIds(image) };
    const text = encodeChangeSet(set);
    storage.all("CREATE TABLE change_parts (seq INTEGER, part INTEGER, change TEXT NOT NULL)");
    storage.all("INSERT INTO changes (seq, change) VALUES (4, ?)", '{"v":2}');
    storage.all(
      "INSERT INTO change_parts VALUES (4, 0, ?), (4, 1, ?)",
      text.slice(0, 9),
      text.slice(9),
    );
    applyChangeSet(image, set);
    const store = controllerStore(storage);
    expect(store.load()).toEqual(image);
    const next = { atMs: 5, changes: decideReserveProducerIds(image) };
    store.append(image, next);
    applyChangeSet(image, next);
    expect(controllerStore(storage).load()).toEqual(image);
    expect(storage.all("SELECT 1 FROM sqlite_master WHERE name = 'change_parts'")).toEqual([]);
  });

  test("stays where the first decision of newer code cannot be written", () => {
    const { storage, image } = older(7, 4);
    const store = controllerStore(storage);
    store.load();
    storage.beforeStatement = (sql) => {
      if (sql.startsWith("INSERT INTO changes")) throw new Error("disk");
    };
    const set = { atMs: 9, changes: decideReserveProducerIds(image) };
    expect(() => store.append(image, set)).toThrow("disk");
    storage.beforeStatement = null;
    expect(controllerStore(storage).load()).toEqual(image);
    store.append(image, set);
    applyChangeSet(image, set);
    expect(controllerStore(storage).load()).toEqual(image);
  });
});

describe("a snapshot", () => {
  const grown = (topics: number, partitions: number, topicName: (n: number) => string) => {
    const image = emptyImage();
    const created = Array.from({ length: topics }, (_, n): Change => {
      const placed = Array.from({ length: partitions }, (__, p) => [
        1 + (p % 3),
        1 + ((p + 1) % 3),
      ]);
      const configs = { "segment.ms": `${n + 1}` };
      return {
        type: "topic-created",
        topic: topicName(n),
        topicId: id(n),
        configs,
        partitions: placed,
      };
    });
    applyChangeSet(image, { atMs: 5, changes: [...FIRST_BROKERS, ...created] });
    return image;
  };

  test.each([
    ["10,000 topics", 10_000, 1],
    ["40 topics of 1,000 partitions", 40, 1_000],
    ["a topic of 2,000 partitions", 1, 2_000],
  ])("of %s keeps every row below 2 MB and comes back whole", (_, topics, partitions) => {
    const image = grown(topics, partitions, (n) => `topic-${n}`);
    const rows = [...encodeSnapshot(image, 1_990_000)];
    const loaded = emptyImage();
    for (const row of rows) {
      expect(new TextEncoder().encode(row).length).toBeLessThanOrEqual(1_990_000);
      loadSnapshotRow(loaded, row);
    }
    expect(loaded).toEqual(image);
  });

  test("with every id of a group and every list of replicas at its limit is written, and read back", () => {
    const image = grown(1, 1, () => "t");
    // Characters that JSON writes as six bytes each, and characters of three bytes of UTF-8.
    for (let n = 0; n < 40; n++) image.groups.set(`${n}`.padEnd(32_767, "\u0001"), n);
    for (let n = 0; n < 700; n++) image.groups.set(`${n}`.padEnd(10_900, "記"), n);
    const replicas = new Set(
      Array.from({ length: 100_000 }, (_, n) => `${n % 2_000}/2147483647/${n}`),
    );
    const unconfirmed = new Set(replicas);
    image.purges.set(id(0), { sinceMs: 1, replicas, unconfirmed });
    const loaded = emptyImage();
    for (const row of encodeSnapshot(image, 1_990_000)) {
      expect(new TextEncoder().encode(row).length).toBeLessThanOrEqual(1_990_000);
      loadSnapshotRow(loaded, row);
    }
    expect(loaded).toEqual(image);
  });

  test("counts bytes, not characters", () => {
    // Names are ASCII at present; the bound does not rely on that.
    const image = grown(300, 1, (n) => `${n}-${"記".repeat(100)}`);
    const rows = [...encodeSnapshot(image, 4_000)];
    expect(rows.length).toBeGreaterThan(1);
    for (const row of rows) expect(new TextEncoder().encode(row).length).toBeLessThanOrEqual(4_000);
  });

  test("that became smaller leaves no row of the larger one behind", () => {
    const storage = new SqliteStorage();
    const store = controllerStore(storage, { rowLengthMax: 400_000, ringRows: 1 });
    const image = emptyImage();
    const record = (changes: readonly Change[]) => {
      const set = { atMs: 0, changes };
      store.append(image, set);
      applyChangeSet(image, set);
    };
    record(FIRST_BROKERS);
    const partitions = Array.from({ length: 2_000 }, () => [1, 2, 3]);
    for (let n = 0; n < 12; n += 1) {
      record([{ type: "topic-created", topic: `t${n}`, topicId: id(n), configs: {}, partitions }]);
    }
    const rows = () => storage.all<{ n: number }>("SELECT count(*) AS n FROM snapshot")[0]!.n;
    record(decideReserveProducerIds(image));
    expect(rows()).toBeGreaterThan(2);
    for (let n = 0; n < 12; n += 1) {
      record([{ type: "topic-deleted", topicId: id(n) }]);
      record([{ type: "replicas-purged", topicId: id(n), missing: [] }]);
    }
    record(decideReserveProducerIds(image));
    expect(rows()).toBe(1);
    expect(controllerStore(storage).load()).toEqual(image);
  });
});
