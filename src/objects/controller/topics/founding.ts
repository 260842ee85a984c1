/**
 * Founding of partitions at their first use. A topic is a row of the controller's record, whatever its number of
 * partitions; an object with storage is made for each replica only when somebody uses its partition. Pure.
 */
import { refuse, type Refusal } from "../../../base/errors.ts";
import type { PartitionMetadata, PartitionsAnswer } from "../../contracts/controller.ts";
import type { ClusterImage } from "../image/cluster.ts";

/** Those of the partitions that are not founded. Errors: as {@link describePartitions}. */
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

/** Errors: UNKNOWN_TOPIC_ID, UNKNOWN_PARTITION. */
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
