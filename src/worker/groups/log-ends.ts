/** Looks up offsets of many partitions, a bounded number at a time. */
import { refuse, type Refusal } from "../../base/errors.ts";
import { topicNameProblem } from "../../base/ids.ts";
import type { ListedOffset, OffsetSpec } from "../../objects/contracts/partition.ts";
import { listOffset } from "../../gateway/list-offset.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import { unkeptTopic, type KnownTopic } from "../../gateway/metadata.ts";
import { callController } from "../../gateway/objects.ts";
import type { Service } from "../../gateway/service.ts";
import type { TopicPartition } from "../../objects/contracts/offsets.ts";

/** Partitions that one request may ask about: each is up to three calls of its leader. */
export const PARTITIONS_MAX = 2_000;

/** The topics by name, with one call of the controller: the metadata of each, or why there is none. */
export async function topicsOf(
  service: Service,
  partitions: readonly { readonly topic: string }[],
): Promise<Map<string, KnownTopic | Refusal>> {
  const names = [...new Set(partitions.map(({ topic }) => topic))];
  const asked = names.filter((name) => topicNameProblem(name) === null);
  if (names.length === 0) return new Map();
  const cluster = await callController(service, true, (controller) => controller.metadata(asked));
  const found = new Map(cluster.ok ? cluster.topics.map((topic) => [topic.topic, topic]) : []);
  const known = (name: string): KnownTopic | Refusal => {
    const problem = topicNameProblem(name);
    if (problem !== null) return refuse("INVALID_TOPIC_EXCEPTION", problem);
    if (!cluster.ok) return cluster;
    const topic = found.get(name);
    return topic === undefined ? refuse("UNKNOWN_TOPIC") : unkeptTopic(service, cluster, topic);
  };
  return new Map(names.map((name) => [name, known(name)]));
}

/** The leaders' answers, in the order of the partitions. A refusal concerns its partition only. */
export async function listOffsets(
  service: Service,
  topics: ReadonlyMap<string, KnownTopic | Refusal>,
  partitions: readonly TopicPartition[],
  spec: OffsetSpec,
): Promise<(ListedOffset | Refusal)[]> {
  const ask = async ({ topic, partition }: TopicPartition): Promise<ListedOffset | Refusal> => {
    const known = topics.get(topic) ?? refuse("UNKNOWN_TOPIC");
    if (!known.ok) return known;
    return listOffset(service, known, partition, spec, true);
  };
  return inBatches(partitions, ask);
}
