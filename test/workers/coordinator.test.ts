/**
 * A group's object in workerd: budgets of rows, eviction between requests, the alarm, its end. The rules are tested on
 * Node (test/core/coordinator); here is what only the platform can show.
 */
import {
  abortAllDurableObjects,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { Refusal } from "../../src/base/errors.ts";
import { CONTROLLER_NAME, groupObjectName } from "../../src/base/ids.ts";
import type { CoordinatorApi, GroupDescription } from "../../src/objects/contracts/group.ts";
import type { InstanceSpec, PollPlan } from "../../src/objects/contracts/instances.ts";
import { objectsEnv as env } from "./objects-env.ts";

let groups = 0;

const SPEC: InstanceSpec = {
  name: "",
  format: "json",
  offsetReset: "earliest",
  autoCommit: false,
  autoCommitIntervalMs: 5_000,
  fetchMinBytes: 1,
  requestTimeoutMs: 1_000,
  sessionTimeoutMs: 60_000,
  maxPollIntervalMs: 300_000,
  maxPollRecords: 500,
  assignors: ["cooperative-sticky"],
  isolation: "read_uncommitted",
  clientId: "test",
  clientHost: "127.0.0.1",
};

function ok<T extends { readonly ok: true }>(result: T | Refusal): T {
  if (!result.ok) throw new Error(`${result.error}: ${result.message}`);
  return result;
}

function newGroup() {
  groups += 1;
  const groupId = `a/group ü ${groups}`;
  const object = env.COORDINATOR.getByName(groupObjectName(groupId));
  return { groupId, object, group: stubOf(groupId) };
}

/** The object's stub, typed by the contract. */
function stubOf(groupId: string): CoordinatorApi {
  return env.COORDINATOR.getByName(groupObjectName(groupId)) as unknown as CoordinatorApi;
}

async function topicOf(partitions: number): Promise<string> {
  const topic = `groups-${groups}-${partitions}`;
  ok(await env.CONTROLLER.getByName(CONTROLLER_NAME).createTopic({ topic, partitions }));
  return topic;
}

async function joined(group: CoordinatorApi, name: string, topic: string): Promise<void> {
  ok(await group.createInstance({ ...SPEC, name }));
  ok(await group.subscribe(name, { by: "topics", topics: [topic] }));
}

const poll = async (group: CoordinatorApi, instanceId: string): Promise<PollPlan> =>
  ok(await group.poll({ instanceId, waitMs: 5_000 }));

const rowsOf = async (group: CoordinatorApi): Promise<number> =>
  ok<GroupDescription>(await group.describeGroup()).rowsWritten;

/** Both instances poll until they share the partitions. */
async function shared(group: CoordinatorApi, names: readonly string[], each: number) {
  for (;;) {
    const plans = await Promise.all(names.map((name) => poll(group, name)));
    if (plans.every(({ partitions }) => partitions.length === each)) return plans;
  }
}

describe("budgets", () => {
  it("a commit of 100 partitions is one row, also when the ring of rows goes round", async () => {
    const { group } = newGroup();
    const offsets = (offset: number) =>
      Array.from({ length: 100 }, (_, partition) => ({
        ...{ topic: "t", partition, offset, leaderEpoch: -1, metadata: "" },
      }));
    ok(await group.setOffsets(offsets(0)));
    for (let n = 1; n < 300; n++) {
      const before = await rowsOf(group);
      ok(await group.setOffsets(offsets(n)));
      const rows = (await rowsOf(group)) - before;
      // There is a snapshot every 256 rows.
      if (n % 256 !== 255) expect([n, rows]).toEqual([n, 1]);
    }
  });

  it("polls, deliveries and heartbeats write nothing", async () => {
    const { group } = newGroup();
    const topic = await topicOf(2);
    await joined(group, "c", topic);
    await shared(group, ["c"], 2);
    const rows = await rowsOf(group);
    for (let offset = 1; offset < 20; offset++) {
      const { pollId, generationId, partitions } = await poll(group, "c");
      const positions = partitions.map((at) => ({ ...at, nextOffset: offset }));
      ok(await group.deliver({ instanceId: "c", pollId, generationId, positions }));
      const heartbeat = { memberId: "c", groupInstanceId: null, generationId };
      ok(await group.heartbeat(heartbeat));
    }
    expect(await rowsOf(group)).toBe(rows);
  });

  it("asking for a group that does not exist writes nothing", async () => {
    const { group } = newGroup();
    expect(await group.describeGroup()).toMatchObject({ state: "Dead", rowsWritten: 0 });
    expect(await group.fetchOffsets(null)).toEqual({ ok: true, offsets: [] });
    expect(await group.poll({ instanceId: "x", waitMs: 0 })).toMatchObject({
      error: "UNKNOWN_MEMBER_ID",
    });
    expect(await rowsOf(group)).toBe(0);
  });
});

describe("eviction", () => {
  it("between any two requests changes neither generation nor assignment nor position", async () => {
    const { group: made, groupId } = newGroup();
    let group = made;
    const reset = async (): Promise<void> => {
      // A timer that waits for a session prevents an eviction; aborting the object loses its memory as well.
      await abortAllDurableObjects();
      group = stubOf(groupId);
    };
    const topic = await topicOf(4);
    await joined(group, "a", topic);
    await joined(group, "b", topic);
    await shared(group, ["a", "b"], 2);
    const before = ok<GroupDescription>(await group.describeGroup());
    const generations = new Set<number>();
    for (let offset = 1; offset <= 5; offset++) {
      await reset();
      for (const name of ["a", "b"]) {
        const plan = await poll(group, name);
        generations.add(plan.generationId);
        expect(plan.partitions).toHaveLength(2);
        if (offset > 1)
          expect(plan.partitions.map((one) => one.position)).toEqual([offset - 1, offset - 1]);
        await reset();
        const { generationId } = plan;
        const offsets = plan.partitions.map(({ partition }) => ({
          ...{ topic, partition, offset, leaderEpoch: -1, metadata: "" },
        }));
        ok(await group.commitInstance({ instanceId: name, offsets, generationId }));
        await reset();
      }
    }
    expect([...generations]).toEqual([before.generationId]);
  });

  it("waking up reads a bounded number of rows", async () => {
    const { group, object } = newGroup();
    const commit = (offset: number) => [
      { topic: "t", partition: offset % 7, offset, leaderEpoch: -1, metadata: "" },
    ];
    for (let n = 0; n < 600; n++) ok(await group.setOffsets(commit(n)));
    await evictDurableObject(object);
    const { wakeRowsRead } = ok<GroupDescription>(await group.describeGroup());
    expect(wakeRowsRead).toBeLessThan(300);
    expect(await group.fetchOffsets(null)).toMatchObject({ offsets: { length: 7 } });
  });
});

describe("the alarm", () => {
  it("of an object that was asleep marks the silence, and the second time ends the member", async () => {
    const { group, object } = newGroup();
    const topic = await topicOf(1);
    ok(await group.createInstance({ ...SPEC, name: "c", sessionTimeoutMs: 1_000 }));
    ok(await group.subscribe("c", { by: "topics", topics: [topic] }));
    await shared(group, ["c"], 1);
    // The object forgets at once whom it has heard: only a recorded silence can end a session.
    for (;;) {
      await evictDurableObject(object);
      await runDurableObjectAlarm(object);
      const { state } = ok<GroupDescription>(await group.describeGroup());
      if (state === "Empty") break;
    }
    expect(await group.poll({ instanceId: "c", waitMs: 0 })).toMatchObject({
      error: "UNKNOWN_MEMBER_ID",
    });
  });

  it("is not set while there is nobody but who has been there, but for the group's end", async () => {
    const { group, object, groupId } = newGroup();
    const topic = await topicOf(1);
    await joined(group, "c", topic);
    await shared(group, ["c"], 1);
    ok(await group.closeInstance("c"));
    const inMs = await runInDurableObject(object, async (_, { storage }) => {
      return (await storage.getAlarm())! - Date.now();
    });
    // The alarm of the session that has ended may fire first; then only the group's end is due.
    expect(inMs).toBeLessThanOrEqual(600_000);
    ok(await group.deleteGroup());
    const left = await runInDurableObject(object, async (_, { storage }) => ({
      alarm: await storage.getAlarm(),
      tables: storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'changes'").toArray(),
    }));
    expect(left).toEqual({ alarm: null, tables: [] });
    const list = await env.CONTROLLER.getByName(CONTROLLER_NAME).groups("", 100_000);
    expect(list.groupIds).not.toContain(groupId);
  });
});

describe("a pattern", () => {
  it("is RE2: matched in time that does not explode, and refused where it is none", async () => {
    const { group } = newGroup();
    ok(await group.createInstance({ ...SPEC, name: "c" }));
    for (const pattern of ["(", "[a", "a{1001}", "(?=x)", "x".repeat(1_025)]) {
      expect(await group.subscribe("c", { by: "pattern", pattern })).toMatchObject({
        error: "INVALID_REQUEST",
      });
    }
    const topic = await topicOf(1);
    ok(await group.subscribe("c", { by: "pattern", pattern: `(a+)+(a+)+(a+)+$|${topic}` }));
    const { partitions } = (await shared(group, ["c"], 1))[0]!;
    expect(partitions.map((one) => one.topic)).toEqual([topic]);
  });
});
