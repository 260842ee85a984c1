/**
 * The table at which every assignor sits: members and topics in Kafka's order and by number, so that
 * nothing depends on the order in which they came, and so that 10,000 partitions are an array.
 */
import { assert } from "../../../../base/errors.ts";
import type { AssignorMember, TopicPartitions } from "./types.ts";

/** In place of a member's number, in {@link Owners} and elsewhere. */
export const NOBODY = -1;

/** With how many others' subscriptions one is compared. */
const COMPARED_MAX = 4;

/** The number of the member that gets a partition, or {@link NOBODY}, by the partition's number. */
export type Owners = Int32Array;

export interface Topic {
  readonly name: string;
  /** The number of its partition 0; the others follow. */
  readonly first: number;
  /** Its partitions: at least one. */
  readonly count: number;
  /** The numbers of the members that subscribe to it, ascending: at least one. */
  readonly subscribers: readonly number[];
}

export interface Layout {
  /** In Kafka's order; a member's number is its place. */
  readonly members: readonly AssignorMember[];
  /** Sorted by name: those that exist and have a subscriber. */
  readonly topics: readonly Topic[];
  /** Partitions of all these topics: they are numbered from 0. */
  readonly size: number;
}

/** `partitionCounts`: partitions by topic; topics without an entry do not exist. */
export function layOut(
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

/** By member id, of every member: topics sorted, partitions ascending. */
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

/** Topics that one or more members subscribe to, as they list them. */
interface Subscription {
  readonly topics: readonly string[];
  /** Ascending. */
  readonly members: number[];
}

/** Topics with the same subscribers share one array wherever that is easily seen. */
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
 * Most groups have one subscription, and a member whose list is the same as that of one just before
 * costs a comparison instead of a look-up for each topic. Nothing depends on finding them all.
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
 * Static members come first, by instance id, then the others by member id, as Kafka's `MemberInfo`
 * compares: so an instance that comes back with a new member id has its old place.
 */
function compareMembers(a: AssignorMember, b: AssignorMember): number {
  if (a.groupInstanceId === null && b.groupInstanceId === null) {
    return compare(a.memberId, b.memberId);
  }
  if (a.groupInstanceId === null) return 1;
  if (b.groupInstanceId === null) return -1;
  return compare(a.groupInstanceId, b.groupInstanceId) || compare(a.memberId, b.memberId);
}

/** By UTF-16 unit, as Java compares strings. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
