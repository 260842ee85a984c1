/**
 * Replica assignments from requests: for new topics, new partitions, and reassignments. Decides only whether they are
 * legal, as Kafka does; problems are answered with INVALID_REPLICA_ASSIGNMENT.
 */
import { refuse, type Refusal } from "../../../base/errors.ts";
import { CLUSTER_REPLICAS_MAX, REPLICATION_FACTOR_MAX } from "../../../base/limits.ts";
import type { NewPartition } from "../image/changes.ts";
import { isActive, type ClusterImage } from "../image/cluster.ts";
import { pendingCount } from "../image/pending.ts";

/**
 * What is wrong with the replicas of one partition, the preferred leader first; null when nothing is. Those in
 * `present` exist already; others need an active broker.
 */
export function replicasProblem(
  image: ClusterImage,
  brokerIds: readonly number[],
  present: readonly number[],
): string | null {
  const isList = Array.isArray(brokerIds) && brokerIds.length > 0;
  if (!isList || brokerIds.length > REPLICATION_FACTOR_MAX) {
    return `A partition has 1 to ${REPLICATION_FACTOR_MAX} replicas.`;
  }
  if (new Set(brokerIds).size !== brokerIds.length) return "A broker is named twice.";
  for (const id of brokerIds.filter((one) => !present.includes(one))) {
    const broker = image.brokers.get(id);
    if (!broker) return "A broker does not exist.";
    if (!isActive(broker)) return `Broker ${id} is ${broker.state}.`;
  }
  return null;
}

/** Null where so many more replicas are allowed. Removed replicas count until their storage is deleted. */
export function tooManyReplicas(image: ClusterImage, added: number): string | null {
  const held = image.replicaCount + pendingCount(image.purges);
  return held + added > CLUSTER_REPLICAS_MAX
    ? `The cluster would have more than ${CLUSTER_REPLICAS_MAX} replicas.`
    : null;
}

/**
 * New partitions as they were given, in order. All must have as many replicas as the first one, or as
 * `replicationFactor` where the topic has partitions already. INVALID_REPLICA_ASSIGNMENT, INVALID_PARTITIONS.
 */
export function placeByHand(
  image: ClusterImage,
  assignments: readonly NewPartition[],
  replicationFactor?: number,
): { readonly ok: true; readonly partitions: readonly NewPartition[] } | Refusal {
  const factor = replicationFactor ?? assignments[0]?.length ?? 0;
  for (const brokerIds of assignments) {
    const problem = replicasProblem(image, brokerIds, []);
    if (problem !== null) return refuse("INVALID_REPLICA_ASSIGNMENT", problem);
    if (brokerIds.length !== factor) {
      return refuse(
        "INVALID_REPLICA_ASSIGNMENT",
        `A partition is given ${brokerIds.length} replicas where others have ${factor}.`,
      );
    }
  }
  const tooMany = tooManyReplicas(image, assignments.length * factor);
  if (tooMany !== null) return refuse("INVALID_PARTITIONS", tooMany);
  return { ok: true, partitions: assignments.map((brokerIds) => [...brokerIds]) };
}
