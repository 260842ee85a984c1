/**
 * Decisions about replicas whose storage cannot be opened any more. It cannot be overwritten either, so such a replica
 * is replaced by another object on the same broker, of the next generation, which begins empty and copies the log; the old one is removed like one that was moved away. Whether the failure has lasted long enough is for
 * unopened.ts to say.
 */
import type { ReplicaName } from "../../../base/ids.ts";
import { isLive } from "../delivery/assignments.ts";
import type { PartitionChange } from "../image/changes.ts";
import { partitionOf, type ClusterImage } from "../image/cluster.ts";
import { isFenced } from "./elections.ts";
import { decideReset } from "./in-sync.ts";
import { replicaKey } from "../image/pending.ts";

/** Null: nothing is to be done, or nothing can be. A follower that is in sync leaves the set first. */
export function decideRenewal(image: ClusterImage, replica: ReplicaName): PartitionChange | null {
  const { topicId, brokerId, generation } = replica;
  const partition = partitionOf(image, topicId, replica.partition);
  if (!partition || !isLive(image, replica) || isFenced(image.brokers, brokerId)) return null;
  // A leader is examined when calls to it fail: see leaders.ts.
  if (partition.leader === -1 || partition.leader === brokerId) return null;
  const { inSync, adding, removing } = partition;
  // rule: the-last-copy-is-not-given-up
  if (inSync.includes(brokerId)) return decideReset(image, replica);
  if (removing?.includes(brokerId)) return null;
  // One that has never confirmed an assignment has no log, and another object would not open either.
  if (image.assignments.get(topicId)?.unconfirmed.has(replicaKey(replica))) return null;
  const replicas = partition.replicas.map((one) =>
    one.brokerId === brokerId ? { brokerId, generation: generation + 1 } : one,
  );
  return {
    partition: partition.partition,
    replicas,
    ...(adding ? { adding } : {}),
    ...(removing ? { removing } : {}),
  };
}
