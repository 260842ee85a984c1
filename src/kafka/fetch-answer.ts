/**
 * Builds the answer to a fetch from the partitions that were read: all of them, or only those that have changed for
 * its session.
 */
import { refuse, type Refusal } from "../base/errors.ts";
import type { FetchRequest, LogEnds } from "../objects/contracts/partition.ts";
import { cachedTopic, type KnownTopic } from "../gateway/metadata.ts";
import { CurrentLeaders } from "./current-leaders.ts";
import { codeOf, codeOfFetch, NONE, ofTopicId } from "./errors.ts";
import type { AskedPartition, PlannedFetch } from "./fetch-sessions.ts";
import type { Response } from "./messages/index.ts";
import { isById, keyOfTopic, type NamedTopic } from "./named-topic.ts";
import type { Context } from "./session.ts";
import type { Page } from "./watches.ts";

/** From these versions on clients can read zstd (KIP-110), and are told the current leaders (KIP-951). */
const ZSTD_SINCE = 10;
const LEADERS_SINCE = 16;

const NOTHING = new Uint8Array(0);

export const UNKNOWN_ENDS: LogEnds = {
  logStartOffset: -1,
  highWatermark: -1,
  lastStableOffset: -1,
};

/** After these errors a client is told the current leader. */
const MOVED: ReadonlySet<number> = new Set([
  codeOf("NOT_LEADER_OR_FOLLOWER"),
  codeOf("FENCED_LEADER_EPOCH"),
]);

type TopicAnswer = Response<1>["responses"][number];
type PartitionAnswer = TopicAnswer["partitions"][number];

/** A requested partition and its outcome. */
export interface FetchedPart extends AskedPartition {
  /** Null where the topic does not exist. */
  readonly topic: KnownTopic | null;
  readonly outcome: Page | Refusal;
  /** False where the partition was not read this time; its outcome is an empty page then, and is not reported. */
  readonly isServed: boolean;
}

export function emptyPage(offset: number, ends: LogEnds): Page {
  const { logStartOffset, highWatermark, lastStableOffset } = ends;
  return {
    ok: true,
    records: NOTHING,
    nextOffset: offset,
    logStartOffset,
    highWatermark,
    lastStableOffset,
  };
}

export class FetchAnswer {
  private readonly context: Context;
  private readonly isolation: FetchRequest["isolation"];
  private readonly plan: PlannedFetch;
  private readonly leaders: CurrentLeaders;
  private readonly byTopic = new Map<string, NamedTopic & { partitions: PartitionAnswer[] }>();

  constructor(context: Context, isolation: FetchRequest["isolation"], plan: PlannedFetch) {
    this.context = context;
    this.isolation = isolation;
    this.plan = plan;
    this.leaders = new CurrentLeaders(context.session.peer.addresses);
  }

  /** Topic by topic, in the order in which their partitions were added. */
  get topics(): TopicAnswer[] {
    return [...this.byTopic.values()];
  }

  get nodeEndpoints(): Response<1>["nodeEndpoints"] {
    return this.leaders.endpoints;
  }

  add(part: FetchedPart): void {
    const { session, isIncremental } = this.plan;
    if (isIncremental && !part.isServed) return;
    const answer = this.answerOf(part);
    const isNews = session === null || session.hears(part, answer);
    if (isIncremental && !isNews) return;
    const key = keyOfTopic(part.named);
    const known = this.byTopic.get(key);
    if (known !== undefined) known.partitions.push(answer);
    else this.byTopic.set(key, { ...part.named, partitions: [answer] });
  }

  private answerOf(part: FetchedPart): PartitionAnswer {
    const { outcome, asked } = part;
    const abortedTransactions = this.isolation === "read_committed" ? [] : null;
    const answer = { partitionIndex: asked.partition, abortedTransactions };
    if (outcome.ok && !this.isUnreadable(part)) {
      const { highWatermark, lastStableOffset, logStartOffset, records } = outcome;
      return {
        ...answer,
        errorCode: NONE,
        highWatermark,
        lastStableOffset,
        logStartOffset,
        records,
      };
    }
    const errorCode = outcome.ok
      ? codeOf("UNSUPPORTED_COMPRESSION_TYPE")
      : codeOfFetch(this.identified(part, outcome));
    const failed = { ...answer, errorCode, ...UNKNOWN_ENDS, records: NOTHING };
    const isTold = this.context.version >= LEADERS_SINCE && MOVED.has(errorCode);
    if (!isTold || part.topic === null) return failed;
    return { ...failed, currentLeader: this.leaders.of(part.topic, asked.partition) };
  }

  /**
   * Whether a client of this version could not read the topic: where the topic's setting says zstd, as in Kafka. For
   * other topics a client has to know what its producers send.
   */
  private isUnreadable({ topic }: FetchedPart): boolean {
    return this.context.version < ZSTD_SINCE && topic?.config["compression.type"] === "zstd";
  }

  /** For a topic that was named by its id: INCONSISTENT_TOPIC_ID where another topic has its name now. */
  private identified(part: FetchedPart, refusal: Refusal): Refusal {
    if (!isById(part.named)) return refusal;
    const seen = ofTopicId(refusal);
    if (seen.error !== "UNKNOWN_TOPIC_ID") return seen;
    const name = part.topic?.metadata.topic ?? this.plan.session?.nameOf(part) ?? "";
    const now = name === "" ? undefined : cachedTopic(this.context.session.service, name);
    const isAnother = now !== undefined && now.metadata.topicId !== part.named.topicId;
    return isAnother ? refuse("INCONSISTENT_TOPIC_ID") : seen;
  }
}
