/**
 * Partitions are given their storage when they are first used: whoever calls one that its metadata says is not
 * founded asks the controller to found it first. Such metadata may be old, in which case the controller changes nothing.
 */
import type { PartitionMetadata } from "../objects/contracts/controller.ts";
import { learnPartition, type KnownTopic } from "./metadata.ts";
import { callController } from "./objects.ts";
import type { Service } from "./service.ts";

/**
 * The topic with the partition founded. Where that could not be done the topic as it was: the call of its leader
 * fails then, and recovers as from any other loss.
 */
export async function foundPartition(
  service: Service,
  topic: KnownTopic,
  partition: number,
): Promise<KnownTopic> {
  const { topicId } = topic.metadata;
  // Idempotent: what is founded stays so.
  const answer = await callController(service, true, (controller) =>
    controller.foundPartitions(topicId, [partition]),
  );
  const founded = answer.ok ? answer.partitions[0] : undefined;
  return founded === undefined ? topic : learnPartition(topic, founded);
}

/**
 * A partition as the controller knows it now, for callers whose metadata, which may be old, says that nobody has used
 * it. Null where the controller cannot tell.
 */
export async function currentPartition(
  service: Service,
  topic: KnownTopic,
  partition: number,
): Promise<PartitionMetadata | null> {
  const { topicId } = topic.metadata;
  const answer = await callController(service, true, (controller) =>
    controller.describePartitions(topicId, [partition]),
  );
  const now = answer.ok ? answer.partitions[0] : undefined;
  if (now === undefined) return null;
  learnPartition(topic, now);
  return now;
}
