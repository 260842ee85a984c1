/**
 * OffsetFetch (9): the offsets that groups have committed, for topics that exist. From version 10 on topics are named
 * by their ids (KIP-516). There are no transactions to wait for (`requireStable`), and no members of the consumer
 * protocol, whose epochs came with version 9.
 */
import type { Refusal } from "../../base/errors.ts";
import { NO_TOPIC_ID } from "../../base/ids.ts";
import { codeOf, codeOfGroup, NONE } from "../errors.ts";
import { offsetsGroupIdRefusal } from "../group-names.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import type { Request, Response } from "../messages/index.ts";
import type { Handler } from "../handler.ts";
import type { Session } from "../session.ts";
import type { CommittedOffset } from "../../objects/contracts/offsets.ts";

const GROUPS_SINCE = 8;
const BY_ID_SINCE = 10;

interface AskedTopic {
  readonly name: string;
  readonly topicId: string;
  readonly partitionIndexes: readonly number[];
  /** A topic was asked for by an id that no topic has. */
  readonly error: number;
}

type GroupAnswer = NonNullable<Response<9>["groups"]>[number];
type PartitionAnswer = GroupAnswer["topics"][number]["partitions"][number];

interface Answered {
  readonly errorCode: number;
  readonly topics: readonly {
    readonly name: string;
    readonly topicId: string;
    readonly partitions: readonly PartitionAnswer[];
  }[];
}

export const offsetFetch: Handler<9> = async (request, { session, version }) => {
  if (version < GROUPS_SINCE) {
    const { groupId, topics } = request;
    const asked = topics?.map((topic) => ({ ...topic, topicId: NO_TOPIC_ID, error: NONE }));
    return committedOf(session, groupId, asked ?? null);
  }
  const groups = await inBatches(request.groups, async ({ groupId, topics }) => {
    const asked = topics === null ? null : await named(session, topics, version);
    return { groupId, ...(await committedOf(session, groupId, asked)) };
  });
  return { groups };
};

/** Adds the names of topics that are asked for by their ids. */
async function named(
  session: Session,
  topics: NonNullable<Request<9>["groups"][number]["topics"]>,
  version: number,
): Promise<readonly AskedTopic[]> {
  const asked: AskedTopic[] = [];
  for (const topic of topics) {
    const { name, topicId } = topic;
    const known = version < BY_ID_SINCE ? null : await session.namedTopic({ topic: name, topicId });
    if (known === null) asked.push({ ...topic, error: NONE });
    else if (known.ok) asked.push({ ...topic, name: known.metadata.topic, error: NONE });
    else asked.push({ ...topic, error: codeOfGroup(known) });
  }
  return asked;
}

/** `topics`: null for all. */
async function committedOf(
  session: Session,
  groupId: string,
  topics: readonly AskedTopic[] | null,
): Promise<Answered> {
  const known = topics?.filter(({ error }) => error === NONE) ?? null;
  const asked =
    known?.flatMap(({ name: topic, partitionIndexes }) =>
      partitionIndexes.map((partition) => ({ topic, partition })),
    ) ?? null;
  const fetched =
    offsetsGroupIdRefusal(groupId) ??
    (await session.coordinator(groupId, { repeatable: true }, (coordinator) =>
      coordinator.fetchOffsets(asked),
    ));
  if (!fetched.ok) return refused(fetched, topics ?? []);
  if (topics === null) return { errorCode: NONE, topics: await all(session, fetched.offsets) };
  let at = 0;
  const answers = topics.map(({ name, topicId, partitionIndexes, error }) => ({
    name,
    topicId,
    partitions: partitionIndexes.map((index) =>
      error === NONE ? partitionOf(fetched.offsets[at++]!, topicId) : nothing(index, error),
    ),
  }));
  return { errorCode: NONE, topics: answers };
}

/** Reported for each partition too: version 1 has no other field for it. */
function refused(refusal: Refusal, topics: readonly AskedTopic[]): Answered {
  const errorCode = codeOfGroup(refusal);
  return {
    errorCode,
    topics: topics.map(({ name, topicId, partitionIndexes }) => ({
      name,
      topicId,
      partitions: partitionIndexes.map((index) => nothing(index, errorCode)),
    })),
  };
}

function nothing(partitionIndex: number, errorCode: number): PartitionAnswer {
  return { partitionIndex, committedOffset: -1, metadata: "", errorCode };
}

/** For a topic that is asked for by its id, commits for another topic of the same name are left out. */
function partitionOf(committed: CommittedOffset, asked: string): PartitionAnswer {
  const { partition, offset, leaderEpoch, metadata, topicId = asked } = committed;
  if (asked !== NO_TOPIC_ID && topicId !== asked) {
    return nothing(partition, codeOf("UNKNOWN_TOPIC_ID"));
  }
  return {
    partitionIndex: partition,
    committedOffset: offset,
    committedLeaderEpoch: leaderEpoch,
    metadata,
    errorCode: NONE,
  };
}

async function all(
  session: Session,
  offsets: readonly CommittedOffset[],
): Promise<Answered["topics"]> {
  const topics = new Map<string, { topicId: string; partitions: PartitionAnswer[] }>();
  for (const committed of offsets) {
    const { topic } = committed;
    const found = topics.get(topic);
    const answer = partitionOf(committed, NO_TOPIC_ID);
    if (found) found.partitions.push(answer);
    else topics.set(topic, { topicId: await idOf(session, committed), partitions: [answer] });
  }
  return [...topics].map(([name, { topicId, partitions }]) => ({ name, topicId, partitions }));
}

/** Commits of older versions of this service do not have the topic's id. */
async function idOf(session: Session, { topic, topicId }: CommittedOffset): Promise<string> {
  if (topicId !== undefined) return topicId;
  const known = await session.topic(topic);
  return known.ok ? known.metadata.topicId : NO_TOPIC_ID;
}
