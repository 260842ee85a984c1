/**
 * ListOffsets (2): where a partition begins (-2) and ends (-1), where its newest timestamp is (-3, KIP-734),
 * or the first record at or after a time. The end is the high watermark, or the last stable offset for
 * readers of committed records; Kafka's followers' question for the log's end is not answered to clients.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import type { FetchRequest, ListedOffset, OffsetSpec } from "../../objects/partition/api.ts";
import type { KnownTopic } from "../../worker/metadata.ts";
import { codeOfListOffsets, NONE } from "../errors.ts";
import { checkPartitions } from "../leader-epochs.ts";
import type { Request, Response } from "../messages/index.ts";
import { inBatches } from "../in-batches.ts";
import type { Handler } from "../served.ts";
import type { Session } from "../session.ts";

type Asked = Request<2>["topics"][number]["partitions"][number];
type Answer = Response<2>["topics"][number]["partitions"][number];

export const listOffsets: Handler<2> = async ({ topics, isolationLevel }, { session, version }) => {
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
      if (refusal !== null || !checked.ok) return answer(asked, refusal!, version);
      const isolation = isolationLevel === 1 ? "read_committed" : "read_uncommitted";
      return answer(asked, await offsetAt(session, checked.topic, asked, isolation), version);
    });
    answers.push({ name, partitions: answered });
  }
  return { topics: answers };
};

function answer(
  { partitionIndex }: Asked,
  listed: ListedOffset | Refusal,
  version: number,
): Answer {
  if (!listed.ok) return { partitionIndex, errorCode: codeOfListOffsets(listed, version) };
  const { offset, timestampMs, leaderEpoch } = listed;
  return { partitionIndex, errorCode: NONE, offset, timestamp: timestampMs, leaderEpoch };
}

async function offsetAt(
  session: Session,
  topic: KnownTopic,
  { partitionIndex, timestamp }: Asked,
  isolation: FetchRequest["isolation"],
): Promise<ListedOffset | Refusal> {
  const spec = specOf(timestamp, isolation);
  if (spec === null) return refuse("INVALID_REQUEST", "The timestamp stands for nothing.");
  const listed = await session.leader(topic, partitionIndex, (stub) => stub.listOffset(spec));
  // Ends have no timestamp in Kafka's answers.
  return listed.ok && (timestamp === -1 || timestamp === -2)
    ? { ...listed, timestampMs: -1 }
    : listed;
}

function specOf(timestamp: number, isolation: FetchRequest["isolation"]): OffsetSpec | null {
  if (timestamp >= 0) return { at: "timestamp", timestampMs: timestamp };
  switch (timestamp) {
    case -1:
      return { at: "latest", isolation };
    case -2:
      return { at: "earliest" };
    case -3:
      return { at: "max-timestamp" };
    default:
      return null;
  }
}
