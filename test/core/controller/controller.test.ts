/**
 * The controller as a whole, in random histories: requests, lost and unheard calls, alarms, writes
 * that fail, crashes. Whatever happened, what it knows is what it would know after waking up, and once
 * calls go through, every replica knows what was decided, and deleted ones hold nothing.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TopicMetadata } from "../../../src/objects/controller/api.ts";
import { ControllerHarness, type Reception } from "./harness.ts";

type Event =
  | {
      readonly do: "create";
      readonly topic: string;
      readonly partitions: number;
      readonly factor: number;
    }
  | { readonly do: "grow"; readonly topic: string; readonly partitions: number }
  | { readonly do: "alter"; readonly topic: string; readonly value: string }
  | { readonly do: "delete"; readonly topic: string }
  | { readonly do: "producer-id" | "alarm" | "crash" | "let-go" }
  | { readonly do: "disk"; readonly statements: number }
  | { readonly do: "network"; readonly receptions: readonly Reception[] };

const topic = fc.constantFrom("a", "b", "c");
const small = (max: number) => fc.integer({ min: 1, max });
const reception = fc.constantFrom<Reception>("confirmed", "confirmed", "lost", "unheard", "held");
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ do: fc.constant("create" as const), topic, partitions: small(4), factor: small(3) }),
  fc.record({ do: fc.constant("grow" as const), topic, partitions: small(6) }),
  fc.record({ do: fc.constant("alter" as const), topic, value: small(3).map(String) }),
  fc.record({ do: fc.constant("delete" as const), topic }),
  fc.record({
    do: fc.constantFrom(
      "producer-id" as const,
      "alarm" as const,
      "crash" as const,
      "let-go" as const,
    ),
  }),
  fc.record({ do: fc.constant("disk" as const), statements: fc.nat(3) }),
  fc.record({
    do: fc.constant("network" as const),
    receptions: fc.array(reception, { minLength: 1, maxLength: 5 }),
  }),
);

async function settle(): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
}

/** Runs one event without waiting for its reply: others overtake it. */
function begin(harness: ControllerHarness, happens: Event, producerIds: number[]): void {
  const { rules, replicas } = harness;
  // A request that fails with the disk, or whose instance has crashed, is the caller's to repeat.
  const ignore = (request: Promise<unknown>) => void request.catch(() => {});
  switch (happens.do) {
    case "create":
      return ignore(
        rules.createTopic({
          topic: happens.topic,
          partitions: happens.partitions,
          replicationFactor: happens.factor,
        }),
      );
    case "grow":
      return ignore(rules.createPartitions(happens.topic, happens.partitions, false));
    case "alter": {
      const { topic: name, value } = happens;
      return ignore(
        rules.alterConfigs(name, [{ name: "segment.ms", value, operation: "SET" }], false),
      );
    }
    case "delete":
      return ignore(rules.deleteTopic(happens.topic));
    case "producer-id":
      try {
        producerIds.push(rules.allocateProducerId().producerId);
      } catch {
        // The disk: no id was handed out.
      }
      return;
    case "alarm":
      return harness.alarmIsFree ? ignore(harness.fireAlarm()) : undefined;
    case "crash":
      return harness.crash();
    case "let-go":
      return replicas.letGo();
    case "disk": {
      let left = happens.statements;
      harness.storage.beforeStatement = (sql) => {
        if (sql.startsWith("SELECT")) return;
        if (left === 0) throw new Error("disk");
        left -= 1;
      };
      return;
    }
    case "network": {
      let call = 0;
      replicas.receive = () => happens.receptions[call++ % happens.receptions.length]!;
    }
  }
}

/** Disk and network work again; the alarm runs until nothing is left to tell. */
async function heal(harness: ControllerHarness): Promise<void> {
  harness.storage.beforeStatement = null;
  harness.replicas.receive = () => "confirmed";
  harness.replicas.letGo();
  await settle();
  for (let alarms = 0; harness.alarm.atMs !== null; alarms += 1) {
    expect(alarms).toBeLessThan(10);
    await harness.fireAlarm();
  }
}

function expectDelivered(harness: ControllerHarness, topics: readonly TopicMetadata[]): void {
  const told = new Map<string, number>();
  for (const { topicId, partitions } of topics) {
    for (const { partition, partitionEpoch, replicas } of partitions) {
      for (const { brokerId, generation } of replicas) {
        told.set(`${topicId}/${partition}/${brokerId}/${generation}`, partitionEpoch);
      }
    }
  }
  const known = [...harness.replicas.assignments].map(
    ([name, at]) => [name, at.partitionEpoch] as const,
  );
  expect(new Map(known)).toEqual(told);
}

describe("the controller", () => {
  test("loses nothing and forgets nobody, in any history", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
        const harness = new ControllerHarness({ snapshotEvery: 5 });
        const producerIds: number[] = [];
        for (const happens of events) {
          begin(harness, happens, producerIds);
          await settle();
          const replayed = harness.replayed();
          expect(replayed.metadata(null)).toEqual(harness.rules.metadata(null));
          expect(replayed.describe()).toEqual(harness.rules.describe());
          const { pendingAssignments, pendingPurges } = replayed.describe();
          if (pendingAssignments + pendingPurges > 0) expect(harness.alarmIsSure).toBe(true);
        }
        await heal(harness);
        expect(harness.rules.describe()).toMatchObject({ pendingAssignments: 0, pendingPurges: 0 });
        expectDelivered(harness, harness.rules.metadata(null).topics);
        expect(new Set(producerIds).size).toBe(producerIds.length);
        expect(producerIds).toEqual(producerIds.toSorted((a, b) => a - b));
      }),
      { numRuns: 300 },
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
