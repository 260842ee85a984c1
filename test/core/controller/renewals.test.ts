/**
 * A replica whose storage cannot be opened any more (a file that was truncated or overwritten) leaves the in-sync set and
 * is replaced by another object on the same broker; but not where it is the last copy, and not for silence alone. The
 * alarm does not try for ever to delete what is left of it.
 */
import { describe, expect, test } from "vitest";
import { PURGE_GIVEN_UP_MS } from "../../../src/objects/controller/delivery/deliveries.ts";
import { UNOPENED_MS } from "../../../src/objects/controller/leaders/unopened.ts";
import { ControllerHarness, settle, type Reception } from "./harness.ts";

const TOPIC = "orders";
/** More than any pause between two tries of the first minute. */
const FIRINGS_MAX = 20;

/** A topic with three replicas, of which the first leads; `reception` is how calls of the broker's object end. */
async function damaged(brokerId: number, reception: Reception) {
  const harness = new ControllerHarness();
  const { topicId } = await harness.topic(TOPIC, 1, 3);
  const name = harness.objectName(TOPIC, brokerId);
  harness.replicas.receive = (_, called) => (called === name ? reception : "confirmed");
  return { harness, topicId, name };
}

const report = (harness: ControllerHarness, topicId: string, brokerId: number) =>
  harness.rules.reportReplica({
    topicId,
    partition: 0,
    brokerId,
    leaderEpoch: harness.partition(TOPIC).leaderEpoch,
  });

/** Fires alarms while any are set, up to so much later. */
async function later(harness: ControllerHarness, ms: number): Promise<number> {
  const untilMs = harness.timers.nowMs + ms;
  let firings = 0;
  for (; firings < 1_000; firings++) {
    const { atMs } = harness.alarm;
    if (atMs === null || atMs > untilMs) break;
    await harness.fireAlarm();
    await settle();
  }
  harness.advance(Math.max(0, untilMs - harness.timers.nowMs));
  return firings;
}

const generationOf = (harness: ControllerHarness, brokerId: number): number =>
  harness.partition(TOPIC).replicas.find((one) => one.brokerId === brokerId)!.generation;

describe("a follower whose storage cannot be opened", () => {
  test("leaves the in-sync set and begins anew as another object of its broker", async () => {
    const { harness, topicId, name } = await damaged(2, "unopened");
    await report(harness, topicId, 2);
    expect(harness.partition(TOPIC).inSync).toEqual([1, 2, 3]);
    const firings = await later(harness, 3 * UNOPENED_MS);
    expect(firings).toBeLessThan(FIRINGS_MAX);
    expect(harness.partition(TOPIC)).toMatchObject({ leader: 1, leaderEpoch: 0, inSync: [1, 3] });
    expect(generationOf(harness, 2)).toBe(2);
    const renewed = harness.replicas.assignments.get(`${topicId}/0/2/2`);
    // It may be empty, and is not in sync: it copies the log.
    expect(renewed).toMatchObject({ founding: true, inSync: [1, 3] });
    expect(harness.replicas.purged.has(name)).toBe(false);
    expect(harness.rules.describe()).toMatchObject({ pendingPurges: 1, pendingAssignments: 0 });
  });

  test("keeps its generation where it can be opened again before", async () => {
    const { harness, topicId } = await damaged(2, "unopened");
    await report(harness, topicId, 2);
    await later(harness, UNOPENED_MS / 2);
    harness.replicas.receive = () => "confirmed";
    await later(harness, 10 * UNOPENED_MS);
    expect(harness.partition(TOPIC).inSync).toEqual([1, 2, 3]);
    expect(generationOf(harness, 2)).toBe(1);
    expect(harness.alarm.atMs).toBeNull();
  });

  test.each(["lost", "unheard", "failed"] as const)(
    "keeps it where calls are %s: that says nothing of what is stored",
    async (reception) => {
      const { harness, topicId } = await damaged(2, reception);
      for (let minute = 0; minute < 5; minute++) {
        await report(harness, topicId, 2);
        await later(harness, 60_000);
      }
      expect(generationOf(harness, 2)).toBe(1);
      expect(harness.partition(TOPIC).inSync).toEqual([1, 2, 3]);
    },
  );

  test("keeps it where one such answer is followed by silence", async () => {
    const { harness, topicId, name } = await damaged(2, "unopened");
    await report(harness, topicId, 2);
    harness.replicas.receive = (_, called) => (called === name ? "lost" : "confirmed");
    await later(harness, 10 * UNOPENED_MS);
    expect(generationOf(harness, 2)).toBe(1);
    expect(harness.partition(TOPIC).inSync).toEqual([1, 2, 3]);
    expect(harness.alarm.atMs).toBeNull();
  });

  test("is not renewed while its broker is fenced, and is when it is back", async () => {
    const { harness, topicId } = await damaged(2, "unopened");
    await harness.rules.changeBroker(2, "fence");
    await report(harness, topicId, 2);
    await later(harness, 10 * UNOPENED_MS);
    expect(generationOf(harness, 2)).toBe(1);
    await harness.rules.changeBroker(2, "unfence");
    await later(harness, 10 * UNOPENED_MS);
    expect(generationOf(harness, 2)).toBe(2);
  });

  test("gets a third generation only after the second has confirmed what it is", async () => {
    const { harness, topicId } = await damaged(2, "unopened");
    harness.replicas.receive = (_, called) =>
      called.startsWith(`${topicId}/0/2/`) ? "unopened" : "confirmed";
    await report(harness, topicId, 2);
    await later(harness, 3_600_000);
    expect(generationOf(harness, 2)).toBe(2);
  });
});

