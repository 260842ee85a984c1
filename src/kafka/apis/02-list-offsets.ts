/**
 * ListOffsets (2): where a partition begins (-2) and ends (-1), where its newest timestamp is (-3, KIP-734), or the
 * first record at or after a time. The end is the high watermark, or the last stable offset for readers of committed
 * records; the question of Kafka's followers for the log end is not answered to clients.
 *
 * A partition that is named more than once is answered once, with INVALID_REQUEST, as in Kafka.
 *
 * There is no tiered storage: the local log start (-4, KIP-405) is the log start, and questions about the tiered part
 * (-5, KIP-1005; -6, KIP-1023) are answered -1, as Kafka does without tiers.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import { NO_TOPIC_ID } from "../../base/ids.ts";
import type { FetchRequest, ListedOffset, OffsetSpec } from "../../objects/contracts/partition.ts";
import type { KnownTopic } from "../../gateway/metadata.ts";
import { codeOfListOffsets, NONE } from "../errors.ts";
import { checkPartitions } from "../leader-epochs.ts";
import type { Request, Response } from "../messages/index.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import type { Handler } from "../handler.ts";
import type { Session } from "../session.ts";

type Asked = Request<2>["topics"][number]["partitions"][number];
type Answer = Response<2>["topics"][number]["partitions"][number];

/** The special timestamps, and the first version that may use each. */
const QUESTIONS = {
  latest: { timestamp: -1, since: 1 },
  earliest: { timestamp: -2, since: 1 },
  maxTimestamp: { timestamp: -3, since: 7 },
  earliestLocal: { timestamp: -4, since: 8 },
  latestTiered: { timestamp: -5, since: 9 },
  earliestPendingUpload: { timestamp: -6, since: 11 },
} as const;
type Question = keyof typeof QUESTIONS;

const NOT_FOUND: ListedOffset = { ok: true, offset: -1, timestampMs: -1, leaderEpoch: -1 };

export const listOffsets: Handler<2> = async ({ topics, isolationLevel }, { session, version }) => {
  const answers = [];
  const times = timesNamed(topics);
  for (const { name, partitions: all } of topics) {
    const repeated = times.get(name)!;
    const partitions = all.filter(({ partitionIndex }) => repeated.get(partitionIndex) === 1);
    const named = partitions.map(({ partitionIndex, currentLeaderEpoch }) => ({
      partition: partitionIndex,
      epoch: currentLeaderEpoch,
    }));
    const checked = await checkPartitions(session, { topic: name, topicId: NO_TOPIC_ID }, named);
    const indexed = partitions.map((asked, i) => ({
      asked,
      refusal: checked.ok ? checked.refusals[i]! : checked,
    }));
    const answered = await inBatches(indexed, async ({ asked, refusal }) => {
      if (refusal !== null || !checked.ok) return answer(asked, refusal!, version);
      const question = questionOf(asked.timestamp, version);
      if (question !== null && typeof question !== "string") {
        return answer(asked, question, version);
      }
      const isolation = isolationLevel === 1 ? "read_committed" : "read_uncommitted";
      const listed = await offsetAt(session, checked.topic, asked, question, isolation);
      return answer(asked, listed, version);
    });
    for (const asked of all) {
      const { partitionIndex } = asked;
      if ((repeated.get(partitionIndex) ?? 0) <= 1) continue;
      // Answered where the partition is named first.
      repeated.set(partitionIndex, 0);
      answered.push(answer(asked, REPEATED, version));
    }
    answers.push({ name, partitions: answered });
  }
  return { topics: answers };
};

const REPEATED = refuse("INVALID_REQUEST", "The partition is named more than once.");

/** By topic and partition, wherever in the request a topic is named. */
function timesNamed(topics: Request<2>["topics"]): Map<string, Map<number, number>> {
  const times = new Map<string, Map<number, number>>();
  for (const { name, partitions } of topics) {
    const ofTopic = times.get(name) ?? new Map<number, number>();
    times.set(name, ofTopic);
    for (const { partitionIndex } of partitions) {
      ofTopic.set(partitionIndex, (ofTopic.get(partitionIndex) ?? 0) + 1);
    }
  }
  return times;
}

function answer(
  { partitionIndex }: Asked,
  listed: ListedOffset | Refusal,
  version: number,
): Answer {
  if (!listed.ok) return { partitionIndex, errorCode: codeOfListOffsets(listed, version) };
  const { offset, timestampMs, leaderEpoch } = listed;
  return { partitionIndex, errorCode: NONE, offset, timestamp: timestampMs, leaderEpoch };
}

/** Null: a time is asked for. UNSUPPORTED_VERSION: the version does not have this special timestamp. */
function questionOf(timestamp: number | bigint, version: number): Question | Refusal | null {
  if (timestamp >= 0) return null;
  for (const [question, { timestamp: value, since }] of Object.entries(QUESTIONS)) {
    if (value === timestamp && version >= since) return question as Question;
  }
  return refuse("UNSUPPORTED_VERSION", "The timestamp stands for nothing in this version.");
}

async function offsetAt(
  session: Session,
  topic: KnownTopic,
  { partitionIndex, timestamp }: Asked,
  question: Question | null,
  isolation: FetchRequest["isolation"],
): Promise<ListedOffset | Refusal> {
  if (question === "latestTiered" || question === "earliestPendingUpload") return NOT_FOUND;
  // No record has a time beyond the safe integers.
  if (question === null && typeof timestamp === "bigint") return NOT_FOUND;
  const spec = specOf(question, Number(timestamp), isolation);
  const listed = await session.listOffset(topic, partitionIndex, spec);
  if (!listed.ok) return listed;
  // As in Kafka's answers: no leader epoch where nothing was found, and no timestamp for the ends of a log.
  if (listed.offset < 0) return NOT_FOUND;
  return question === null || question === "maxTimestamp" ? listed : { ...listed, timestampMs: -1 };
}

function specOf(
  question: Exclude<Question, "latestTiered" | "earliestPendingUpload"> | null,
  timestampMs: number,
  isolation: FetchRequest["isolation"],
): OffsetSpec {
  switch (question) {
    case null:
      return { at: "timestamp", timestampMs };
    case "latest":
      return { at: "latest", isolation };
    case "earliest":
    case "earliestLocal":
      return { at: "earliest" };
    case "maxTimestamp":
      return { at: "max-timestamp" };
  }
}
