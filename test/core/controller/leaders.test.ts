/** Reported leaders are probed, and replaced by a replica that answers where they do not. */
import { describe, expect, test } from "vitest";
import { UNCLEAN_AFTER_MS } from "../../../src/objects/controller/leaders/leaders.ts";
import { PROBE_DEADLINE_MS } from "../../../src/objects/controller/leaders/probes.ts";
import { ControllerHarness, settle, type Reception } from "./harness.ts";

const UNCLEAN = { "unclean.leader.election.enable": "true" };

async function cluster(factor = 3, configs: Readonly<Record<string, string>> = {}) {
  const harness = new ControllerHarness();
  const { topicId } = await harness.topic("t", 1, factor, configs);
  const report = (leaderEpoch = harness.partition("t").leaderEpoch) =>
    harness.rules.reportLeader({ topicId, partition: 0, leaderEpoch });
  /** How calls to the replicas of these brokers end from now on. */
  const meets = (reception: Reception, ...brokerIds: number[]) => {
    harness.replicas.receive = (_, name) =>
      brokerIds.includes(Number(name.split("/")[2])) ? reception : "confirmed";
  };
  const setInSync = async (...inSync: number[]) => {
    const { leader: brokerId, leaderEpoch, partitionEpoch } = harness.partition("t");
    const epochs = { leaderEpoch, partitionEpoch };
    const ask = { topicId, partition: 0, brokerId, ...epochs, inSync };
    expect((await harness.rules.alterInSync(ask)).ok).toBe(true);
    await settle();
  };
  const probes = () => harness.replicas.log.filter((call) => call.startsWith("probe"));
  return { harness, topicId, report, meets, setInSync, probes };
}

