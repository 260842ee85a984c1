/**
 * CreateTopics (19). Each topic has its own outcome.
 *
 * Deviations from Kafka: a setting whose value is null has its default. Whatever timeout is given, the answer comes
 * when all replicas have been told, but after five seconds at the latest: the topic is recorded by then, as it is
 * when Kafka answers, and the remaining replicas follow.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import type { TopicAnswer, TopicMetadata } from "../../objects/contracts/controller.ts";
import { forget } from "../../gateway/metadata.ts";
import { errorFields } from "../errors.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import type { Request, Response } from "../messages/index.ts";
import type { Handler } from "../handler.ts";
import type { Session } from "../session.ts";
import { topicConfigEntries } from "../config-entries.ts";

/**
 * Clients give up on a request after ten seconds or more: a topic that is recorded must not be reported as failed.
 */
const TOLD_MS_MAX = 5_000;

type Asked = Request<19>["topics"][number];
type Created = Response<19>["topics"][number];

export const createTopics: Handler<19> = async ({ topics, validateOnly }, { session }) => {
  const untilMs = Date.now() + TOLD_MS_MAX;
  const times = new Map<string, number>();
  for (const { name } of topics) times.set(name, (times.get(name) ?? 0) + 1);
  const once = [...new Map(topics.map((topic) => [topic.name, topic])).values()];
  const answers = await inBatches(once, async (asked) => {
    const created =
      times.get(asked.name) === 1
        ? await create(session, asked, validateOnly, untilMs)
        : refuse("INVALID_REQUEST", "The topic is named more than once.");
    return answer(session, asked.name, created, validateOnly);
  });
  return { topics: answers };
};

async function create(
  session: Session,
  asked: Asked,
  validateOnly: boolean,
  untilMs: number,
): Promise<TopicAnswer | Refusal> {
  const { name: topic, numPartitions, replicationFactor, assignments } = asked;
  const byHand = assignments.length > 0 ? inOrder(assignments) : null;
  if (byHand !== null && "ok" in byHand) return byHand;
  const configs: Record<string, string> = {};
  for (const { name, value } of asked.configs) {
    if (Object.hasOwn(configs, name)) {
      return refuse("INVALID_REQUEST", "A setting is named more than once.");
    }
    if (value !== null) configs[name] = value;
  }
  const created = await session.controller(false, (controller) =>
    controller.createTopic({
      topic,
      ...(byHand !== null && { assignments: byHand }),
      ...(numPartitions !== -1 && { partitions: numPartitions }),
      ...(replicationFactor !== -1 && { replicationFactor }),
      configs,
      validateOnly,
      atFirstUse: true,
      waitMs: Math.max(0, untilMs - Date.now()),
    }),
  );
  forget(topic);
  return created;
}

/** Broker ids by partition. INVALID_REPLICA_ASSIGNMENT where partitions are missing or named twice. */
function inOrder(assignments: Asked["assignments"]): readonly (readonly number[])[] | Refusal {
  const sorted = assignments.toSorted((a, b) => a.partitionIndex - b.partitionIndex);
  return sorted.every(({ partitionIndex }, index) => partitionIndex === index)
    ? sorted.map(({ brokerIds }) => brokerIds)
    : refuse("INVALID_REPLICA_ASSIGNMENT", "Partitions are numbered from 0 on, each given once.");
}

function answer(
  session: Session,
  name: string,
  created: { readonly ok: true; readonly topic: TopicMetadata } | Refusal,
  validateOnly: boolean,
): Created {
  if (!created.ok) return { name, ...errorFields(created) };
  const { topic } = created;
  return {
    name,
    ...errorFields(created),
    // A topic that was only validated has no id.
    ...(!validateOnly && { topicId: topic.topicId }),
    numPartitions: topic.partitions.length,
    replicationFactor: topic.partitions[0]?.replicas.length ?? 0,
    configs: topicConfigEntries(session.service, topic, null),
  };
}
