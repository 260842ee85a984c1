/**
 * The state of a partition's replicas: what the controller knows, and what replicas or the leader say of their logs. A
 * replica that does not answer is shown as unreachable; it never fails the view.
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
  /** False: it did not answer, and its offsets are null. Null: it was not called. */
  readonly is_reachable: boolean | null;
  /** `unopened`: its object cannot be constructed, or read. Null: not known. */
  readonly storage: "sound" | "corrupt" | "lost" | "unopened" | null;
  readonly log_start_offset: number | null;
  readonly high_watermark: number | null;
  readonly log_end_offset: number | null;
  /** What a leader that was asked says is in force; empty for none. */
  readonly fencing_token?: string;
}

type Brokers = KnownTopic["brokers"];

/** What is known of a replica's log. */
type LogView = Pick<
  ReplicaView,
  | "is_reachable"
  | "storage"
  | "log_start_offset"
  | "high_watermark"
  | "log_end_offset"
  | "fencing_token"
>;

const NOT_ASKED: LogView = {
  is_reachable: null,
  storage: null,
  log_start_offset: null,
  high_watermark: null,
  log_end_offset: null,
};

/** All replicas of a partition, in order of preference, all called at the same time. */
export function replicaViews(
  service: Service,
  topic: KnownTopic,
  metadata: PartitionMetadata,
): Promise<ReplicaView[]> {
  return Promise.all(
    metadata.replicas.map(async ({ brokerId, generation }) => {
      const log = await describeReplica(service, topic, metadata.partition, brokerId);
      return viewOf(topic.brokers, metadata, { brokerId, generation }, askedLog(log));
    }),
  );
}

/** As {@link replicaViews}, from the controller's knowledge: no replica is called. */
export function knownReplicaViews(brokers: Brokers, metadata: PartitionMetadata): ReplicaView[] {
  return metadata.replicas.map((replica) => viewOf(brokers, metadata, replica, NOT_ASKED));
}

/** As {@link replicaViews} with one call: the leader knows the end of each follower's log. */
export async function replicaViewsByLeader(
  service: Service,
  topic: KnownTopic,
  metadata: PartitionMetadata,
): Promise<ReplicaView[]> {
  const { leader, partition } = metadata;
  const { brokers } = topic;
  if (leader < 0) return knownReplicaViews(brokers, metadata);
  const log = await describeReplica(service, topic, partition, leader);
  const followers = new Map(
    (log.ok ? log.followers : []).map(({ brokerId, endOffset }) => [brokerId, endOffset]),
  );
  return metadata.replicas.map((replica) => {
    if (replica.brokerId === leader) return viewOf(brokers, metadata, replica, askedLog(log));
    const end = followers.get(replica.brokerId) ?? -1;
    return viewOf(brokers, metadata, replica, {
      ...NOT_ASKED,
      log_end_offset: end < 0 ? null : end,
    });
  });
}

function viewOf(
  brokers: Brokers,
  { leader, inSync, adding = [], removing = [] }: PartitionMetadata,
  { brokerId, generation }: PartitionMetadata["replicas"][number],
  log: LogView,
): ReplicaView {
  return {
    broker_id: brokerId,
    generation,
    is_leader: brokerId === leader,
    is_in_sync: inSync.includes(brokerId),
    is_fenced: brokers.get(brokerId)?.state === "fenced",
    is_adding: adding.includes(brokerId),
    is_removing: removing.includes(brokerId),
    ...log,
  };
}

function askedLog(log: ReplicaDescription | Refusal): LogView {
  return {
    is_reachable: log.ok,
    storage: storageOf(log),
    log_start_offset: log.ok ? log.logStartOffset : null,
    high_watermark: log.ok ? log.highWatermark : null,
    log_end_offset: log.ok ? log.logEndOffset : null,
    ...(log.ok && log.fencingToken !== undefined && { fencing_token: log.fencingToken }),
  };
}

/** The state of a replica's storage, from its description. */
export function storageOf(log: ReplicaDescription | Refusal): ReplicaView["storage"] {
  if (log.ok) return log.storage ?? null;
  return log.error === "STORAGE_LOST" || isUnopening(log) ? "unopened" : null;
}

/** As Kafka counts: a replica that a reassignment adds is not missed before it is in sync. */
export function isUnderReplicated({ replicas, inSync, adding }: PartitionMetadata): boolean {
  return inSync.length < replicas.length - (adding?.length ?? 0);
}

/** Counts the partitions that lack replicas or a leader. */
export function healthCounts(partitions: readonly PartitionMetadata[]): {
  readonly under_replicated_partitions: number;
  readonly offline_partitions: number;
} {
  return {
    under_replicated_partitions: partitions.filter(isUnderReplicated).length,
    offline_partitions: partitions.filter(({ leader }) => leader < 0).length,
  };
}