describe("a report", () => {
  test("of a leader that answers changes nothing, and is not asked again within the second", async () => {
    const { harness, report, probes } = await cluster();
    const before = harness.partition("t");
    expect(await report()).toEqual({ ok: true, partition: before });
    await report();
    expect(probes()).toHaveLength(1);
    harness.advance(1_000);
    await report();
    expect(probes()).toHaveLength(2);
    expect(harness.rules.describe().counts).toMatchObject({ failedProbes: 0, elections: 0 });
  });

  test("of a leader that fails twice elects the next that answers, in a new epoch", async () => {
    const { harness, report, meets, probes } = await cluster();
    meets("lost", 1);
    const answer = await report();
    expect(answer).toMatchObject({
      ok: true,
      partition: { leader: 2, leaderEpoch: 1, partitionEpoch: 1, inSync: [2, 3] },
    });
    expect(probes().filter((call) => call.endsWith("/1/1"))).toHaveLength(2);
    expect(harness.replicas.assignments.get(harness.objectName("t", 2))?.leader).toBe(2);
    expect(harness.rules.describe().counts).toEqual({
      elections: 1,
      uncleanElections: 0,
      inSyncShrinks: 1,
      inSyncExpands: 0,
      failedProbes: 1,
    });
  });

  test("of a leader that was only reset is answered by its second try", async () => {
    const { harness, report } = await cluster();
    const receptions: Reception[] = ["lost", "confirmed"];
    harness.replicas.receive = () => receptions.shift() ?? "confirmed";
    await report();
    expect(harness.partition("t").leader).toBe(1);
    expect(harness.rules.describe().counts.failedProbes).toBe(0);
  });

  test("of a leader that hangs takes no longer than the deadline", async () => {
    const { harness, report, meets } = await cluster();
    meets("held", 1);
    let answered = false;
    const reported = report().then((answer) => {
      answered = true;
      return answer;
    });
    await settle();
    expect(answered).toBe(false);
    harness.advance(PROBE_DEADLINE_MS);
    await settle();
    // The call to the old leader still hangs; nothing waits for it.
    expect(answered).toBe(true);
    expect(await reported).toMatchObject({ ok: true, partition: { leader: 2 } });
  });

  test("by many at once is one probe and one election", async () => {
    const { harness, report, meets, probes } = await cluster();
    meets("lost", 1);
    const answers = await Promise.all(Array.from({ length: 20 }, () => report()));
    for (const answer of answers) expect(answer).toMatchObject({ partition: { leader: 2 } });
    expect(probes().filter((call) => call.endsWith("/1/1"))).toHaveLength(2);
    expect(harness.rules.describe().counts.elections).toBe(1);
  });

  test("of another epoch changes nothing", async () => {
    const { harness, report, meets, probes } = await cluster();
    meets("lost", 1);
    for (const epoch of [-1, 1, Number.NaN]) {
      expect(await report(epoch)).toMatchObject({ ok: true, partition: { leader: 1 } });
    }
    expect(probes()).toEqual([]);
    const unknown = { topicId: "f".repeat(32), partition: 0, leaderEpoch: 0 };
    expect(await harness.rules.reportLeader(unknown)).toMatchObject({
      error: "UNKNOWN_TOPIC_OR_PARTITION",
    });
  });

  test("passes over in-sync replicas that do not answer, or that lost their storage", async () => {
    const { harness, report, meets } = await cluster();
    meets("lost", 1, 2);
    await report();
    expect(harness.partition("t")).toMatchObject({ leader: 3, inSync: [2, 3] });

    const other = await cluster();
    other.harness.replicas.objects.get(other.harness.objectName("t", 2))!.wasReset = true;
    other.meets("lost", 1);
    await other.report();
    // Its answer to the new assignment says so: it leaves the set as well, and has led no epoch.
    const after = other.harness.partition("t");
    expect(after).toMatchObject({ leader: 3, leaderEpoch: 1, inSync: [3] });
  });

  test("never elects one that is not in sync", async () => {
    const { harness, report, meets, setInSync } = await cluster();
    await setInSync(1);
    meets("lost", 1);
    await report();
    expect(harness.partition("t")).toMatchObject({ leader: 1, leaderEpoch: 0, inSync: [1] });
    meets("lost", 1, 2, 3);
    await report();
    expect(harness.partition("t")).toMatchObject({ leader: 1, leaderEpoch: 0 });
  });

  test("that an election overtakes decides nothing any more", async () => {
    const { harness, report, meets } = await cluster();
    meets("held", 1);
    const reported = report();
    await settle();
    const fenced = harness.rules.changeBroker(1, "fence");
    await settle();
    const before = harness.partition("t");
    expect(before).toMatchObject({ leader: 2, leaderEpoch: 1 });
    harness.advance(PROBE_DEADLINE_MS);
    await Promise.all([reported, fenced]);
    expect(harness.partition("t")).toBe(before);
  });

  test("of a leader with an older assignment has it told at once", async () => {
    const { harness, report } = await cluster();
    harness.replicas.receive = () => "lost";
    const change = { name: "segment.ms", value: "5", operation: "SET" } as const;
    await harness.rules.alterConfigs("t", [change], false);
    harness.replicas.receive = () => "confirmed";
    await report();
    const told = harness.replicas.assignments.get(harness.objectName("t", 1));
    expect(told?.partitionEpoch).toBe(1);
  });

  test("of a leader that lost its storage replaces it; a sole one is founded anew, and counts as reset", async () => {
    const { harness, report } = await cluster();
    harness.replicas.lose(harness.objectName("t", 1));
    await report();
    expect(harness.partition("t")).toMatchObject({ leader: 2, inSync: [2, 3] });

    const sole = await cluster(1);
    const name = sole.harness.objectName("t", 1);
    sole.harness.replicas.lose(name);
    await sole.report();
    expect(sole.harness.partition("t")).toMatchObject({ leader: 1, leaderEpoch: 0, inSync: [1] });
    expect(sole.harness.replicas.objects.get(name)?.wasReset).toBe(true);
  });
});

