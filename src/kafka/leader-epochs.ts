/**
 * The partitions that a client names, and the leader epochs in which it believes (KIP-320), against what is
 * known: a client that has old metadata learns of it before it reads what an earlier leader never had.
 */
import { refuse, type Refusal } from "../base/errors.ts";
import type { KnownTopic } from "../gateway/metadata.ts";
import type { NamedTopic } from "./named-topic.ts";
import type { Session } from "./session.ts";

export interface NamedPartition {
  readonly partition: number;
  /** -1: not said. */
  readonly epoch: number;
}

export interface CheckedPartitions {
  readonly ok: true;
  readonly topic: KnownTopic;
  /** In the order in which they were named; null where there is nothing against it. */
  readonly refusals: readonly (Refusal | null)[];
}

/**
 * Looks the topic up, and anew (once) where what is remembered here may be older than what the client knows.
 * Of the topic: UNKNOWN_TOPIC, INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_ID. Of a partition: UNKNOWN_PARTITION,
 * FENCED_LEADER_EPOCH (the client's is old), UNKNOWN_LEADER_EPOCH (the controller knows of none so new).
 */
export async function checkPartitions(
  session: Session,
  namedTopic: NamedTopic,
  named: readonly NamedPartition[],
): Promise<CheckedPartitions | Refusal> {
  const topic = await session.namedTopic(namedTopic);
  if (!topic.ok) return topic;
  const refusals = named.map((one) => judge(topic, one));
  if (!refusals.some((refusal) => refusal !== null && refusal.error !== "FENCED_LEADER_EPOCH")) {
    return { ok: true, topic, refusals };
  }
  const renewed = await session.namedTopic(namedTopic, true);
  if (!renewed.ok) return renewed;
  return { ok: true, topic: renewed, refusals: named.map((one) => judge(renewed, one)) };
}

function judge(topic: KnownTopic, { partition, epoch }: NamedPartition): Refusal | null {
  const metadata = topic.metadata.partitions[partition];
  if (metadata === undefined) return refuse("UNKNOWN_PARTITION");
  if (epoch < 0 || epoch === metadata.leaderEpoch) return null;
  return refuse(epoch < metadata.leaderEpoch ? "FENCED_LEADER_EPOCH" : "UNKNOWN_LEADER_EPOCH");
}
