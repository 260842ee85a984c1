/**
 * What replicas have confirmed since the last record: assignments that they hold, and storage that is deleted.
 * In memory until it is recorded as changes; together with the image it says what is still to be delivered.
 */
import { replicaObjectName, type ReplicaName } from "../../../base/ids.ts";
import type { ReplicaAssignment } from "../../contracts/assignment.ts";
import type { PartitionMetadata } from "../../contracts/controller.ts";
import type { Change, ReplicaKey } from "../image/changes.ts";
import { partitionOf, type ClusterImage } from "../image/cluster.ts";
import { replicaKey, replicaKeysOf, replicaOfKey, type Pending } from "../image/pending.ts";
import { assignmentOf } from "./assignments.ts";

/** One replica to which something is to be delivered: its assignment, or the deletion of its storage. */
export interface Delivery {
  readonly topicId: string;
  readonly key: ReplicaKey;
}

export class Confirmations {
  readonly #image: ClusterImage;
  /** By topic id and replica: the partition epoch of the newest assignment confirmed. */
  readonly #assigned = new Map<string, Map<ReplicaKey, number>>();
  /** Object names of replicas that have confirmed their first assignment, which may not be recorded yet. */
  readonly #initialized = new Set<string>();
  /** A replica among several of its partition has confirmed its first assignment, and that is not recorded yet. */
  #isUrgent = false;
  /** By topic id: replicas whose storage is deleted. */
  readonly #purged = new Map<string, Set<ReplicaKey>>();

  constructor(image: ClusterImage) {
    this.#image = image;
  }

  /** A replica that has confirmed once is not founded again: if its object is empty now, it has lost its storage (KIP-903). */
  assignmentOf(replica: ReplicaName): ReplicaAssignment {
    const assignment = assignmentOf(this.#image, replica);
    // rule: founded-once
    const founding = assignment.founding && !this.#initialized.has(replicaObjectName(replica));
    return { ...assignment, founding };
  }

  /** The replica has an object that took up an assignment, whichever. */
  initialized(replica: ReplicaName): void {
    const name = replicaObjectName(replica);
    const pending = this.#image.assignments.get(replica.topicId);
    if (pending?.unconfirmed.has(replicaKey(replica)) !== true) {
      this.#initialized.delete(name);
      return;
    }
    this.#initialized.add(name);
    const partition = partitionOf(this.#image, replica.topicId, replica.partition);
    this.#isUrgent ||= (partition?.replicas.length ?? 0) > 1;
  }

  /**
   * Whether to record without waiting for the end of a round: an instance that takes over would found a replica
   * again as empty whose first confirmation it does not know, and count it as in sync (KIP-903).
   */
  get isUrgent(): boolean {
    return this.#isUrgent;
  }

  /** Whether no replica of the partition has confirmed an assignment, so that none is known to have storage. */
  isUnconfirmed(topicId: string, partition: PartitionMetadata): boolean {
    const unconfirmed = this.#image.assignments.get(topicId)?.unconfirmed;
    return replicaKeysOf(partition).every(
      (key) =>
        unconfirmed?.has(key) === true &&
        !this.#initialized.has(replicaObjectName(replicaOfKey(topicId, key))),
    );
  }

  assigned({ topicId, key }: Delivery, partitionEpoch: number): void {
    const epochs = this.#assigned.get(topicId) ?? new Map<ReplicaKey, number>();
    const epoch = Math.max(partitionEpoch, epochs.get(key) ?? 0);
    this.#assigned.set(topicId, epochs.set(key, epoch));
  }

  purged({ topicId, key }: Delivery): void {
    this.#initialized.delete(replicaObjectName(replicaOfKey(topicId, key)));
    const keys = this.#purged.get(topicId) ?? new Set<ReplicaKey>();
    this.#purged.set(topicId, keys.add(key));
  }

  /** Whether the replica is no part of its partition any more, so that its storage is to be deleted. */
  isRemoved({ topicId, key }: Delivery): boolean {
    return this.#image.purges.get(topicId)?.replicas.has(key) === true;
  }

  /** Whether nothing is left to be delivered to the replica. */
  isSettled(delivery: Delivery): boolean {
    const { topicId, key } = delivery;
    if (this.isRemoved(delivery)) return this.#purged.get(topicId)?.has(key) === true;
    if (!this.#image.assignments.get(topicId)?.replicas.has(key)) return true;
    const { partition } = replicaOfKey(topicId, key);
    const epoch = this.#image.topics.get(topicId)?.partitions[partition]?.partitionEpoch;
    return this.#assigned.get(topicId)?.get(key) === epoch;
  }

  /** What is confirmed and not recorded yet, as changes to record. {@link clear} follows when they are recorded. */
  changes(): Change[] {
    const changes: Change[] = [];
    for (const [topicId, epochs] of this.#assigned) {
      const pending = this.#image.assignments.get(topicId);
      if (!pending) continue;
      const missing = this.#missing(topicId, pending);
      const founded = missing.filter((key) => pending.unconfirmed.has(key) && epochs.has(key));
      if (missing.length === pending.replicas.size && founded.length === 0) continue;
      const older = founded.length === 0 ? {} : { founded };
      changes.push({ type: "assignments-delivered", topicId, missing, ...older });
    }
    for (const topicId of this.#purged.keys()) {
      const pending = this.#image.purges.get(topicId);
      if (!pending) continue;
      const missing = this.#missing(topicId, pending);
      if (missing.length === pending.replicas.size) continue;
      changes.push({ type: "replicas-purged", topicId, missing });
    }
    return changes;
  }

  /** Everything confirmed so far is recorded, or needs no record. */
  clear(): void {
    this.#assigned.clear();
    this.#purged.clear();
    this.#isUrgent = false;
  }

  #missing(topicId: string, pending: Pending): ReplicaKey[] {
    return [...pending.replicas].filter((key) => !this.isSettled({ topicId, key }));
  }
}
