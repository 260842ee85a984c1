/**
 * OffsetFetch (9): what groups have committed, as their objects tell it: of topics that are there. There are no
 * transactions to wait for (`requireStable`).
 */
import type { Refusal } from "../../base/errors.ts";
import type { CommittedOffset, TopicPartition } from "../../objects/coordinator/api.ts";
import { codeOfGroup, NONE } from "../errors.ts";
import { offsetsGroupIdRefusal } from "../group-names.ts";
import { inBatches } from "../in-batches.ts";
import type { Request, Response } from "../messages/index.ts";
import type { Handler } from "../served.ts";
import type { Session } from "../session.ts";

type AskedTopics = Request<9>["topics"];
type TopicAnswers = NonNullable<Response<9>["topics"]>;

export const offsetFetch: Handler<9> = async (request, { session, version }) => {
  if (version < 8) {
    const { groupId, topics } = request;
    return committedOf(session, groupId, topics);
  }
  const groups = await inBatches(request.groups, async ({ groupId, topics }) => ({
    groupId,
    ...(await committedOf(session, groupId, topics)),
  }));
  return { groups };
};

async function committedOf(
  session: Session,
  groupId: string,
  topics: AskedTopics,
): Promise<{ readonly errorCode: number; readonly topics: TopicAnswers }> {
  const asked = partitionsOf(topics);
  const fetched =
    offsetsGroupIdRefusal(groupId) ??
    (await session.coordinator(groupId, { repeatable: true }, (coordinator) =>
      coordinator.fetchOffsets(asked),
    ));
  if (!fetched.ok) return refused(fetched, topics ?? []);
  return { errorCode: NONE, topics: byTopic(fetched.offsets) };
}

/** Null: all. */
function partitionsOf(topics: AskedTopics): readonly TopicPartition[] | null {
  if (topics === null) return null;
  return topics.flatMap(({ name, partitionIndexes }) =>
    partitionIndexes.map((partition) => ({ topic: name, partition })),
  );
}

/** Each partition says it too: version 1 has no other place for it. */
function refused(
  refusal: Refusal,
  topics: NonNullable<AskedTopics>,
): { readonly errorCode: number; readonly topics: TopicAnswers } {
  const errorCode = codeOfGroup(refusal);
  return {
    errorCode,
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({
        partitionIndex,
        committedOffset: -1,
        metadata: "",
        errorCode,
      })),
    })),
  };
}

function byTopic(offsets: readonly CommittedOffset[]): TopicAnswers {
  const topics = new Map<string, TopicAnswers[number]["partitions"][number][]>();
  for (const { topic, partition, offset, metadata, leaderEpoch } of offsets) {
    const partitions = topics.get(topic) ?? [];
    if (partitions.length === 0) topics.set(topic, partitions);
    partitions.push({
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      metadata,
      errorCode: NONE,
    });
  }
  return [...topics].map(([name, partitions]) => ({ name, partitions }));
}
