/**
 * How the replicas of a partition stand: what the cluster knows of them, and what each says of its
 * log. A replica that cannot be asked is shown as such; it never fails the view.
 */
import type { Refusal } from "../../base/errors.ts";
import type { PartitionMetadata } from "../../objects/contracts/controller.ts";
import type { ReplicaDescription } from "../../objects/contracts/partition.ts";
import type { KnownTopic } from "../../gateway/metadata.ts";
import { isUnopening } from "../../gateway/objects.ts";
import { describeReplica } from "../../gateway/replicas.ts";
import type { Service } from "../../gateway/service.ts";

/** The fields of one replica in every view of it. */
export interface ReplicaView {
  readonly broker_id: number;
  readonly generation: number;
  readonly is_leader: boolean;
  readonly is_in_sync: boolean;
  readonly is_fenced: boolean;
  readonly is_adding: boolean;
  readonly is_removing: boolean;
  /** False: it could not be asked, and its offsets are null. */
  readonly is_reachable: boolean;
  /** `unopened`: its object cannot be constructed, or read. Null: not known. */
  readonly storage: "sound" | "corrupt" | "lost" | "unopened" | null;
  readonly log_start_offset: number | null;
  readonly high_watermark: number | null;
  readonly log_end_offset: number | null;
}

/** All replicas of a partition, in order of preference, each asked at the same time. */
export async function replicaViews(
  service: Service,
  topic: KnownTopic,
  metadata: PartitionMetadata,
): Promise<ReplicaView[]> {
  const { leader, inSync, adding = [], removing = [] } = metadata;
  const ask = async (brokerId: number, generation: number): Promise<ReplicaView> => {
    const log = await describeReplica(service, topic, metadata.partition, brokerId);
    return {
      broker_id: brokerId,
      generation,
      is_leader: brokerId === leader,
      is_in_sync: inSync.includes(brokerId),
      is_fenced: topic.brokers.get(brokerId)?.state === "fenced",
      is_adding: adding.includes(brokerId),
      is_removing: removing.includes(brokerId),
      is_reachable: log.ok,
      storage: storageOf(log),
      log_start_offset: log.ok ? log.logStartOffset : null,
      high_watermark: log.ok ? log.highWatermark : null,
      log_end_offset: log.ok ? log.logEndOffset : null,
    };
  };
  return Promise.all(
    metadata.replicas.map(({ brokerId, generation }) => ask(brokerId, generation)),
  );
}

/** Of a replica, by what it was described with. */
export function storageOf(log: ReplicaDescription | Refusal): ReplicaView["storage"] {
  if (log.ok) return log.storage ?? null;
  return log.error === "STORAGE_LOST" || isUnopening(log) ? "unopened" : null;
}

/** As Kafka counts: a replica that a reassignment adds is not missed before it is in sync. */
export function isUnderReplicated({ replicas, inSync, adding }: PartitionMetadata): boolean {
  return inSync.length < replicas.length - (adding?.length ?? 0);
}

/** How many partitions lack replicas, or a leader. */
export function healthCounts(partitions: readonly PartitionMetadata[]): {
  readonly under_replicated_partitions: number;
  readonly offline_partitions: number;
} {
  return {
    under_replicated_partitions: partitions.filter(isUnderReplicated).length,
    offline_partitions: partitions.filter(({ leader }) => leader < 0).length,
  };
}
