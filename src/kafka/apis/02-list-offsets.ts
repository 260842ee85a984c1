/**
 * ListOffsets (2): where a partition begins (-2) and ends (-1), where its newest timestamp is (-3, KIP-734),
 * or the first record at or after a time. The end is the high watermark, or the last stable offset for
 * readers of committed records; Kafka's followers' question for the log's end is not answered to clients.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import type { ListedOffset, OffsetSpec } from "../../objects/partition/api.ts";
import type { KnownTopic } from "../../worker/metadata.ts";
import { codeOfRefusal, NONE } from "../errors.ts";
import { checkPartitions } from "../leader-epochs.ts";
import type { Request, Response } from "../messages/index.ts";
import { inBatches } from "../in-batches.ts";
import type { Handler } from "../served.ts";
import type { Session } from "../session.ts";

type Asked = Request<2>["topics"][number]["partitions"][number];
type Answer = Response<2>["topics"][number]["partitions"][number];

export const listOffsets: Handler<2> = async ({ topics, isolationLevel }, { session }) => {
  const answers = [];
  for (const { name, partitions } of topics) {
    const named = partitions.map(({ partitionIndex, currentLeaderEpoch }) => ({
      partition: partitionIndex,
      epoch: currentLeaderEpoch,
    }));
    const checked = await checkPartitions(session, name, named);
    const indexed = partitions.map((asked, i) => ({
      asked,
      refusal: checked.ok ? checked.refusals[i]! : checked,
    }));
    const answered = await inBatches(indexed, async ({ asked, refusal }) => {
      if (refusal !== null || !checked.ok) return answer(asked, refusal!);
      return answer(asked, await offsetAt(session, checked.topic, asked, isolationLevel === 1));
    });
    answers.push({ name, partitions: answered });
  }
  return { topics: answers };
};

function answer({ partitionIndex }: Asked, listed: ListedOffset | Refusal): Answer {
  if (!listed.ok) return { partitionIndex, errorCode: codeOfRefusal(listed) };
  const { offset, timestampMs, leaderEpoch } = listed;
  return { partitionIndex, errorCode: NONE, offset, timestamp: timestampMs, leaderEpoch };
}

async function offsetAt(
  session: Session,
  topic: KnownTopic,
  { partitionIndex, timestamp }: Asked,
  isCommitted: boolean,
): Promise<ListedOffset | Refusal> {
  if (timestamp === -1 && isCommitted) {
    const log = await session.leader(topic, partitionIndex, (stub) => stub.describe());
    if (!log.ok) return log;
    const { lastStableOffset: offset, leaderEpoch } = log;
    return { ok: true, offset, timestampMs: -1, leaderEpoch };
  }
  const spec = specOf(timestamp);
  if (spec === null) return refuse("INVALID_REQUEST", "The timestamp stands for nothing.");
  const listed = await session.leader(topic, partitionIndex, (stub) => stub.listOffset(spec));
  // Ends have no timestamp in Kafka's answers.
  return listed.ok && (timestamp === -1 || timestamp === -2)
    ? { ...listed, timestampMs: -1 }
    : listed;
}

function specOf(timestamp: number): OffsetSpec | null {
  if (timestamp >= 0) return { at: "timestamp", timestampMs: timestamp };
  switch (timestamp) {
    case -1:
      return { at: "latest" };
    case -2:
      return { at: "earliest" };
    case -3:
      return { at: "max-timestamp" };
    default:
      return null;
  }
}
