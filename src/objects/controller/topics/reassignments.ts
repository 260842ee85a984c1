/**
 * Decisions that move a partition to other brokers (KIP-455): new replicas are added, and when all that are to stay
 * are in sync, the others are removed. A reassignment takes one row when it begins, and ends with the in-sync change
 * that completes it. A partition that nobody has used yet moves with the decision: there is nothing to copy.
 */
import { refuse, type Refusal } from "../../../base/errors.ts";
import type { PartitionMetadata, TopicMetadata } from "../../contracts/controller.ts";
import { FIRST_GENERATION, type PartitionChange } from "../image/changes.ts";
import type { ClusterImage } from "../image/cluster.ts";
import { candidatesOf, settled, type Brokers } from "../leaders/elections.ts";
import { replicasProblem, tooManyReplicas } from "./manual-assignments.ts";
import { brokerIdsOf, isReassigning, targetOf, withChange } from "../image/partitions.ts";

/** Null: the partition is on these brokers already. */
export type ReassignmentDecision = { readonly ok: true; readonly change: PartitionChange | null };

/**
 * Begins a reassignment to these brokers, or changes one that is under way. INVALID_REPLICA_ASSIGNMENT,
 * INVALID_REPLICATION_FACTOR (`keepsFactor`, KIP-860).
 */
export function decideReassign(
  image: ClusterImage,
  topic: TopicMetadata,
  partition: PartitionMetadata,
  brokerIds: readonly number[],
  keepsFactor = false,
): ReassignmentDecision | Refusal {
  const problem = problemOf(image, partition, brokerIds);
  if (problem !== null) return refuse("INVALID_REPLICA_ASSIGNMENT", problem);
  const factor = targetOf(partition).length;
  if (keepsFactor && brokerIds.length !== factor) {
    return refuse("INVALID_REPLICATION_FACTOR", `The partition is to keep its ${factor} replicas.`);
  }
  const present = brokerIdsOf(partition);
  if (!isReassigning(partition) && present.join() === brokerIds.join()) {
    return { ok: true, change: null };
  }
  if (partition.unfounded) {
    return { ok: true, change: movedUnfounded(partition, brokerIds, image.brokers) };
  }
  const removing = present.filter((id) => !brokerIds.includes(id));
  const before = partition.adding ?? [];
  // Replicas that the reassignment has added before stay in the list: cancelling removes them too.
  const adding = [...before, ...brokerIds.filter((id) => !present.includes(id))];
  const known = new Map(partition.replicas.map((replica) => [replica.brokerId, replica]));
  const generations = image.generations.get(topic.topicId);
  const replicas = [...brokerIds, ...removing].map((brokerId) => {
    const last = generations?.get(`${partition.partition}/${brokerId}`) ?? FIRST_GENERATION - 1;
    return known.get(brokerId) ?? { brokerId, generation: last + 1 };
  });
  const begun = { partition: partition.partition, replicas, adding, removing };
  const change = completion(partition, begun, image.brokers);
  return { ok: true, change: settled(partition, change, image.brokers) };
}

/** Nothing was stored yet: the new replicas are in sync at once, and none of the others has storage to delete. */
function movedUnfounded(
  partition: PartitionMetadata,
  brokerIds: readonly number[],
  brokers: Brokers,
): PartitionChange {
  const known = new Map(partition.replicas.map((replica) => [replica.brokerId, replica]));
  const replicas = brokerIds.map(
    (brokerId) => known.get(brokerId) ?? { brokerId, generation: FIRST_GENERATION },
  );
  const stays = brokerIds.includes(partition.leader);
  const change: PartitionChange = {
    partition: partition.partition,
    replicas,
    inSync: [...brokerIds],
    ...(stays ? {} : { leader: -1 }),
  };
  return settled(partition, change, brokers);
}

/**
 * Cancels a reassignment: the replicas that it has added are removed. NO_REASSIGNMENT_IN_PROGRESS,
 * INVALID_REPLICA_ASSIGNMENT where no in-sync replica would be left to lead.
 */
export function decideCancel(
  image: ClusterImage,
  partition: PartitionMetadata,
): ReassignmentDecision | Refusal {
  if (!isReassigning(partition)) return refuse("NO_REASSIGNMENT_IN_PROGRESS");
  const adding = partition.adding ?? [];
  const inSync = partition.inSync.filter((id) => !adding.includes(id));
  const replicas = partition.replicas.filter(({ brokerId }) => !adding.includes(brokerId));
  const { leader } = partition;
  const [successor = -1] = candidatesOf(partition, inSync, image.brokers);
  const hasLeader = leader === -1 || inSync.includes(leader) || successor !== -1;
  if (inSync.length === 0 || !hasLeader) {
    return refuse(
      "INVALID_REPLICA_ASSIGNMENT",
      "Cancelling it would leave no in-sync replica to lead.",
    );
  }
  const change: PartitionChange = {
    partition: partition.partition,
    replicas,
    ...(inSync.length < partition.inSync.length ? { inSync } : {}),
    ...(leader === -1 || inSync.includes(leader) ? {} : { leader: successor }),
  };
  return { ok: true, change: settled(partition, change, image.brokers) };
}

/**
 * The change, together with the completion of the partition's reassignment where after it all replicas that are to
 * stay are in sync and one of them can lead.
 */
export function completion(
  partition: PartitionMetadata,
  change: PartitionChange,
  brokers: Brokers,
): PartitionChange {
  const after = withChange(partition, change);
  const target = targetOf(after);
  const isDue = isReassigning(after) && target.every((id) => after.inSync.includes(id));
  const candidates = candidatesOf(after, target, brokers);
  if (!isDue || candidates.length === 0) return change;
  const stays = target.includes(after.leader);
  const { adding: _, removing: __, ...rest } = change;
  return {
    ...rest,
    replicas: after.replicas.filter(({ brokerId }) => target.includes(brokerId)),
    inSync: after.inSync.filter((id) => target.includes(id)),
    ...(stays ? {} : { leader: candidates[0]! }),
  };
}

function problemOf(
  image: ClusterImage,
  partition: PartitionMetadata,
  brokerIds: readonly number[],
): string | null {
  const present = brokerIdsOf(partition);
  const problem = replicasProblem(image, brokerIds, present);
  if (problem !== null) return problem;
  return tooManyReplicas(image, brokerIds.filter((id) => !present.includes(id)).length);
}
