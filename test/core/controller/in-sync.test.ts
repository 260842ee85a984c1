/** In-sync sets change as their leaders propose, with epochs compared; a replica that lost its storage leaves. */
import { describe, expect, test } from "vitest";
import type { ErrorName } from "../../../src/base/errors.ts";
import { RECORD_MS } from "../../../src/objects/controller/decisions.ts";
import { ControllerHarness, settle } from "./harness.ts";
import type { AlterInSyncRequest } from "../../../src/objects/contracts/controller-port.ts";

async function cluster() {
  const harness = new ControllerHarness();
  const { topicId } = await harness.topic("t", 1, 3);
  const alter = (asked: Partial<AlterInSyncRequest>) => {
    const { leader, leaderEpoch, partitionEpoch, inSync } = harness.partition("t");
    const epochs = { leaderEpoch, partitionEpoch };
    const request = { topicId, partition: 0, brokerId: leader, ...epochs, inSync, ...asked };
    return harness.rules.alterInSync(request);
  };
  const configure = (value: string) =>
    harness.rules.alterConfigs("t", [{ name: "segment.ms", value, operation: "SET" }], false);
  return { harness, topicId, alter, configure };
}

describe("a leader's proposal", () => {
  test("is answered with its new assignment at once, and the others are told", async () => {
    const { harness, alter } = await cluster();
    harness.replicas.receive = () => "held";
    const answer = await alter({ inSync: [1, 3] });
    expect(answer.ok && answer.assignment).toMatchObject({
      brokerId: 1,
      leader: 1,
      leaderEpoch: 0,
      partitionEpoch: 1,
      inSync: [1, 3],
      founding: false,
    });
    await settle();
    harness.replicas.receive = () => "confirmed";
    harness.replicas.letGo();
    await settle();
    for (const { inSync } of harness.replicas.assignments.values()) expect(inSync).toEqual([1, 3]);
    expect(harness.rules.describe()).toMatchObject({
      underReplicated: 1,
      pendingAssignments: 0,
      counts: { inSyncShrinks: 1, inSyncExpands: 0, elections: 0 },
    });
    await alter({ inSync: [1, 2, 3] });
    expect(harness.rules.describe()).toMatchObject({
      underReplicated: 0,
      counts: { inSyncShrinks: 1, inSyncExpands: 1 },
    });
    harness.crash();
    expect(harness.rules.describe().counts).toMatchObject({ inSyncShrinks: 1, inSyncExpands: 1 });
  });

  test("for what is so already writes nothing", async () => {
    const { harness, alter } = await cluster();
    const { rowsWritten } = harness.storage;
    expect(await alter({ inSync: [3, 2, 1] })).toMatchObject({ ok: true });
    expect(harness.storage.rowsWritten).toBe(rowsWritten);
    expect(harness.partition("t").partitionEpoch).toBe(0);
  });

  test.each<[string, Partial<AlterInSyncRequest>, ErrorName]>([
    ["an unknown topic", { topicId: "f".repeat(32) }, "UNKNOWN_TOPIC_OR_PARTITION"],
    ["an unknown partition", { partition: 1 }, "UNKNOWN_TOPIC_OR_PARTITION"],
    ["a partition that is no number", { partition: 0.5 }, "UNKNOWN_TOPIC_OR_PARTITION"],
    ["another broker than the leader", { brokerId: 2 }, "FENCED_LEADER_EPOCH"],
    ["another leader epoch", { leaderEpoch: -1 }, "FENCED_LEADER_EPOCH"],
    ["a leader epoch to come", { leaderEpoch: 9 }, "FENCED_LEADER_EPOCH"],
    ["an older partition epoch", { partitionEpoch: 0 }, "INVALID_UPDATE_VERSION"],
    ["a partition epoch to come", { partitionEpoch: 2 }, "INVALID_UPDATE_VERSION"],
    ["a set without the leader", { inSync: [2, 3] }, "INELIGIBLE_REPLICA"],
    ["an empty set", { inSync: [] }, "INELIGIBLE_REPLICA"],
    ["what is no replica", { inSync: [1, 4] }, "INELIGIBLE_REPLICA"],
    ["a member twice", { inSync: [1, 2, 2] }, "INELIGIBLE_REPLICA"],
    ["what is no set", { inSync: null as unknown as number[] }, "INELIGIBLE_REPLICA"],
  ])("is refused for %s", async (_, asked, error) => {
    const { harness, alter, configure } = await cluster();
    await configure("5");
    const before = harness.partition("t");
    expect(await alter({ inSync: [1, 2], ...asked })).toMatchObject({ ok: false, error });
    expect(harness.partition("t")).toBe(before);
  });

  test("to take in a replica of a fenced broker is refused", async () => {
    const { harness, alter } = await cluster();
    await harness.rules.changeBroker(2, "fence");
    expect(await alter({ inSync: [1, 2, 3] })).toMatchObject({ error: "INELIGIBLE_REPLICA" });
  });
});

