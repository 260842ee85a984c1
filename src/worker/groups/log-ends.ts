/** Looking up points of many partitions' logs, so many at a time. */
import { refuse, type Refusal } from "../../base/errors.ts";
import type { ListedOffset, OffsetSpec } from "../../objects/contracts/partition.ts";
import { callPartition, SHORT_CALL } from "../../gateway/calls.ts";
import { topicMetadata, type KnownTopic } from "../../gateway/metadata.ts";
import type { Service } from "../../gateway/service.ts";
import type { TopicPartition } from "../../objects/contracts/offsets.ts";

/** Partitions that one request may ask about: each is up to three calls of its leader. */
export const PARTITIONS_MAX = 2_000;
const ASKED_AT_ONCE = 50;

/** The topics by name, each looked up once: what is known of it, or why nothing is. */
export async function topicsOf(
  service: Service,
  partitions: readonly { readonly topic: string }[],
): Promise<Map<string, KnownTopic | Refusal>> {
  const topics = new Map<string, KnownTopic | Refusal>();
  for (const { topic } of partitions) {
    if (!topics.has(topic)) topics.set(topic, await topicMetadata(service, topic, true));
  }
  return topics;
}

/** What the leaders answer, in the order of the partitions. A refusal stands for its partition alone. */
export async function listOffsets(
  service: Service,
  topics: ReadonlyMap<string, KnownTopic | Refusal>,
  partitions: readonly TopicPartition[],
  spec: OffsetSpec,
): Promise<(ListedOffset | Refusal)[]> {
  const ask = async ({ topic, partition }: TopicPartition): Promise<ListedOffset | Refusal> => {
    const known = topics.get(topic) ?? refuse("UNKNOWN_TOPIC");
    if (!known.ok) return known;
    return callPartition(service, known, partition, SHORT_CALL, (stub) => stub.listOffset(spec));
  };
  const found: (ListedOffset | Refusal)[] = [];
  for (let from = 0; from < partitions.length; from += ASKED_AT_ONCE) {
    found.push(...(await Promise.all(partitions.slice(from, from + ASKED_AT_ONCE).map(ask))));
  }
  return found;
}
