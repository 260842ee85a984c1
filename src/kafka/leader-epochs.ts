/**
 * Compares the leader epochs that a client names (KIP-320) with what is known of its partitions: a client with old
 * metadata learns so before it reads what an earlier leader never had.
 */
import { refuse, type Refusal } from "../base/errors.ts";
import type { KnownTopic } from "../gateway/metadata.ts";
import type { NamedTopic } from "./named-topic.ts";
import type { Session } from "./session.ts";

export interface NamedPartition {
  readonly partition: number;
  /** -1 where the client names none. */
  readonly epoch: number;
}

export interface CheckedPartitions {
  readonly ok: true;
  readonly topic: KnownTopic;
  /** In the order in which the partitions were named; null where the partition may be used. */
  readonly refusals: readonly (Refusal | null)[];
}

/**
 * Looks the topic up, and once more at the controller where this isolate may know less than the client. Errors of the
 * topic: UNKNOWN_TOPIC, INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_ID. Errors of a partition: UNKNOWN_PARTITION,
 * FENCED_LEADER_EPOCH (the client's epoch is old), UNKNOWN_LEADER_EPOCH (the controller knows of no epoch that new).
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
