/**
 * Who leads: decisions about one partition's leader and in-sync set, given the state of the brokers. Pure: whether a
 * replica answers is found out in leaders.ts.
 */
import type { BrokerDescription, PartitionMetadata } from "../../contracts/controller.ts";
import type { Change, PartitionChange } from "../image/changes.ts";
import type { ClusterImage } from "../image/cluster.ts";
import { brokerIdsOf, withChange } from "../image/partitions.ts";

export type Brokers = ReadonlyMap<number, BrokerDescription>;

/** Partitions that one row of the record changes at most; each takes up to 250 bytes. */
const PARTITIONS_PER_SET = 4_000;

export function isFenced(brokers: Brokers, brokerId: number): boolean {
  return brokers.get(brokerId)?.state === "fenced";
}

/** Members of the in-sync set that may lead, the best first: active before draining, then by preference. */
export function candidatesOf(
  partition: PartitionMetadata,
  inSync: readonly number[],
  brokers: Brokers,
): number[] {
  // rule: leaders-are-in-sync
  const members = brokerIdsOf(partition).filter((id) => inSync.includes(id));
  // rule: leaders-are-not-fenced
  const up = members.filter((id) => !isFenced(brokers, id));
  const isActive = (id: number): boolean => brokers.get(id)?.state === "active";
  return [...up.filter(isActive), ...up.filter((id) => !isActive(id))];
}

/** The present leader while it may lead, unless it is draining and an active broker can lead; else the best candidate. */
function leaderAmong(
  partition: PartitionMetadata,
  inSync: readonly number[],
  brokers: Brokers,
): number {
  const candidates = candidatesOf(partition, inSync, brokers);
  const [best = -1] = candidates;
  const { leader } = partition;
  if (!candidates.includes(leader)) return best;
  const isBetter = brokers.get(best)?.state === "active";
  return brokers.get(leader)?.state === "active" || !isBetter ? leader : best;
}

/**
 * What the brokers' states require of a partition: fenced brokers lead nothing, and leave the in-sync set unless all
 * its members are fenced; a partition has a leader if a member of its in-sync set may lead. Null: nothing changes.
 * An unfounded partition has no leader's object that could let replicas join; all its replicas are empty, so all that
 * are not fenced are in sync. Idempotent.
 */
function settlePartition(partition: PartitionMetadata, brokers: Brokers): PartitionChange | null {
  const members = partition.unfounded ? brokerIdsOf(partition) : partition.inSync;
  const up = members.filter((id) => !isFenced(brokers, id));
  const inSync = up.length === 0 ? partition.inSync : up;
  const leader = leaderAmong(partition, inSync, brokers);
  const joins = inSync.some((id) => !partition.inSync.includes(id));
  const alters = joins || inSync.length < partition.inSync.length;
  if (!alters && leader === partition.leader) return null;
  return {
    partition: partition.partition,
    ...(alters ? { inSync } : {}),
    ...(leader === partition.leader ? {} : { leader }),
  };
}

/** The change together with what the brokers' states require of the partition after it. */
export function settled(
  partition: PartitionMetadata,
  change: PartitionChange,
  brokers: Brokers,
): PartitionChange {
  return { ...change, ...settlePartition(withChange(partition, change), brokers) };
}

/**
 * {@link settlePartition} for the whole cluster, in pieces that each fit in a row and are each consistent by
 * themselves: after a crash between them the rest is found again.
 */
export function settleAll(image: ClusterImage, brokers: Brokers = image.brokers): Change[][] {
  const pieces: Change[][] = [];
  let piece: Change[] = [];
  let room = PARTITIONS_PER_SET;
  for (const { topicId, partitions } of image.topics.values()) {
    const changes = partitions.flatMap((one) => settlePartition(one, brokers) ?? []);
    for (let at = 0; at < changes.length;) {
      const some = changes.slice(at, at + room);
      piece.push({ type: "partitions-changed", topicId, partitions: some });
      at += some.length;
      room -= some.length;
      if (room > 0) continue;
      pieces.push(piece);
      piece = [];
      room = PARTITIONS_PER_SET;
    }
  }
  if (piece.length > 0) pieces.push(piece);
  return pieces;
}

/**
 * Takes a member out of the in-sync set: one that does not answer, or that lost its storage. Where it leads, the
 * first of `leaders` is elected. Null where it is the last member, or no member.
 */
export function withoutMember(
  partition: PartitionMetadata,
  brokerId: number,
  leaders: readonly number[],
): PartitionChange | null {
  const inSync = partition.inSync.filter((id) => id !== brokerId);
  if (inSync.length === 0 || inSync.length === partition.inSync.length) return null;
  const [leader = -1] = leaders;
  return {
    partition: partition.partition,
    inSync,
    ...(partition.leader === brokerId ? { leader } : {}),
  };
}

/** The replica leads with the log it has, as the only member of the in-sync set. */
export function uncleanElection(partition: PartitionMetadata, leader: number): PartitionChange {
  return { partition: partition.partition, leader, inSync: [leader], unclean: true };
}
