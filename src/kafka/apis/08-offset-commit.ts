/**
 * OffsetCommit (8): commits a group's offsets, in one row however many there are. Versions 2 to 4 may say how long
 * they are kept; otherwise `offsets.retention.minutes` holds (KIP-211).
 */
import { OFFSETS_RETENTION_MS_MAX } from "../../base/limits.ts";
import { codeOf, codeOfGroup, codeOfOffsetCommit, NONE } from "../errors.ts";
import { offsetsGroupIdRefusal } from "../group-names.ts";
import type { Request } from "../messages/index.ts";
import { isById } from "../named-topic.ts";
import type { Handler } from "../handler.ts";
import type { Session } from "../session.ts";
import type { OffsetToCommit } from "../../objects/contracts/offsets.ts";

export const offsetCommit: Handler<8> = async (request, { session, version }) => {
  const { groupId, memberId, groupInstanceId, generationId } = request;
  const { offsets, codes } = await offsetsOf(request, session);
  const answer = (errorCode: (at: number) => number) => {
    let at = 0;
    return {
      topics: request.topics.map(({ name, topicId, partitions }) => ({
        name,
        topicId,
        partitions: partitions.map(({ partitionIndex }) => {
          const unknown = codes[at]!;
          const code = unknown === NONE ? errorCode(at) : unknown;
          at += 1;
          return { partitionIndex, errorCode: code };
        }),
      })),
    };
  };
  const refused = offsetsGroupIdRefusal(groupId);
  if (refused !== null) return answer(() => codeOfGroup(refused));
  const known = offsets.filter((_, at) => codes[at] === NONE);
  if (known.length === 0) return answer(() => NONE);
  const committed = await session.coordinator(groupId, {}, (coordinator) =>
    coordinator.commitOffsets({
      ...{ groupId, memberId, groupInstanceId, generationId, offsets: known },
      ...retentionOf(request),
    }),
  );
  if (!committed.ok) return answer(() => codeOfOffsetCommit(committed, version));
  const errors = new Map(known.map((offset, i) => [offset, committed.errors[i] ?? null]));
  return answer((at) => {
    const error = errors.get(offsets[at]!) ?? null;
    return error === null ? NONE : codeOf(error);
  });
};

function retentionOf({ retentionTimeMs }: Request<8>): { readonly retentionMs?: number } {
  if (retentionTimeMs === undefined || retentionTimeMs < 0) return {};
  return { retentionMs: Math.min(Number(retentionTimeMs), OFFSETS_RETENTION_MS_MAX) };
}

/** All offsets of a request in order, each with what is wrong with it. */
async function offsetsOf(
  request: Request<8>,
  session: Session,
): Promise<{ readonly offsets: readonly OffsetToCommit[]; readonly codes: readonly number[] }> {
  const offsets: OffsetToCommit[] = [];
  const codes: number[] = [];
  for (const { name, topicId, partitions } of request.topics) {
    const named = { topic: name, topicId };
    const topic = await session.namedTopic(named);
    const given = isById(named) ? { isTopicIdGiven: true } : {};
    for (const partition of partitions) {
      const { partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata } =
        partition;
      offsets.push({
        topic: topic.ok ? topic.metadata.topic : name,
        partition: partitionIndex,
        offset: Number(committedOffset),
        leaderEpoch: committedLeaderEpoch,
        metadata: committedMetadata ?? "",
        ...(topic.ok && { topicId: topic.metadata.topicId, ...given }),
      });
      if (!topic.ok) codes.push(codeOfGroup(topic));
      else if (topic.metadata.partitions[partitionIndex] === undefined) {
        codes.push(codeOf("UNKNOWN_PARTITION"));
      } else codes.push(typeof committedOffset === "bigint" ? codeOf("INVALID_REQUEST") : NONE);
    }
  }
  return { offsets, codes };
}
