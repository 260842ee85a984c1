/**
 * Decisions about topics: create, delete, add partitions. Each takes the image and a request, and returns the changes
 * to record or a refusal; it alters nothing.
 */
import type { EffectiveConfig } from "../../../base/config.ts";
import { refuse, type Refusal } from "../../../base/errors.ts";
import { topicNameProblem } from "../../../base/ids.ts";
import { TOPIC_PARTITIONS_MAX, TOPICS_MAX } from "../../../base/limits.ts";
import type { TopicSpec } from "../../contracts/controller.ts";
import type { Change, NewPartition, TopicDecision } from "../image/changes.ts";
import { collisionKey, isActive, topicNamed, type ClusterImage } from "../image/cluster.ts";
import { placeByHand, tooManyReplicas } from "./manual-assignments.ts";
import { newTopic, targetOf, withPartitions } from "../image/partitions.ts";
import { placePartitions } from "./placement.ts";
import { readTopicConfigs } from "./configs.ts";

/** Replicas get their storage at the first use of their partition. */
const UNFOUNDED = { unfounded: true } as const;

/** @param topicId new and unique, so that a topic that is created again never meets old data (KIP-516) */
export function decideCreateTopic(
  image: ClusterImage,
  spec: TopicSpec,
  topicId: string,
  defaults: EffectiveConfig,
): TopicDecision | Refusal {
  const unusable = refuseName(image, spec.topic);
  if (unusable) return unusable;
  const read = readTopicConfigs(spec.configs ?? {});
  if (!read.ok) return read;
  const { assignments } = spec;
  if (assignments && (spec.partitions !== undefined || spec.replicationFactor !== undefined)) {
    return refuse(
      "INVALID_REQUEST",
      "Where replicas are assigned by hand, the numbers of partitions and replicas follow from that.",
    );
  }
  const count = assignments?.length ?? spec.partitions ?? defaults["num.partitions"];
  const misnumbered = refusePartitionCount(count);
  if (misnumbered) return misnumbered;
  const factor = spec.replicationFactor ?? defaults["default.replication.factor"];
  const placed = assignments ? placeByHand(image, assignments) : place(image, count, factor, []);
  if (!placed.ok) return placed;
  const { topic } = spec;
  const { partitions } = placed;
  const created = {
    type: "topic-created",
    topic,
    topicId,
    configs: read.configs,
    partitions,
    ...(spec.atFirstUse && UNFOUNDED),
  } as const;
  return { ok: true, changes: [created], topic: newTopic(created) };
}

/**
 * Raises the number of partitions to `count`. `assignments`: the replicas of the new ones; else they are placed, with
 * as many replicas as the first partition.
 */
export function decideCreatePartitions(
  image: ClusterImage,
  name: string,
  count: number,
  assignments: readonly NewPartition[] | null = null,
  atFirstUse = false,
): TopicDecision | Refusal {
  const topic = topicNamed(image, name);
  if (!topic) return refuse("UNKNOWN_TOPIC");
  const misnumbered = refusePartitionCount(count);
  if (misnumbered) return misnumbered;
  const present = topic.partitions.length;
  if (count === present) {
    return refuse("INVALID_PARTITIONS", `The topic already has ${present} partitions.`);
  }
  if (count < present) {
    return refuse(
      "INVALID_PARTITIONS",
      `The topic has ${present} partitions; they cannot become fewer.`,
    );
  }
  const existing = topic.partitions.map(targetOf);
  const factor = existing[0]!.length;
  if (assignments && assignments.length !== count - present) {
    return refuse(
      "INVALID_REPLICA_ASSIGNMENT",
      `Replicas of ${assignments.length} partitions are given where ${count - present} are new.`,
    );
  }
  const placed = assignments
    ? placeByHand(image, assignments, factor)
    : place(image, count - present, factor, existing);
  if (!placed.ok) return placed;
  const { topicId } = topic;
  const added = {
    type: "partitions-added",
    topicId,
    partitions: placed.partitions,
    ...(atFirstUse && UNFOUNDED),
  } as const;
  return { ok: true, changes: [added], topic: withPartitions(topic, added) };
}

/** @param only the id that the topic must have; UNKNOWN_TOPIC_ID where it has another */
export function decideDeleteTopic(
  image: ClusterImage,
  name: string,
  only?: string,
): { readonly ok: true; readonly changes: readonly Change[]; readonly topicId: string } | Refusal {
  const topic = topicNamed(image, name);
  if (!topic) return refuse("UNKNOWN_TOPIC");
  const { topicId } = topic;
  if (only !== undefined && only !== topicId) return refuse("UNKNOWN_TOPIC_ID");
  return { ok: true, changes: [{ type: "topic-deleted", topicId }], topicId };
}

function refuseName(image: ClusterImage, name: string): Refusal | null {
  const problem = topicNameProblem(name);
  if (problem !== null) return refuse("INVALID_TOPIC_EXCEPTION", problem);
  if (topicNamed(image, name)) {
    return refuse("TOPIC_ALREADY_EXISTS", `Topic '${name}' already exists.`);
  }
  const otherId = image.topicIds.get(collisionKey(name));
  if (otherId !== undefined) {
    const other = image.topics.get(otherId)!.topic;
    return refuse("INVALID_TOPIC_EXCEPTION", `Topic '${name}' collides with '${other}'.`);
  }
  if (image.topics.size >= TOPICS_MAX) {
    return refuse("INVALID_REQUEST", `The cluster has ${TOPICS_MAX} topics, as many as it can.`);
  }
  return null;
}

function refusePartitionCount(count: number): Refusal | null {
  if (Number.isInteger(count) && count >= 1 && count <= TOPIC_PARTITIONS_MAX) return null;
  return refuse("INVALID_PARTITIONS", `A topic has 1 to ${TOPIC_PARTITIONS_MAX} partitions.`);
}

function place(
  image: ClusterImage,
  partitions: number,
  replicationFactor: number,
  existing: readonly NewPartition[],
): { readonly ok: true; readonly partitions: readonly NewPartition[] } | Refusal {
  const brokers = [...image.brokers.values()].filter(isActive);
  const possible = Number.isInteger(replicationFactor) && replicationFactor >= 1;
  if (!possible || replicationFactor > brokers.length) {
    return refuse(
      "INVALID_REPLICATION_FACTOR",
      `The replication factor is not between 1 and ${brokers.length}, the number of active brokers.`,
    );
  }
  const tooMany = tooManyReplicas(image, partitions * replicationFactor);
  if (tooMany !== null) return refuse("INVALID_PARTITIONS", tooMany);
  const start = image.placedCount;
  return {
    ok: true,
    partitions: placePartitions({ brokers, partitions, replicationFactor, existing, start }),
  };
}
