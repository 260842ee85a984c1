/** Shared by the routes of a partition: its URL and name, and calling its leader. */
import type { Refusal } from "../../base/errors.ts";
import type { ListedOffset } from "../../objects/contracts/partition.ts";
import { listOffset } from "../../gateway/list-offset.ts";
import type { KnownTopic } from "../../gateway/metadata.ts";
import type { Ctx } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { topicPlace, type Place } from "./resources.ts";

/** The path of one partition. */
export const P = "/v3/clusters/{cluster_id}/topics/{topic}/partitions/{partition_id}";

/** Where a partition begins, and the offset that the next readable record will have. */
export interface PartitionEnds {
  readonly ok: true;
  readonly earliest: number;
  readonly latest: number;
}

/** The first offset, and the end of what readers may see. */
export async function partitionEnds(
  service: Service,
  topic: KnownTopic,
  partition: number,
): Promise<PartitionEnds | Refusal> {
  const list = (at: "earliest" | "latest"): Promise<ListedOffset | Refusal> =>
    listOffset(service, topic, partition, { at });
  const latest = await list("latest");
  if (!latest.ok) return latest;
  if (latest.logStartOffset !== undefined) {
    return { ok: true, earliest: latest.logStartOffset, latest: latest.offset };
  }
  // The object runs older code during a deploy, which answers without logStartOffset.
  const earliest = await list("earliest");
  return earliest.ok ? { ok: true, earliest: earliest.offset, latest: latest.offset } : earliest;
}

export function placeOf(c: Ctx, service: Service, topic: KnownTopic, partition: number): Place {
  return topicPlace(c, service, topic.metadata.topic).item("partitions", "partition", partition);
}

/** The first fields of every resource of a partition. */
export function named(
  service: Service,
  topic: KnownTopic,
  partition: number,
): Record<string, unknown> {
  return {
    cluster_id: service.clusterId,
    topic_name: topic.metadata.topic,
    partition_id: partition,
  };
}

export const NOT_THERE = [
  "UNKNOWN_TOPIC",
  "INVALID_TOPIC_EXCEPTION",
  "UNKNOWN_TOPIC_OR_PARTITION",
] as const;

/** Errors of calls to a partition's leader. */
export const LEADER = [
  "LEADER_NOT_AVAILABLE",
  "OFFSET_NOT_AVAILABLE",
  "NOT_LEADER_OR_FOLLOWER",
  "REPLICA_NOT_AVAILABLE",
  "REQUEST_TIMED_OUT",
  "THROTTLING_QUOTA_EXCEEDED",
  "KAFKA_STORAGE_ERROR",
  "STORAGE_LOST",
] as const;
