/**
 * What is still to be delivered to replicas: to which, of which topics, since when. Part of the image, so that it
 * survives crashes. Decides nothing and calls nobody.
 */
import { assert } from "../../../base/errors.ts";
import { parseReplicaObjectName, type ReplicaName } from "../../../base/ids.ts";
import type { PartitionMetadata } from "../../contracts/controller.ts";
import type { ReplicaKey } from "./changes.ts";

/** Replicas of one topic to which something is to be delivered. */
export interface Pending {
  /** When the newest of it was decided, in milliseconds since the epoch. */
  sinceMs: number;
  readonly replicas: Set<ReplicaKey>;
  /**
   * Those of `replicas` that need care. Assignments: replicas that have never confirmed one, so that they are
   * founded empty. Purges: replicas whose last assignment was not confirmed, so that it may still be on its way.
   */
  readonly unconfirmed: Set<ReplicaKey>;
}

/** By topic id. */
export type PendingMap = Map<string, Pending>;

export function replicaKey(replica: Omit<ReplicaName, "topicId">): ReplicaKey {
  return `${replica.partition}/${replica.brokerId}/${replica.generation}`;
}

export function replicaOfKey(topicId: string, key: ReplicaKey): ReplicaName {
  const name = parseReplicaObjectName(`${topicId}/${key}`);
  assert(name, `not a replica: ${topicId}/${key}`);
  return name;
}

/** The replicas that have, or may have, storage: none while the partition is not founded. */
export function replicaKeysOf(partition: PartitionMetadata): ReplicaKey[] {
  // rule: unfounded-partitions-are-told-nothing
  if (partition.unfounded) return [];
  return partition.replicas.map((replica) =>
    replicaKey({ partition: partition.partition, ...replica }),
  );
}

/** Number of replicas to which something is to be delivered. */
export function pendingCount(pending: ReadonlyMap<string, Pending>): number {
  let count = 0;
  for (const { replicas } of pending.values()) count += replicas.size;
  return count;
}

/** Something is to be delivered to the replicas. */
export function markPending(
  pending: PendingMap,
  topicId: string,
  keys: readonly ReplicaKey[],
  atMs: number,
): Pending {
  const entry = pending.get(topicId) ?? {
    sinceMs: atMs,
    replicas: new Set<ReplicaKey>(),
    unconfirmed: new Set<ReplicaKey>(),
  };
  if (keys.length === 0) return entry;
  entry.sinceMs = atMs;
  for (const key of keys) entry.replicas.add(key);
  pending.set(topicId, entry);
  return entry;
}

/** The replicas are new: they have never confirmed an assignment. */
export function markPendingNew(
  pending: PendingMap,
  topicId: string,
  keys: readonly ReplicaKey[],
  atMs: number,
): void {
  const { unconfirmed } = markPending(pending, topicId, keys, atMs);
  for (const key of keys) unconfirmed.add(key);
}

/** All but the missing have confirmed what is newest; the `founded` among the missing have confirmed something older. */
export function leavePending(
  pending: PendingMap,
  topicId: string,
  missing: readonly ReplicaKey[],
  founded: readonly ReplicaKey[],
): void {
  const entry = pending.get(topicId);
  assert(entry, `nothing is pending for topic id ${topicId}`);
  if (missing.length === 0) {
    pending.delete(topicId);
    return;
  }
  const unconfirmed = new Set(missing.filter((key) => entry.unconfirmed.has(key)));
  for (const key of founded) unconfirmed.delete(key);
  pending.set(topicId, { sinceMs: entry.sinceMs, replicas: new Set(missing), unconfirmed });
}

/** The replicas are removed: from now on only the deletion of their storage is delivered to them. */
export function markRemoved(
  image: { readonly assignments: PendingMap; readonly purges: PendingMap },
  topicId: string,
  keys: readonly ReplicaKey[],
  atMs: number,
): void {
  if (keys.length === 0) return;
  const assigned = image.assignments.get(topicId);
  const { unconfirmed } = markPending(image.purges, topicId, keys, atMs);
  for (const key of keys) {
    if (assigned?.replicas.delete(key) !== true) continue;
    assigned.unconfirmed.delete(key);
    unconfirmed.add(key);
  }
  if (assigned?.replicas.size === 0) image.assignments.delete(topicId);
}
