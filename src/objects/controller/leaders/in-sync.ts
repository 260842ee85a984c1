/** Decisions about in-sync sets: a leader's proposal (KIP-497), and members that lost their storage (KIP-903). */
import { refuse, type Refusal } from "../../../base/errors.ts";
import type { ReplicaName } from "../../../base/ids.ts";
import type { PartitionMetadata } from "../../contracts/controller.ts";
import type { PartitionChange } from "../image/changes.ts";
import { isLive } from "../delivery/assignments.ts";
import { partitionOf, type ClusterImage } from "../image/cluster.ts";
import { candidatesOf, isFenced, settled, withoutMember } from "./elections.ts";
import { completion } from "../topics/reassignments.ts";
import type { AlterInSyncRequest } from "../../contracts/controller-port.ts";

/** Null: the set is as proposed already. */
export type InSyncDecision = { readonly ok: true; readonly change: PartitionChange | null };

export function decideAlterInSync(
  image: ClusterImage,
  request: AlterInSyncRequest,
): InSyncDecision | Refusal {
  const partition = partitionOf(image, request.topicId, request.partition);
  if (!partition) return refuse("UNKNOWN_TOPIC_OR_PARTITION");
  const { leader, leaderEpoch, partitionEpoch, inSync } = partition;
  if (request.brokerId !== leader || request.leaderEpoch !== leaderEpoch) {
    return refuse("FENCED_LEADER_EPOCH");
  }
  // rule: proposals-are-of-this-partition-epoch
  if (request.partitionEpoch !== partitionEpoch) return refuse("INVALID_UPDATE_VERSION");
  if (!isEligible(image, partition, request.inSync)) return refuse("INELIGIBLE_REPLICA");
  const isSame =
    request.inSync.length === inSync.length && inSync.every((id) => request.inSync.includes(id));
  if (isSame) return { ok: true, change: null };
  const change: PartitionChange = { partition: partition.partition, inSync: [...request.inSync] };
  const complete = completion(partition, change, image.brokers);
  return { ok: true, change: settled(partition, complete, image.brokers) };
}

/** Whether the proposed set consists of distinct replicas on brokers that are not fenced, the leader among them. */
function isEligible(
  image: ClusterImage,
  partition: PartitionMetadata,
  proposed: readonly number[],
): boolean {
  if (!Array.isArray(proposed) || proposed.length > partition.replicas.length) return false;
  if (new Set(proposed).size !== proposed.length || !proposed.includes(partition.leader))
    return false;
  return proposed.every(
    (id) =>
      partition.replicas.some(({ brokerId }) => brokerId === id) && !isFenced(image.brokers, id),
  );
}

/**
 * A replica has lost its storage: it leaves the in-sync set, unless it is the last member; then it stays and cannot
 * lead, as its own object knows. Null: nothing changes.
 */
export function decideReset(image: ClusterImage, replica: ReplicaName): PartitionChange | null {
  const { topicId, brokerId } = replica;
  const partition = partitionOf(image, topicId, replica.partition);
  if (!partition || !isLive(image, replica)) return null;
  const others = partition.inSync.filter((id) => id !== brokerId);
  return withoutMember(partition, brokerId, candidatesOf(partition, others, image.brokers));
}
