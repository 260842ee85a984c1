/**
 * Replicas that have something to be told: which, of which topics, since when. Part of the image, so
 * that what is still to be told survives crashes. Decides nothing and calls nobody.
 */
import { assert } from "../../../base/errors.ts";
import { parseReplicaObjectName, type ReplicaName } from "../../../base/ids.ts";
import type { PartitionMetadata } from "../../contracts/controller.ts";
import type { ReplicaPlace } from "./changes.ts";

/** Replicas of one topic that have something to be told. */
export interface Pending {
  /** When the newest of it was decided, in milliseconds since the epoch. */
  sinceMs: number;
  readonly replicas: Set<ReplicaPlace>;
  /**
   * Those of them to be handled with care. Assignments: replicas that never confirmed one. Purges:
   * replicas whose last assignment was not confirmed, so that it may still be on its way.
   */
  readonly marked: Set<ReplicaPlace>;
}

/** By topic id. */
export type PendingMap = Map<string, Pending>;

export function replicaPlace(replica: Omit<ReplicaName, "topicId">): ReplicaPlace {
  return `${replica.partition}/${replica.brokerId}/${replica.generation}`;
}

export function replicaAt(topicId: string, place: ReplicaPlace): ReplicaName {
  const name = parseReplicaObjectName(`${topicId}/${place}`);
  assert(name, `not a replica: ${topicId}/${place}`);
  return name;
}

export function placesOf(partition: PartitionMetadata): ReplicaPlace[] {
  return partition.replicas.map((replica) =>
    replicaPlace({ partition: partition.partition, ...replica }),
  );
}

/** Replicas of which the object has to be told something. */
export function pendingCount(pending: ReadonlyMap<string, Pending>): number {
  let count = 0;
  for (const { replicas } of pending.values()) count += replicas.size;
  return count;
}

export function markPending(
  pending: PendingMap,
  topicId: string,
  places: readonly ReplicaPlace[],
  atMs: number,
): Pending {
  const entry = pending.get(topicId) ?? {
    sinceMs: atMs,
    replicas: new Set<ReplicaPlace>(),
    marked: new Set<ReplicaPlace>(),
  };
  entry.sinceMs = atMs;
  for (const place of places) entry.replicas.add(place);
  pending.set(topicId, entry);
  return entry;
}

/** All but the missing have been told; the `founded` of those have confirmed something older. */
export function leavePending(
  pending: PendingMap,
  topicId: string,
  missing: readonly ReplicaPlace[],
  founded: readonly ReplicaPlace[],
): void {
  const entry = pending.get(topicId);
  assert(entry, `nothing is pending for topic id ${topicId}`);
  if (missing.length === 0) {
    pending.delete(topicId);
    return;
  }
  const marked = new Set(missing.filter((place) => entry.marked.has(place)));
  for (const place of founded) marked.delete(place);
  pending.set(topicId, { sinceMs: entry.sinceMs, replicas: new Set(missing), marked });
}

/** From live to condemned: they are told to end their storage, and nothing else any more. */
export function condemn(
  image: { readonly assignments: PendingMap; readonly purges: PendingMap },
  topicId: string,
  places: readonly ReplicaPlace[],
  atMs: number,
): void {
  if (places.length === 0) return;
  const assigned = image.assignments.get(topicId);
  const { marked } = markPending(image.purges, topicId, places, atMs);
  for (const place of places) {
    if (assigned?.replicas.delete(place) !== true) continue;
    assigned.marked.delete(place);
    marked.add(place);
  }
  if (assigned?.replicas.size === 0) image.assignments.delete(topicId);
}
