/**
 * DeleteTopics (20), by name or (from version 6 on) by id. The topic is gone when this answers; its storage is
 * deleted afterwards. There is no `delete.topic.enable`: whoever may call may delete.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import { NO_TOPIC_ID } from "../../base/ids.ts";
import type { TopicDeleted } from "../../objects/contracts/controller.ts";
import { forget } from "../../gateway/metadata.ts";
import { errorFields } from "../errors.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import type { Request } from "../messages/index.ts";
import type { Handler } from "../handler.ts";
import type { Session } from "../session.ts";

const BY_ID_SINCE = 6;

interface Asked {
  /** Null: by id. */
  readonly name: string | null;
  readonly topicId: string;
}

export const deleteTopics: Handler<20> = async (request, { session, version }) => {
  const asked = askedOf(request, version);
  const names = await namesById(session, asked);
  return {
    responses: await inBatches(asked, async (topic) => {
      const name = topic.name ?? ("ok" in names ? null : (names.get(topic.topicId) ?? null));
      const deleted = "ok" in names ? names : await deleteOne(session, topic, name);
      const topicId = deleted.ok ? (deleted.topicId ?? topic.topicId) : topic.topicId;
      return { name, topicId, ...errorFields(deleted) };
    }),
  };
};

function askedOf({ topics, topicNames }: Request<20>, version: number): readonly Asked[] {
  if (version >= BY_ID_SINCE) return topics;
  return topicNames.map((name) => ({ name, topicId: NO_TOPIC_ID }));
}

/** The names of the topics that are given by id; makes no call where there are none. */
async function namesById(
  session: Session,
  asked: readonly Asked[],
): Promise<ReadonlyMap<string, string> | Refusal> {
  const ids = asked.filter(({ name }) => name === null).map(({ topicId }) => topicId);
  if (ids.length === 0) return new Map();
  const cluster = await session.controller(true, (controller) => controller.metadata([], ids));
  if (!cluster.ok) return cluster;
  return new Map(cluster.topics.map(({ topicId, topic }) => [topicId, topic]));
}

async function deleteOne(
  session: Session,
  { name: given, topicId }: Asked,
  name: string | null,
): Promise<TopicDeleted | Refusal> {
  if (given !== null && topicId !== NO_TOPIC_ID) {
    return refuse("INVALID_REQUEST", "A topic is given by its name or by its id.");
  }
  if (name === null) return refuse("UNKNOWN_TOPIC_ID");
  const only = given === null ? topicId : undefined;
  const deleted = await session.controller(false, (stub) => stub.deleteTopic(name, only));
  forget(name);
  return deleted;
}