describe("a report of a follower that says it is no replica", () => {
  test("has it told what it is: it was reset, and leaves the in-sync set", async () => {
    const { harness, topicId } = await cluster();
    const name = harness.objectName("t", 3);
    harness.replicas.lose(name);
    const report = { topicId, partition: 0, leaderEpoch: 0, brokerId: 3 };
    expect(await harness.rules.reportReplica({ ...report, leaderEpoch: 1 })).toEqual({ ok: true });
    expect(await harness.rules.reportReplica({ ...report, brokerId: 9 })).toEqual({ ok: true });
    expect(harness.replicas.objects.has(name)).toBe(false);
    expect(await harness.rules.reportReplica({ ...report, partition: 7 })).toMatchObject({
      error: "UNKNOWN_TOPIC_OR_PARTITION",
    });
    expect(await harness.rules.reportReplica(report)).toEqual({ ok: true });
    await settle();
    expect(harness.replicas.objects.get(name)?.wasReset).toBe(true);
    expect(harness.partition("t")).toMatchObject({ leader: 1, inSync: [1, 2] });
    expect(harness.rules.describe().pendingAssignments).toBe(0);
  });
});

describe("an unclean election", () => {
  test("where the topic allows it takes the replica whose log goes furthest, and is counted", async () => {
    const { harness, report, meets, setInSync } = await cluster(3, UNCLEAN);
    await setInSync(1);
    const log = (id: number, lastEpoch: number, logEndOffset: number) =>
      Object.assign(harness.replicas.objects.get(harness.objectName("t", id))!, {
        lastEpoch,
        logEndOffset,
      });
    log(2, 0, 90);
    log(3, 1, 10);
    meets("lost", 1);
    await report();
    // A leader that comes back in time keeps its records.
    expect(harness.partition("t")).toMatchObject({ leader: 1, leaderEpoch: 0 });
    harness.advance(UNCLEAN_AFTER_MS);
    await report();
    const state = { leader: 3, leaderEpoch: 1, inSync: [3], uncleanEpoch: 1 };
    expect(harness.partition("t")).toMatchObject(state);
    harness.crash();
    expect(harness.partition("t")).toMatchObject(state);
    expect(harness.rules.describe().counts).toMatchObject({ uncleanElections: 1, elections: 0 });
    expect(harness.replicas.assignments.get(harness.objectName("t", 3))).toMatchObject({
      leader: 3,
      uncleanEpoch: 1,
    });
  });

  test("passes over a replica that is only being added", async () => {
    const { harness, meets } = await cluster(1, UNCLEAN);
    await harness.rules.reassign("t", 0, [2]);
    await settle();
    meets("lost", 1);
    expect(await harness.rules.electLeader("t", 0, "unclean")).toMatchObject({
      error: "ELIGIBLE_LEADERS_NOT_AVAILABLE",
    });
    expect(harness.partition("t")).toMatchObject({ leader: 1, adding: [2] });
  });

  test("waits for a replica to answer, tried by the alarm", async () => {
    const { harness, setInSync } = await cluster(2, UNCLEAN);
    await setInSync(1);
    harness.replicas.receive = (kind) => (kind === "probe" ? "lost" : "confirmed");
    await harness.rules.changeBroker(1, "fence");
    await settle();
    expect(harness.partition("t").leader).toBe(-1);
    harness.crash();
    await harness.fireAlarm();
    expect(harness.partition("t").leader).toBe(-1);
    harness.replicas.receive = () => "confirmed";
    await harness.fireAlarm();
    await settle();
    expect(harness.partition("t")).toMatchObject({ leader: 2, inSync: [2], uncleanEpoch: 2 });
    expect(harness.alarm.atMs).toBeNull();
  });

  test("follows when it is allowed later; nothing waits for one where it is not", async () => {
    const { harness, setInSync } = await cluster(2);
    await setInSync(1);
    await harness.rules.changeBroker(1, "fence");
    await settle();
    expect(harness.alarm.atMs).toBeNull();
    const [name] = Object.keys(UNCLEAN);
    const change = { name: name!, value: "true", operation: "SET" } as const;
    await harness.rules.alterConfigs("t", [change], false);
    await harness.fireAlarm();
    expect(harness.partition("t").leader).toBe(2);
  });

  test("on an operator's word takes an in-sync replica before any other", async () => {
    const { harness, meets } = await cluster();
    expect(await harness.rules.electLeader("t", 0, "unclean")).toMatchObject({
      error: "ELECTION_NOT_NEEDED",
    });
    harness.advance(1_000);
    meets("lost", 1);
    expect(await harness.rules.electLeader("t", 0, "unclean")).toMatchObject({
      ok: true,
      partition: { leader: 2, inSync: [2, 3] },
    });
    expect(harness.rules.describe().counts).toMatchObject({ elections: 1, uncleanElections: 0 });
    harness.advance(1_000);
    meets("lost", 1, 2, 3);
    expect(await harness.rules.electLeader("t", 0, "unclean")).toMatchObject({
      error: "ELIGIBLE_LEADERS_NOT_AVAILABLE",
    });
    harness.advance(1_000);
    meets("lost", 2, 3);
    expect(await harness.rules.electLeader("t", 0, "unclean")).toMatchObject({
      ok: true,
      partition: { leader: 1, leaderEpoch: 2, uncleanEpoch: 2, inSync: [1] },
    });
  });

  test("lets a sole replica that lost its storage begin anew", async () => {
    const { harness, report } = await cluster(1);
    harness.replicas.lose(harness.objectName("t", 1));
    await report();
    expect(await harness.rules.electLeader("t", 0, "unclean")).toMatchObject({
      ok: true,
      partition: { leader: 1, leaderEpoch: 1, uncleanEpoch: 1 },
    });
  });
});

