/**
 * The cluster image: what the controller knows durably, as the sum of its changes. Only `applyChangeSet` of apply.ts
 * (and the snapshot's loader) alters it; nothing here decides, and nothing here touches storage.
 */
import { assert } from "../../../base/errors.ts";
import type {
  BrokerDescription,
  ControllerCounts,
  PartitionMetadata,
  TopicMetadata,
} from "../../contracts/controller.ts";
import type { PendingMap } from "./pending.ts";

/** Topics and partitions are values: a change replaces them, so what was handed out before does not change. */
export interface ClusterImage {
  /** Counts change sets. */
  version: number;
  readonly brokers: Map<number, BrokerDescription>;
  /** By topic id. */
  readonly topics: Map<string, TopicMetadata>;
  /** Topic ids by {@link collisionKey}, which no two topics share. */
  readonly topicIds: Map<string, string>;
  /** Numbers of partitions, and of their replicas. */
  partitionCount: number;
  replicaCount: number;
  /** Number of partitions ever placed: where the rotation of leaders over brokers continues. */
  placedCount: number;
  /** Lowest producer id that was never reserved. */
  nextProducerId: number;
  /** Replicas that have not confirmed their newest assignment. */
  readonly assignments: PendingMap;
  /** Removed replicas whose storage may not be deleted yet. */
  readonly purges: PendingMap;
  /**
   * By topic id, then `<partition>/<brokerId>`: the last generation of a replica that was removed. The next replica
   * there is another object, because the deletion of the old one may still be under way.
   */
  readonly generations: Map<string, Map<string, number>>;
  /** Partitions without a leader, as {@link partitionKey}. */
  readonly leaderless: Set<string>;
  /** Consumer groups by id: when the present incarnation began, in milliseconds since the epoch. */
  readonly groups: Map<string, number>;
  /** Elections and in-sync changes since the cluster began. */
  counts: ImageCounts;
}

export type ImageCounts = Omit<ControllerCounts, "failedProbes">;

const NO_COUNTS: ImageCounts = {
  elections: 0,
  uncleanElections: 0,
  inSyncShrinks: 0,
  inSyncExpands: 0,
};

export function emptyImage(): ClusterImage {
  return {
    version: 0,
    brokers: new Map(),
    topics: new Map(),
    topicIds: new Map(),
    partitionCount: 0,
    replicaCount: 0,
    placedCount: 0,
    nextProducerId: 0,
    assignments: new Map(),
    purges: new Map(),
    generations: new Map(),
    leaderless: new Set(),
    groups: new Map(),
    counts: NO_COUNTS,
  };
}

/** Kafka's metric names turn '.' into '_', so names that differ only there collide. */
export function collisionKey(topic: string): string {
  return topic.replaceAll(".", "_");
}

export function partitionKey(topicId: string, partition: number): string {
  return `${topicId}/${partition}`;
}

export function topicNamed(image: ClusterImage, topic: string): TopicMetadata | null {
  const topicId = image.topicIds.get(collisionKey(topic));
  const found = topicId === undefined ? undefined : image.topics.get(topicId);
  return found?.topic === topic ? found : null;
}

export function partitionOf(
  image: ClusterImage,
  topicId: string,
  partition: number,
): PartitionMetadata | null {
  // The number may come from outside; one that is no index could name a property of the array.
  if (!Number.isInteger(partition)) return null;
  return image.topics.get(topicId)?.partitions[partition] ?? null;
}

export function knownTopic(image: ClusterImage, topicId: string): TopicMetadata {
  const topic = image.topics.get(topicId);
  assert(topic, `topic id ${topicId} is changed but does not exist`);
  return topic;
}

/** Whether the broker may get new replicas. */
export function isActive(broker: BrokerDescription): boolean {
  return broker.state === "active";
}

/** Adds a topic, and updates counts and look-ups. */
export function insertTopic(image: ClusterImage, topic: TopicMetadata): void {
  image.topics.set(topic.topicId, topic);
  image.topicIds.set(collisionKey(topic.topic), topic.topicId);
  image.partitionCount += topic.partitions.length;
  image.replicaCount += replicasOf(topic);
  noteLeaderless(image, topic);
}

export function removeTopic(image: ClusterImage, topic: TopicMetadata): void {
  image.topics.delete(topic.topicId);
  image.topicIds.delete(collisionKey(topic.topic));
  image.generations.delete(topic.topicId);
  image.partitionCount -= topic.partitions.length;
  image.replicaCount -= replicasOf(topic);
  for (const { partition } of topic.partitions) {
    image.leaderless.delete(partitionKey(topic.topicId, partition));
  }
}

/** Replaces a topic by its changed self, and updates counts and look-ups. */
export function replaceTopic(
  image: ClusterImage,
  before: TopicMetadata,
  after: TopicMetadata,
): void {
  image.topics.set(after.topicId, after);
  image.partitionCount += after.partitions.length - before.partitions.length;
  image.replicaCount += replicasOf(after) - replicasOf(before);
  noteLeaderless(image, after);
}

function noteLeaderless(image: ClusterImage, { topicId, partitions }: TopicMetadata): void {
  for (const { partition, leader } of partitions) {
    if (leader === -1) image.leaderless.add(partitionKey(topicId, partition));
    else if (image.leaderless.size > 0) image.leaderless.delete(partitionKey(topicId, partition));
  }
}

function replicasOf(topic: TopicMetadata): number {
  return topic.partitions.reduce((sum, { replicas }) => sum + replicas.length, 0);
}
