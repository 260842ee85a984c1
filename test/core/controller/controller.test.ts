/**
 * The controller as a whole, in random histories: requests, lost and unheard calls, alarms, writes
 * that fail, crashes. Whatever happened, what it knows is what it would know after waking up, and once
 * calls go through, every replica knows what was decided, and deleted ones hold nothing.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ControllerHarness, settle } from "./harness.ts";
import { begin, event, Witness } from "./histories.ts";
import { expectDelivered, expectSoundElections, Sightings } from "./invariants.ts";

/** Disk and network work again, and brokers are back; the alarm fires until nothing is pending. */
async function heal(harness: ControllerHarness): Promise<void> {
  harness.storage.beforeStatement = null;
  harness.replicas.receive = () => "confirmed";
  harness.replicas.letGo();
  await settle();
  const { brokers, topics } = harness.rules.metadata(null);
  for (const { brokerId } of brokers) await harness.rules.changeBroker(brokerId, "unfence");
  // Replicas that lost their storage notice it with their next assignment.
  for (const { topic } of topics) {
    const value = "77";
    await harness.rules.alterConfigs(
      topic,
      [{ name: "segment.ms", value, operation: "SET" }],
      false,
    );
  }
  for (let alarms = 0; harness.alarm.atMs !== null; alarms += 1) {
    expect(alarms).toBeLessThan(20);
    await harness.fireAlarm();
    await settle();
  }
}

describe("the controller", () => {
  test("loses nothing and forgets nobody, in any history", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 50 }), fc.boolean(), async (events, snaps) => {
        const harness = new ControllerHarness({ ringRows: snaps ? 5 : 10_000 });
        const witness = new Witness();
        const sightings = new Sightings();
        for (const happens of events) {
          begin(harness, happens, witness);
          await settle();
          const replayed = harness.replayed();
          expect(replayed.metadata(null)).toEqual(harness.rules.metadata(null));
          // What is known only since the object woke up is not in the record.
          const { damagedReplicas: _, ...described } = harness.rules.describe();
          const { failedProbes: __, ...counts } = described.counts;
          expect(replayed.describe()).toMatchObject({ ...described, counts });
          sightings.see(replayed.metadata(null));
          const { pendingAssignments, pendingPurges } = replayed.describe();
          if (pendingAssignments + pendingPurges > 0) expect(harness.alarmIsSure).toBe(true);
        }
        await heal(harness);
        const { topics } = harness.rules.metadata(null);
        sightings.see(harness.rules.metadata(null));
        const described = harness.rules.describe();
        expect(described).toMatchObject({ pendingAssignments: 0, pendingPurges: 0, offline: 0 });
        expectDelivered(harness, topics);
        if (!snaps && harness.rules.describe().version > 0) expectSoundElections(harness, witness);
        const { producerIds } = witness;
        expect(new Set(producerIds).size).toBe(producerIds.length);
        expect(producerIds).toEqual(producerIds.toSorted((a, b) => a - b));
      }),
      { numRuns: 400 },
    );
  });

  test("never hands out a producer id twice, however often it crashes", () => {
    const harness = new ControllerHarness();
    const ids: number[] = [];
    for (let n = 0; n < 2_500; n += 1) {
      if (n % 700 === 699) harness.crash();
      const { producerId, producerEpoch } = harness.rules.allocateProducerId();
      expect(producerEpoch).toBe(0);
      ids.push(producerId);
    }
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("hands out no id of a block that could not be recorded", () => {
    const harness = new ControllerHarness();
    harness.storage.beforeStatement = () => {
      throw new Error("disk");
    };
    expect(() => harness.rules.allocateProducerId()).toThrow("disk");
    harness.crash();
    expect(harness.rules.allocateProducerId().producerId).toBe(0);
  });

  test("of two requests for one name at once lets one create it", async () => {
    const harness = new ControllerHarness();
    const create = () => harness.rules.createTopic({ topic: "t" });
    const answers = await Promise.all([create(), create()]);
    expect(answers.map(({ ok }) => ok)).toEqual([true, false]);
  });
});