describe("a preferred election", () => {
  test("gives the first replica its leadership back", async () => {
    const { harness, report, meets, setInSync } = await cluster();
    const elect = () => harness.rules.electLeader("t", 0, "preferred");
    expect(await elect()).toMatchObject({ error: "ELECTION_NOT_NEEDED" });
    meets("lost", 1);
    await report();
    meets("confirmed");
    expect(await elect()).toMatchObject({ error: "PREFERRED_LEADER_NOT_AVAILABLE" });
    await setInSync(2, 3, 1);
    meets("lost", 1);
    expect(await elect()).toMatchObject({ error: "PREFERRED_LEADER_NOT_AVAILABLE" });
    meets("confirmed");
    expect(await elect()).toMatchObject({
      ok: true,
      partition: { leader: 1, leaderEpoch: 2, inSync: [2, 3, 1] },
    });
    expect(harness.replicas.assignments.get(harness.objectName("t", 2))?.leader).toBe(1);
  });

  test("of a replica that lost its storage is refused", async () => {
    const { harness, report, meets, setInSync } = await cluster();
    meets("lost", 1);
    await report();
    meets("confirmed");
    await setInSync(2, 3, 1);
    harness.replicas.objects.get(harness.objectName("t", 1))!.wasReset = true;
    expect(await harness.rules.electLeader("t", 0, "preferred")).toMatchObject({
      error: "PREFERRED_LEADER_NOT_AVAILABLE",
    });
    expect(harness.partition("t")).toMatchObject({ leader: 2, leaderEpoch: 1 });
  });

  test("does not move one to a broker that is drained", async () => {
    const { harness } = await cluster();
    await harness.rules.changeBroker(1, "drain");
    expect(await harness.rules.electLeader("t", 0, "preferred")).toMatchObject({
      error: "PREFERRED_LEADER_NOT_AVAILABLE",
    });
  });

  test("of what does not exist is refused", async () => {
    const { harness } = await cluster();
    const elect = harness.rules.electLeader.bind(harness.rules);
    expect(await elect("u", 0, "preferred")).toMatchObject({ error: "UNKNOWN_TOPIC" });
    expect(await elect("t", 1, "preferred")).toMatchObject({ error: "UNKNOWN_PARTITION" });
    expect(await elect("t", 0, "rigged" as "unclean")).toMatchObject({ error: "INVALID_REQUEST" });
  });
});
