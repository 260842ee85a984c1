/**
 * Partitions are given their storage when they are first used: whoever calls one that its metadata says is not
 * founded asks the controller to found it first. Such metadata may be old, in which case the controller changes
 * nothing. Where that storage cannot be created, callers are not told that it is lost.
 */
import { refuse, type Refusal } from "../base/errors.ts";
import type { PartitionMetadata } from "../objects/contracts/controller.ts";
import { learnPartition, type KnownTopic } from "./metadata.ts";
import { callController } from "./objects.ts";
import type { Service } from "./service.ts";

/** What the controller has said of a partition whose storage does not open counts for this long, in milliseconds. */
const ASKED_MS = 1_000;
/** Such answers remembered; beyond this many all are forgotten, which costs one more call each. */
const ANSWERS_KEPT_MAX = 1_000;

const NEVER_OPENED =
  "The storage that a partition gets at its first use cannot be created, as on a full disk; try again.";

/** By topic id and partition. Values only: no request waits for the call of another. */
const asked = new Map<string, { readonly atMs: number; readonly isLost: boolean }>();

/**
 * The topic with the partition founded. Where that could not be done the topic as it was: the call of its leader
 * fails then, and recovers as from any other loss.
 */
export async function foundPartition(
  service: Service,
  topic: KnownTopic,
  partition: number,
): Promise<KnownTopic> {
  const { topicId } = topic.metadata;
  // Idempotent: what is founded stays so.
  const answer = await callController(service, true, (controller) =>
    controller.foundPartitions(topicId, [partition]),
  );
  const founded = answer.ok ? answer.partitions[0] : undefined;
  return founded === undefined ? topic : learnPartition(topic, founded);
}

/**
 * A partition as the controller knows it now, for callers whose metadata, which may be old, says that nobody has used
 * it. Null where the controller cannot tell.
 */
export async function currentPartition(
  service: Service,
  topic: KnownTopic,
  partition: number,
): Promise<PartitionMetadata | null> {
  const { topicId } = topic.metadata;
  const answer = await callController(service, true, (controller) =>
    controller.describePartitions(topicId, [partition]),
  );
  const now = answer.ok ? answer.partitions[0] : undefined;
  if (now === undefined) return null;
  learnPartition(topic, now);
  return now;
}

/**
 * What to answer where a leader's storage does not open. STORAGE_LOST, as given, only where the controller knows that
 * a replica of the partition has had storage. Else KAFKA_STORAGE_ERROR: what was never opened is not lost.
 */
export async function refusalOfUnopened(
  service: Service,
  topic: KnownTopic,
  partition: number,
  lost: Refusal,
): Promise<Refusal> {
  const { topicId } = topic.metadata;
  const key = `${topicId}/${partition}`;
  const nowMs = Date.now();
  const known = asked.get(key);
  if (known !== undefined && nowMs - known.atMs < ASKED_MS)
    return known.isLost ? lost : unmade(lost);
  const answer = await callController(service, true, (controller) =>
    controller.describePartitions(topicId, [partition]),
  );
  const isLost = answer.ok && answer.unconfirmed === undefined;
  if (asked.size >= ANSWERS_KEPT_MAX) asked.clear();
  asked.set(key, { atMs: nowMs, isLost });
  return isLost ? lost : unmade(lost);
}

/** Keeps what else is known of the call, such as that it was not answered. */
function unmade(lost: Refusal): Refusal {
  return { ...lost, ...refuse("KAFKA_STORAGE_ERROR", NEVER_OPENED) };
}
