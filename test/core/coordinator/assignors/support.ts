/** Random groups for the assignors' tests, and readers of assignments. */
import fc from "fast-check";
import { expect } from "vitest";
import {
  assignPartitions,
  type AssignorMember,
  type AssignorName,
  type TopicPartitions,
} from "../../../../src/objects/coordinator/groups/assignors/index.ts";

export interface Group {
  readonly members: readonly AssignorMember[];
  readonly counts: ReadonlyMap<string, number>;
}

/** Partitions as `topic-partition`, by member id. */
export type Held = ReadonlyMap<string, readonly string[]>;

export const TOPICS = ["a", "b", "c", "d", "e"];

export function member(
  memberId: string,
  topics: readonly string[],
  more: Partial<AssignorMember> = {},
): AssignorMember {
  return { memberId, groupInstanceId: null, topics, owned: [], generation: -1, ...more };
}

export function assign(assignor: AssignorName, { members, counts }: Group): Held {
  return named(assignPartitions(assignor, members, counts));
}

export function named(assignment: ReadonlyMap<string, readonly TopicPartitions[]>): Held {
  return new Map([...assignment].map(([memberId, owned]) => [memberId, names(owned)]));
}

export function names(owned: readonly TopicPartitions[]): string[] {
  return owned.flatMap(({ topic, partitions }) => partitions.map((p) => `${topic}-${p}`));
}

export const topicOf = (name: string): string => name.slice(0, name.lastIndexOf("-"));

/** The partitions of all topics that exist and are subscribed to. */
export function subscribedPartitions({ members, counts }: Group): string[] {
  const subscribed = new Set<string>();
  for (const { topics } of members) for (const topic of topics) subscribed.add(topic);
  return [...subscribed]
    .flatMap((topic) => Array.from({ length: counts.get(topic) ?? 0 }, (_, p) => `${topic}-${p}`))
    .sort();
}

/** The owner of each partition; fails where one has two. */
export function ownersOf(held: Held): Map<string, string> {
  const owners = new Map<string, string>();
  for (const [memberId, partitions] of held) {
    for (const partition of partitions) {
      if (owners.has(partition)) expect.fail(`${partition} has two owners`);
      owners.set(partition, memberId);
    }
  }
  return owners;
}

/** Expects that every partition has an owner, which subscribes to it. */
export function expectComplete(group: Group, held: Held): void {
  expect([...held.keys()].sort()).toEqual(group.members.map(({ memberId }) => memberId).sort());
  expect([...ownersOf(held).keys()].sort()).toEqual(subscribedPartitions(group));
  expectSubscribed(group, held);
}

export function expectSubscribed({ members }: Group, held: Held): void {
  for (const { memberId, topics } of members) {
    const subscribed = new Set(topics);
    const others = held.get(memberId)!.filter((partition) => !subscribed.has(topicOf(partition)));
    expect(others).toEqual([]);
  }
}

/** Expects balance as in KIP-54: no partition could move to a subscriber with at least two fewer. */
export function expectEven({ members }: Group, held: Held): void {
  const fewest = new Map<string, number>();
  for (const { memberId, topics } of members) {
    const load = held.get(memberId)!.length;
    for (const topic of topics) fewest.set(topic, Math.min(fewest.get(topic) ?? load, load));
  }
  for (const [memberId, partitions] of held) {
    const least = Math.min(...new Set(partitions.map((name) => fewest.get(topicOf(name))!)));
    expect(partitions.length - least, memberId).toBeLessThanOrEqual(1);
  }
}

export function spread(numbers: readonly number[]): number {
  return numbers.length === 0 ? 0 : Math.max(...numbers) - Math.min(...numbers);
}

/** The group whose members claim `held` of `generation`. */
export function owning(group: Group, held: Held, generation = 1): Group {
  const members = group.members.map((one) =>
    Object.assign({}, one, { owned: grouped(held.get(one.memberId) ?? []), generation }),
  );
  return { ...group, members };
}

export function grouped(partitions: readonly string[]): TopicPartitions[] {
  const byTopic = Map.groupBy(partitions, topicOf);
  return [...byTopic].map(([topic, of]) => ({
    topic,
    partitions: of.map((name) => Number(name.slice(topic.length + 1))),
  }));
}

/** Number of partitions whose owner is the same as before. */
export function keptOf(before: Held, after: Held): number {
  const owners = ownersOf(after);
  let kept = 0;
  for (const [memberId, partitions] of before) {
    kept += partitions.filter((partition) => owners.get(partition) === memberId).length;
  }
  return kept;
}

const countsArbitrary: fc.Arbitrary<ReadonlyMap<string, number>> = fc
  .array(fc.option(fc.nat(9), { freq: 8 }), { minLength: TOPICS.length, maxLength: TOPICS.length })
  .map((counts) => {
    const existing = TOPICS.map((topic, index) => [topic, counts[index]!] as const);
    return new Map(existing.filter(([, count]) => count !== null));
  });

/** Topics that need not exist, and one that never does. */
export const topicsArbitrary = fc.subarray([...TOPICS, "nowhere"]);

/** A claim that may be wrong: partitions that do not exist, that others have, or that are named twice. */
const ownedArbitrary: fc.Arbitrary<TopicPartitions[]> = fc.array(
  fc.record({
    topic: fc.constantFrom(...TOPICS, "nowhere"),
    partitions: fc.array(fc.integer({ min: -1, max: 12 }), { maxLength: 8 }),
  }),
  { maxLength: 4 },
);

const identities = fc.uniqueArray(
  fc.record({
    memberId: fc.string({ minLength: 1, maxLength: 3 }),
    groupInstanceId: fc.option(fc.string({ minLength: 1, maxLength: 3 })),
  }),
  { selector: ({ memberId }) => memberId, minLength: 1, maxLength: 9 },
);

/** Members with random claims, as from {@link ownedArbitrary}. */
export function groupArbitrary(subscriptions: "equal" | "different"): fc.Arbitrary<Group> {
  return fc.tuple(identities, topicsArbitrary).chain(([ids, common]) => {
    const topics = subscriptions === "equal" ? fc.constant(common) : topicsArbitrary;
    const members = ids.map((id) =>
      fc.record({
        memberId: fc.constant(id.memberId),
        groupInstanceId: fc.constant(id.groupInstanceId),
        topics,
        owned: ownedArbitrary,
        generation: fc.integer({ min: -1, max: 3 }),
      }),
    );
    return fc.record({ members: fc.tuple(...members), counts: countsArbitrary });
  });
}

export const anyGroup = fc.oneof(groupArbitrary("equal"), groupArbitrary("different"));
