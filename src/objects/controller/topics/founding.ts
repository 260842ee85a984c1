/**
 * Founding of partitions at their first use. Creating a topic takes one row of the controller's record, whatever its
 * number of partitions; a replica's object gets storage only when its partition is first used. Pure.
 */
import { refuse, type Refusal } from "../../../base/errors.ts";
import type { PartitionMetadata, PartitionsAnswer } from "../../contracts/controller.ts";
import type { ClusterImage } from "../image/cluster.ts";

/** The partitions among these that are not founded yet. Errors: those of {@link describePartitions}. */
export function decideFound(
  image: ClusterImage,
  topicId: string,
  partitions: readonly number[],
): { readonly ok: true; readonly partitions: readonly number[] } | Refusal {
  const found = describePartitions(image, topicId, [...new Set(partitions)]);
  if (!found.ok) return found;
  const unfounded: number[] = [];
  for (const one of found.partitions) {
    // rule: founded-partitions-are-not-founded-again
    if (one.unfounded) unfounded.push(one.partition);
  }
  return { ok: true, partitions: unfounded };
}

/** The partitions as the image has them, in the order of their numbers as given. Errors: UNKNOWN_TOPIC_ID, UNKNOWN_PARTITION. */
export function describePartitions(
  image: ClusterImage,
  topicId: string,
  partitions: readonly number[],
): PartitionsAnswer | Refusal {
  const topic = image.topics.get(topicId);
  if (!topic) return refuse("UNKNOWN_TOPIC_ID");
  const found: PartitionMetadata[] = [];
  for (const partition of partitions) {
    const one = topic.partitions[partition];
    if (!one) return refuse("UNKNOWN_PARTITION");
    found.push(one);
  }
  return { ok: true, partitions: found };
}