/** KAFKA-14139, KIP-903: a replica that comes back empty does not count as in sync. */
describe("a replica that lost its storage", () => {
  test("leaves the in-sync set when it is told something", async () => {
    const { harness, configure } = await cluster();
    harness.replicas.lose(harness.objectName("t", 2));
    await configure("5");
    await settle();
    expect(harness.partition("t")).toMatchObject({ leader: 1, inSync: [1, 3] });
    expect(harness.rules.describe()).toMatchObject({
      pendingAssignments: 0,
      counts: { inSyncShrinks: 1 },
    });
  });

  test("leads no more where another is in sync", async () => {
    const { harness, configure } = await cluster();
    harness.replicas.lose(harness.objectName("t", 1));
    await configure("5");
    await settle();
    expect(harness.partition("t")).toMatchObject({ leader: 2, leaderEpoch: 1, inSync: [2, 3] });
  });

  test("stays where it is the last, and may not lead: its probe says so", async () => {
    const { harness, alter, configure } = await cluster();
    await alter({ inSync: [1] });
    harness.replicas.lose(harness.objectName("t", 1));
    await configure("5");
    await settle();
    expect(harness.partition("t")).toMatchObject({ leader: 1, inSync: [1] });
    expect(harness.rules.describe().pendingAssignments).toBe(0);
  });

  test("is told to begin empty only before it has ever confirmed anything", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = (_, name) => (name.split("/")[2] === "2" ? "lost" : "confirmed");
    await harness.topic("t", 1, 3);
    const founding = async () => {
      harness.crash();
      harness.replicas.receive = () => "confirmed";
      const value = `${harness.partition("t").partitionEpoch + 1}`;
      const change = { name: "segment.ms", value, operation: "SET" } as const;
      await harness.rules.alterConfigs("t", [change], false);
      await settle();
      return [1, 2, 3].map(
        (id) => harness.replicas.assignments.get(harness.objectName("t", id))?.founding,
      );
    };
    expect(await founding()).toEqual([false, true, false]);
    expect(await founding()).toEqual([false, false, false]);
  });

  test("is known as one that had begun, also when only an older assignment was confirmed", async () => {
    const harness = new ControllerHarness();
    harness.replicas.receive = () => "held";
    const created = harness.topic("t");
    await settle();
    const altered = harness.rules.alterConfigs(
      "t",
      [{ name: "segment.ms", value: "5", operation: "SET" }],
      false,
    );
    await settle();
    harness.replicas.receive = () => "lost";
    harness.replicas.letGo();
    await Promise.all([created, altered]);
    expect(harness.rules.describe().pendingAssignments).toBe(1);
    harness.crash();
    harness.replicas.receive = () => "confirmed";
    harness.replicas.lose(harness.objectName("t", 1));
    await harness.fireAlarm();
    expect(harness.replicas.objects.get(harness.objectName("t", 1))?.wasReset).toBe(true);
  });

  test("is known as one that had begun while others of the round have not answered yet (seed 9284)", async () => {
    const harness = new ControllerHarness();
    // The last of three replicas confirms; the others hang.
    harness.replicas.receive = (_, name) => (name.includes("/0/3/") ? "confirmed" : "held");
    const created = harness.topic("t", 1, 3);
    await settle();
    const brokerId = 3;
    const { leaderEpoch } = harness.partition("t");
    const lost = harness.objectName("t", brokerId);
    const report = { topicId: lost.split("/")[0]!, partition: 0, leaderEpoch, brokerId };
    expect(harness.replicas.objects.get(lost)?.wasReset).toBe(false);
    // It has confirmed, which is not recorded yet, and may have taken records since.
    harness.replicas.lose(lost);
    await harness.rules.reportReplica(report);
    await settle();
    expect(harness.replicas.objects.get(lost)?.wasReset).toBe(true);
    harness.replicas.letGo();
    await created;
    expect(harness.partition("t").inSync).not.toContain(brokerId);
  });

  test.for([
    {
      when: "once anything else was decided",
      decide: (harness: ControllerHarness) => void harness.rules.allocateProducerId(),
    },
    {
      when: "once the round has lasted a second",
      decide: (harness: ControllerHarness) => harness.advance(RECORD_MS),
    },
  ])(
    "is known as one that had begun after a restart within the round, $when (seed 9284)",
    async ({ decide }) => {
      const harness = new ControllerHarness();
      const brokerId = 3;
      // The topic's other replicas hang.
      const hangs = (name: string) => [1, 2].some((id) => harness.objectName("t", id) === name);
      harness.replicas.receive = (_, name) => (hangs(name) ? "held" : "confirmed");
      void harness.topic("t", 1, 3).catch(() => {});
      await settle();
      const lost = harness.objectName("t", brokerId);
      decide(harness);
      await settle();
      harness.crash();
      harness.replicas.lose(lost);
      harness.replicas.receive = () => "confirmed";
      await harness.fireAlarm();
      const { leaderEpoch } = harness.partition("t");
      const report = { topicId: lost.split("/")[0]!, partition: 0, leaderEpoch, brokerId };
      await harness.rules.reportReplica(report);
      expect(harness.replicas.objects.get(lost)?.wasReset).toBe(true);
      expect(harness.partition("t").inSync).not.toContain(brokerId);
    },
  );
});
