/**
 * The input of every assignor, indexed: members and topics are in Kafka's order and have numbers. So the result does not
 * depend on the order of the arguments, and the owners of 10,000 partitions are an array.
 */
import { assert } from "../../../../base/errors.ts";
import type { AssignorMember, TopicPartitions } from "./types.ts";

/** In place of a member's number, in {@link Owners} and elsewhere. */
export const NOBODY = -1;

/** A subscription is compared with this many others at most. */
const COMPARED_MAX = 4;

/** By the partition's number: the number of the member that owns it, or {@link NOBODY}. */
export type Owners = Int32Array;

export interface Topic {
  readonly name: string;
  /** The number of its partition 0; its other partitions follow. */
  readonly first: number;
  /** Number of its partitions, at least one. */
  readonly count: number;
  /** The numbers of the members that subscribe to it, ascending: at least one. */
  readonly subscribers: readonly number[];
}

export interface Layout {
  /** In Kafka's order; a member's number is its index. */
  readonly members: readonly AssignorMember[];
  /** The topics that exist and have a subscriber, sorted by name. */
  readonly topics: readonly Topic[];
  /** Number of partitions of all these topics; they are numbered from 0. */
  readonly size: number;
}

/** `partitionCounts`: number of partitions by topic; topics without an entry do not exist. */
export function layoutOf(
  members: readonly AssignorMember[],
  partitionCounts: ReadonlyMap<string, number>,
): Layout {
  const ids = new Set(members.map(({ memberId }) => memberId));
  assert(ids.size === members.length, "a member twice");
  const sorted = members.toSorted(compareMembers);
  const subscribers = subscribersByTopic(sorted);
  const topics: Topic[] = [];
  let size = 0;
  for (const name of [...subscribers.keys()].sort(compare)) {
    const count = partitionCounts.get(name) ?? 0;
    assert(Number.isSafeInteger(count) && count >= 0, "a topic with an impossible partition count");
    if (count === 0) continue;
    topics.push({ name, first: size, count, subscribers: subscribers.get(name)! });
    size += count;
  }
  return { members: sorted, topics, size };
}

export function nobodyOwns(layout: Layout): Owners {
  return new Int32Array(layout.size).fill(NOBODY);
}

/** The partitions of every member, by member id: topics sorted, partitions ascending. */
export function assignmentOf(
  layout: Layout,
  owners: Owners,
): ReadonlyMap<string, readonly TopicPartitions[]> {
  const assigned = layout.members.map((): { topic: string; partitions: number[] }[] => []);
  for (const { name, first, count } of layout.topics) {
    for (let partition = 0; partition < count; partition += 1) {
      const owner = owners[first + partition]!;
      if (owner === NOBODY) continue;
      const last = assigned[owner]!.at(-1);
      if (last?.topic === name) last.partitions.push(partition);
      else assigned[owner]!.push({ topic: name, partitions: [partition] });
    }
  }
  return new Map(layout.members.map(({ memberId }, member) => [memberId, assigned[member]!]));
}

/** A list of topics, and the members that subscribe to exactly this list. */
interface Subscription {
  readonly topics: readonly string[];
  /** Ascending. */
  readonly members: number[];
}

/** Subscribers by topic. Topics with the same subscribers share one array where that is found cheaply. */
function subscribersByTopic(members: readonly AssignorMember[]): Map<string, readonly number[]> {
  const subscriptions = subscriptionsOf(members);
  const indexesByTopic = new Map<string, number[]>();
  for (const [index, { topics }] of subscriptions.entries()) {
    for (const topic of new Set(topics)) {
      const indexes = indexesByTopic.get(topic);
      if (indexes) indexes.push(index);
      else indexesByTopic.set(topic, [index]);
    }
  }
  const merged = new Map<string, readonly number[]>();
  const subscribers = new Map<string, readonly number[]>();
  for (const [topic, indexes] of indexesByTopic) {
    const key = indexes.join();
    const found =
      merged.get(key) ??
      indexes.flatMap((index) => subscriptions[index]!.members).sort((a, b) => a - b);
    merged.set(key, found);
    subscribers.set(topic, found);
  }
  return subscribers;
}

/**
 * The members' subscriptions, equal ones merged as far as they are found. Most groups have one subscription, and a member
 * with the same list as one shortly before it costs a comparison instead of a look-up for each topic.
 */
function subscriptionsOf(members: readonly AssignorMember[]): Subscription[] {
  const subscriptions: Subscription[] = [];
  for (const [member, { topics }] of members.entries()) {
    const same = subscriptions
      .slice(-COMPARED_MAX)
      .find((other) => isSameList(other.topics, topics));
    if (same) same.members.push(member);
    else subscriptions.push({ topics, members: [member] });
  }
  return subscriptions;
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((item, index) => item === b[index]));
}

/**
 * Static members first, by instance id, then the others by member id, as in Kafka's `MemberInfo`: so a static member that
 * comes back under a new member id has the same number as before.
 */
function compareMembers(a: AssignorMember, b: AssignorMember): number {
  if (a.groupInstanceId === null && b.groupInstanceId === null) {
    return compare(a.memberId, b.memberId);
  }
  if (a.groupInstanceId === null) return 1;
  if (b.groupInstanceId === null) return -1;
  return compare(a.groupInstanceId, b.groupInstanceId) || compare(a.memberId, b.memberId);
}

/** By UTF-16 units, as Java compares strings. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