describe("a leader whose storage cannot be opened", () => {
  test("is replaced, and begins anew as a follower", async () => {
    const { harness, topicId } = await damaged(1, "unopened");
    const answer = await harness.rules.reportLeader({ topicId, partition: 0, leaderEpoch: 0 });
    expect(answer).toMatchObject({ ok: true, partition: { leader: 2, inSync: [2, 3] } });
    await later(harness, 3 * UNOPENED_MS);
    expect(harness.partition(TOPIC)).toMatchObject({ leader: 2, inSync: [2, 3] });
    expect(generationOf(harness, 1)).toBe(2);
    expect(harness.replicas.assignments.get(`${topicId}/0/1/2`)).toMatchObject({ founding: true });
  });

  test("keeps its generation where nobody else is in sync: it may be the last copy", async () => {
    const harness = new ControllerHarness();
    const { topicId } = await harness.topic(TOPIC, 1, 3);
    harness.replicas.receive = () => "unopened";
    for (let minute = 0; minute < 10; minute++) {
      await harness.rules.reportLeader({ topicId, partition: 0, leaderEpoch: 0 });
      await later(harness, 60_000);
    }
    expect(harness.partition(TOPIC)).toMatchObject({ leader: 1, inSync: [1, 2, 3] });
    for (const brokerId of [1, 2, 3]) expect(generationOf(harness, brokerId)).toBe(1);
  });
});

describe("replicas whose storage is damaged", () => {
  test("are counted until they are in order or gone", async () => {
    const { harness, topicId, name } = await damaged(2, "unopened");
    await report(harness, topicId, 2);
    expect(harness.rules.describe().damagedReplicas).toBe(1);
    await later(harness, 3 * UNOPENED_MS);
    expect(generationOf(harness, 2)).toBe(2);
    expect(harness.rules.describe().damagedReplicas).toBe(0);
    // A replica that lost its storage counts until it has copied the log.
    harness.replicas.receive = (_, called) => (called === name ? "unopened" : "confirmed");
    harness.replicas.lose(harness.objectName(TOPIC, 3));
    await report(harness, topicId, 3);
    expect(harness.rules.describe().damagedReplicas).toBe(1);
    harness.replicas.objects.get(harness.objectName(TOPIC, 3))!.wasReset = false;
    await report(harness, topicId, 3);
    expect(harness.rules.describe().damagedReplicas).toBe(0);
  });
});

describe("what is left of a replica whose storage cannot be opened", () => {
  test("is tried with growing pauses, and given up after a day", async () => {
    const { harness, topicId } = await damaged(2, "unopened");
    await report(harness, topicId, 2);
    await later(harness, 3 * UNOPENED_MS);
    expect(harness.rules.describe().pendingPurges).toBe(1);
    const firings = await later(harness, PURGE_GIVEN_UP_MS - 3 * UNOPENED_MS);
    expect(firings).toBeLessThan(320);
    await later(harness, 600_000);
    expect(harness.rules.describe().pendingPurges).toBe(0);
    expect(harness.alarm.atMs).toBeNull();
  });

  test("is not given up for silence", async () => {
    const { harness, topicId, name } = await damaged(2, "unopened");
    await report(harness, topicId, 2);
    await later(harness, 3 * UNOPENED_MS);
    harness.replicas.receive = (_, called) => (called === name ? "lost" : "confirmed");
    await later(harness, 2 * PURGE_GIVEN_UP_MS);
    expect(harness.rules.describe().pendingPurges).toBe(1);
  });
});
