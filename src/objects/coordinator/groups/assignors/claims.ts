/**
 * Who owned which partitions, by the members' own subscriptions: a member that missed a rebalance may claim partitions
 * that others got since (KIP-792).
 */
import { NOBODY, nobodyOwns, type Layout, type Owners, type Topic } from "./layout.ts";
import type { TopicPartitions } from "./types.ts";

/** In place of a member's number in {@link Claims.claimants}: several members. */
const SEVERAL = -2;

export interface Claims {
  /**
   * Who may keep a partition. Among several claims the one of the highest generation counts (KIP-792); where two are
   * of that generation none does. Claims to topics that the member no longer subscribes to do not count.
   */
  readonly owners: Owners;
  /** Who claims a partition, whether or not the claim counts. */
  readonly claimants: Int32Array;
}

export function readClaims(layout: Layout): Claims {
  const topics = new Map(layout.topics.map((topic) => [topic.name, topic]));
  const owners = nobodyOwns(layout);
  const claimants = nobodyOwns(layout);
  const generations = new Float64Array(layout.size).fill(Number.NEGATIVE_INFINITY);
  for (const [member, { owned, generation }] of layout.members.entries()) {
    for (const partition of numbersOf(owned, topics)) {
      claimants[partition] = claimants[partition] === NOBODY ? member : SEVERAL;
      const before = generations[partition]!;
      if (generation < before) continue;
      owners[partition] = generation === before ? NOBODY : member;
      generations[partition] = generation;
    }
  }
  for (const topic of layout.topics) dropUnsubscribed(topic, owners);
  return { owners, claimants };
}

/** Whether a member other than `member` claims the partition. */
export function isClaimedByOthers(claims: Claims, partition: number, member: number): boolean {
  const claimant = claims.claimants[partition]!;
  return claimant !== NOBODY && claimant !== member;
}

/** The numbers of these partitions, each once; partitions that do not exist are left out. */
function numbersOf(
  owned: readonly TopicPartitions[],
  topics: ReadonlyMap<string, Topic>,
): ReadonlySet<number> {
  const numbers = new Set<number>();
  for (const { topic: name, partitions } of owned) {
    const topic = topics.get(name);
    if (!topic) continue;
    for (const partition of partitions) {
      if (!Number.isInteger(partition) || partition < 0 || partition >= topic.count) continue;
      numbers.add(topic.first + partition);
    }
  }
  return numbers;
}

function dropUnsubscribed({ first, count, subscribers }: Topic, owners: Owners): void {
  for (let partition = first; partition < first + count; partition += 1) {
    const owner = owners[partition]!;
    if (owner !== NOBODY && !subscribers.includes(owner)) owners[partition] = NOBODY;
  }
}
