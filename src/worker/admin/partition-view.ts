/** The resource of a partition: leader, epochs, in-sync set, replicas and their offsets. */
import { refuse, type Refusal } from "../../base/errors.ts";
import type { PartitionMetadata } from "../../objects/contracts/controller.ts";
import { topicMetadata, type KnownTopic } from "../../gateway/metadata.ts";
import type { Ctx } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { named, placeOf } from "./leader.ts";
import { replicaViews, type ReplicaView } from "./replicas.ts";
import { head } from "./resources.ts";

/** A partition, and what the cluster knows of it and its topic. */
export interface FoundPartition {
  readonly ok: true;
  readonly topic: KnownTopic;
  readonly metadata: PartitionMetadata;
}

/** As the controller knows it now. UNKNOWN_TOPIC, INVALID_TOPIC_EXCEPTION, UNKNOWN_PARTITION. */
export async function findPartition(
  service: Service,
  name: string,
  partition: number,
): Promise<FoundPartition | Refusal> {
  const topic = await topicMetadata(service, name, true);
  if (!topic.ok) return topic;
  const metadata = topic.metadata.partitions[partition];
  return metadata === undefined ? refuse("UNKNOWN_PARTITION") : { ok: true, topic, metadata };
}

/** Asks every replica for its offsets; the partition's own are its leader's. */
export async function partitionView(
  c: Ctx,
  service: Service,
  topic: KnownTopic,
  metadata: PartitionMetadata,
): Promise<unknown> {
  const replicas = await replicaViews(service, topic, metadata);
  return partitionData(c, service, topic, metadata, replicas);
}

/** A partition with what is known of its replicas. */
export function partitionData(
  c: Ctx,
  service: Service,
  topic: KnownTopic,
  metadata: PartitionMetadata,
  replicas: readonly ReplicaView[],
): unknown {
  const leader = replicas.find((replica) => replica.is_leader);
  const place = placeOf(c, service, topic, metadata.partition);
  return {
    ...head("KafkaPartition", place),
    ...named(service, topic, metadata.partition),
    ...(leader !== undefined && { leader: place.related(`replicas/${leader.broker_id}`) }),
    leader_id: leader?.broker_id ?? null,
    replicas: place.related("replicas"),
    reassignment: place.related("reassignment"),
    leader_epoch: metadata.leaderEpoch,
    partition_epoch: metadata.partitionEpoch,
    in_sync_replicas: metadata.inSync,
    replica_states: replicas,
    // Null where the leader was not called or did not answer.
    log_start_offset: leader?.log_start_offset ?? null,
    high_watermark: leader?.high_watermark ?? null,
    log_end_offset: leader?.log_end_offset ?? null,
    fencing_token: leader?.fencing_token ?? null,
  };
}
