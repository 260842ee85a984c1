/**
 * The placement of new partitions' replicas: evenly over brokers, on different racks. Pure arithmetic: the same input
 * gives the same placement, and the resulting broker ids are what is recorded.
 */
import { assert } from "../../../base/errors.ts";
import type { NewPartition } from "../image/changes.ts";

export interface PlacementRequest {
  /** Active brokers. */
  readonly brokers: readonly { readonly brokerId: number; readonly rack: string }[];
  /** Number of partitions to place. */
  readonly partitions: number;
  /** At most the number of brokers. */
  readonly replicationFactor: number;
  /** Broker ids of the topic's existing partitions, so that the topic as a whole stays even. */
  readonly existing: readonly NewPartition[];
  /** Where the rotation starts; it continues from topic to topic, which also spreads topics of one partition. */
  readonly start: number;
}

interface Candidate {
  readonly brokerId: number;
  readonly rack: string;
  /** Numbers of this topic's partitions that it leads, and that it has a replica of. */
  leads: number;
  holds: number;
  /** By broker id: of how many of the partitions that this broker leads the other one is a follower. */
  readonly followers: Map<number, number>;
}

/**
 * Broker ids by partition, the preferred leader first. The numbers of the topic's partitions that brokers lead differ
 * by at most one; each partition spans as many racks as it can; replicas are even as far as the racks allow; and a
 * broker's followers are spread over the others, which share the load when the broker fails.
 */
export function placePartitions(request: PlacementRequest): NewPartition[] {
  const { replicationFactor, partitions, start, existing } = request;
  const ring = interleaveRacks(request.brokers);
  assert(replicationFactor >= 1, "a partition needs a replica");
  assert(replicationFactor <= ring.length, "more replicas than brokers");
  countExisting(ring, existing);
  const placed: NewPartition[] = [];
  for (let index = 0; index < partitions; index += 1) {
    const leader = best(ring, start + index, ({ leads, holds }) => [leads, holds, 0]);
    const chosen = [leader];
    // With each turn of the ring the search for followers starts one broker later.
    const first = ring.indexOf(leader) + 1 + Math.floor(index / ring.length);
    while (chosen.length < replicationFactor) chosen.push(nextFollower(ring, first, chosen));
    count(chosen);
    placed.push(chosen.map(({ brokerId }) => brokerId));
  }
  return placed;
}

/**
 * From the rack with the fewest replicas of the partition, the broker with the lowest sum of replicas and of
 * partitions in which it follows this leader. The sum keeps both even within two; ordering by one of them would let
 * the other drift with the size of the topic.
 */
function nextFollower(
  ring: readonly Candidate[],
  first: number,
  chosen: readonly Candidate[],
): Candidate {
  const [leader] = chosen;
  return best(ring, first, (candidate) => {
    if (chosen.includes(candidate)) return [Number.POSITIVE_INFINITY, 0, 0];
    const inRack = chosen.filter(({ rack }) => rack === candidate.rack).length;
    const follows = leader?.followers.get(candidate.brokerId) ?? 0;
    return [inRack, candidate.holds + follows, candidate.holds];
  });
}

/** Counts one placed partition, its leader first. */
function count(replicas: readonly Candidate[]): void {
  const [leader, ...followers] = replicas;
  if (!leader) return;
  leader.leads += 1;
  for (const candidate of replicas) candidate.holds += 1;
  for (const { brokerId } of followers) {
    leader.followers.set(brokerId, (leader.followers.get(brokerId) ?? 0) + 1);
  }
}

/** Brokers in an order in which neighbours are on different racks as far as possible. */
function interleaveRacks(brokers: PlacementRequest["brokers"]): Candidate[] {
  const racks = new Map<string, Candidate[]>();
  for (const { brokerId, rack } of brokers.toSorted((a, b) => a.brokerId - b.brokerId)) {
    const candidates = racks.get(rack) ?? [];
    candidates.push({ brokerId, rack, leads: 0, holds: 0, followers: new Map() });
    racks.set(rack, candidates);
  }
  const ring: Candidate[] = [];
  for (let turn = 0; ring.length < brokers.length; turn += 1) {
    for (const candidates of racks.values()) {
      const candidate = candidates[turn];
      if (candidate) ring.push(candidate);
    }
  }
  return ring;
}

function countExisting(ring: readonly Candidate[], existing: readonly NewPartition[]): void {
  const byId = new Map(ring.map((candidate) => [candidate.brokerId, candidate]));
  for (const brokerIds of existing) {
    // Brokers that get no new replicas do not count; the next replica counts as the leader.
    count(brokerIds.flatMap((brokerId) => byId.get(brokerId) ?? []));
  }
}

/** The candidate with the lowest cost (compared term by term); among equals the first from `start` on. */
function best(
  ring: readonly Candidate[],
  start: number,
  cost: (candidate: Candidate) => readonly [number, number, number],
): Candidate {
  let found: Candidate | null = null;
  let least: readonly [number, number, number] = [0, 0, 0];
  for (let step = 0; step < ring.length; step += 1) {
    const candidate = ring[(start + step) % ring.length]!;
    const price = cost(candidate);
    if (found === null || isLess(price, least)) {
      found = candidate;
      least = price;
    }
  }
  assert(found, "a placement without brokers");
  return found;
}

function isLess(
  a: readonly [number, number, number],
  b: readonly [number, number, number],
): boolean {
  if (a[0] !== b[0]) return a[0] < b[0];
  if (a[1] !== b[1]) return a[1] < b[1];
  return a[2] < b[2];
}
