/**
 * The cluster image: what the controller knows, as the sum of its changes. Only `applyChangeSet` (and
 * the snapshot's loader) alters it; nothing here decides, and nothing here touches storage.
 */
import { assert } from "../../base/errors.ts";
import { parseReplicaObjectName, type ReplicaName } from "../../base/ids.ts";
import type { BrokerDescription, PartitionMetadata, TopicMetadata } from "./api.ts";
import {
  FIRST_GENERATION,
  type Change,
  type ChangeSet,
  type NewPartition,
  type ReplicaPlace,
} from "./changes.ts";

/** Replicas of one topic that have something to be told. */
export interface Pending {
  /** When the newest of it was decided, in milliseconds since the epoch. */
  sinceMs: number;
  readonly replicas: Set<ReplicaPlace>;
}

/** Topics and partitions are values: a change replaces them, so what was handed out stays as it was. */
export interface ClusterImage {
  /** Counts change sets. */
  version: number;
  readonly brokers: Map<number, BrokerDescription>;
  /** By topic id. */
  readonly topics: Map<string, TopicMetadata>;
  /** Topic ids by {@link collisionKey}, of which no two topics share one. */
  readonly topicIds: Map<string, string>;
  /** Live partitions and their replicas, counted. */
  partitionCount: number;
  replicaCount: number;
  /** Partitions ever placed: where the rotation of leaders over brokers goes on. */
  placedCount: number;
  /** The lowest producer id that was never reserved. */
  nextProducerId: number;
  /** By topic id: replicas that have not confirmed their newest assignment. */
  readonly assignments: Map<string, Pending>;
  /** By topic id: replicas that no topic has any more and whose storage may still be there. */
  readonly purges: Map<string, Pending>;
}

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
  };
}

/** Kafka's metric names turn '.' into '_', so names that differ only there collide. */
export function collisionKey(topic: string): string {
  return topic.replaceAll(".", "_");
}

export function topicNamed(image: ClusterImage, topic: string): TopicMetadata | null {
  const topicId = image.topicIds.get(collisionKey(topic));
  const found = topicId === undefined ? undefined : image.topics.get(topicId);
  return found?.topic === topic ? found : null;
}

/** Replicas of which the object has to be told something. */
export function pendingCount(pending: ReadonlyMap<string, Pending>): number {
  let count = 0;
  for (const { replicas } of pending.values()) count += replicas.size;
  return count;
}

function replicaPlace(replica: Omit<ReplicaName, "topicId">): ReplicaPlace {
  return `${replica.partition}/${replica.brokerId}/${replica.generation}`;
}

export function replicaAt(topicId: string, place: ReplicaPlace): ReplicaName {
  const name = parseReplicaObjectName(`${topicId}/${place}`);
  assert(name, `not a replica: ${topicId}/${place}`);
  return name;
}

/** Whether the broker may get new replicas. */
export function isActive(broker: BrokerDescription): boolean {
  return broker.state === "active";
}

/** Applies one decision; the same sequence of sets always gives the same image. */
export function applyChangeSet(image: ClusterImage, set: ChangeSet): void {
  for (const change of set.changes) applyChange(image, change, set.atMs);
  image.version += 1;
}

export function applyChange(image: ClusterImage, change: Change, atMs: number): void {
  switch (change.type) {
    case "broker-registered": {
      const { type: _, ...broker } = change;
      image.brokers.set(broker.brokerId, { ...broker, state: "active" });
      return;
    }
    case "topic-created": {
      const topic = newTopic(change);
      assert(!image.topics.has(topic.topicId), `topic id ${topic.topicId} is created twice`);
      assert(!image.topicIds.has(collisionKey(topic.topic)), `two topics collide: ${topic.topic}`);
      image.placedCount += topic.partitions.length;
      insertTopic(image, topic);
      markPending(image.assignments, topic.topicId, topic.partitions, atMs);
      return;
    }
    case "partitions-added": {
      const before = knownTopic(image, change.topicId);
      const topic = withPartitions(before, change.partitions);
      const added = topic.partitions.slice(before.partitions.length);
      replaceTopic(image, before, topic);
      image.placedCount += added.length;
      markPending(image.assignments, topic.topicId, added, atMs);
      return;
    }
    case "configs-altered": {
      const before = knownTopic(image, change.topicId);
      const topic = withConfigs(before, change.configs);
      replaceTopic(image, before, topic);
      markPending(image.assignments, topic.topicId, topic.partitions, atMs);
      return;
    }
    case "topic-deleted": {
      const topic = knownTopic(image, change.topicId);
      removeTopic(image, topic);
      image.assignments.delete(topic.topicId);
      markPending(image.purges, topic.topicId, topic.partitions, atMs);
      return;
    }
    case "assignments-delivered":
      return leavePending(image.assignments, change.topicId, change.missing);
    case "replicas-purged":
      return leavePending(image.purges, change.topicId, change.missing);
    case "producer-ids-reserved":
      assert(change.below > image.nextProducerId, "producer ids are reserved twice");
      image.nextProducerId = change.below;
      return;
    default:
      change satisfies never;
      assert(false, `a change was written by newer code: ${JSON.stringify(change).slice(0, 100)}`);
  }
}

export function newTopic(created: {
  readonly topic: string;
  readonly topicId: string;
  readonly configs: Readonly<Record<string, string>>;
  readonly partitions: readonly NewPartition[];
}): TopicMetadata {
  const { topic, topicId, configs } = created;
  return { topic, topicId, configs, partitions: newPartitions(0, created.partitions) };
}

export function withPartitions(
  topic: TopicMetadata,
  added: readonly NewPartition[],
): TopicMetadata {
  const first = topic.partitions.length;
  return { ...topic, partitions: [...topic.partitions, ...newPartitions(first, added)] };
}

export function withConfigs(
  topic: TopicMetadata,
  configs: Readonly<Record<string, string>>,
): TopicMetadata {
  const partitions = topic.partitions.map((partition) => ({
    ...partition,
    partitionEpoch: partition.partitionEpoch + 1,
  }));
  return { ...topic, configs, partitions };
}

/** Adds a topic with everything that is counted and looked up by it. */
export function insertTopic(image: ClusterImage, topic: TopicMetadata): void {
  image.topics.set(topic.topicId, topic);
  image.topicIds.set(collisionKey(topic.topic), topic.topicId);
  image.partitionCount += topic.partitions.length;
  image.replicaCount += replicasOf(topic);
}

function removeTopic(image: ClusterImage, topic: TopicMetadata): void {
  image.topics.delete(topic.topicId);
  image.topicIds.delete(collisionKey(topic.topic));
  image.partitionCount -= topic.partitions.length;
  image.replicaCount -= replicasOf(topic);
}

/** Puts a topic in the place of its older self. */
export function replaceTopic(
  image: ClusterImage,
  before: TopicMetadata,
  after: TopicMetadata,
): void {
  image.topics.set(after.topicId, after);
  image.partitionCount += after.partitions.length - before.partitions.length;
  image.replicaCount += replicasOf(after) - replicasOf(before);
}

export function knownTopic(image: ClusterImage, topicId: string): TopicMetadata {
  const topic = image.topics.get(topicId);
  assert(topic, `topic id ${topicId} is changed but does not exist`);
  return topic;
}

function replicasOf(topic: TopicMetadata): number {
  return topic.partitions.reduce((sum, { replicas }) => sum + replicas.length, 0);
}

/** Partitions placed alike share their lists: a topic of thousands holds a few of them in memory. */
function newPartitions(first: number, placed: readonly NewPartition[]): PartitionMetadata[] {
  const byPlacement = new Map<string, Pick<PartitionMetadata, "replicas" | "inSync">>();
  return placed.map((brokerIds, index) => {
    const key = brokerIds.join();
    const shared = byPlacement.get(key) ?? {
      replicas: brokerIds.map((brokerId) => ({ brokerId, generation: FIRST_GENERATION })),
      inSync: [...brokerIds],
    };
    byPlacement.set(key, shared);
    assert(brokerIds[0] !== undefined, "a partition without replicas");
    return {
      partition: first + index,
      leader: brokerIds[0],
      leaderEpoch: 0,
      partitionEpoch: 0,
      ...shared,
    };
  });
}

function markPending(
  pending: Map<string, Pending>,
  topicId: string,
  partitions: readonly PartitionMetadata[],
  atMs: number,
): void {
  const entry = pending.get(topicId) ?? { sinceMs: atMs, replicas: new Set<ReplicaPlace>() };
  entry.sinceMs = atMs;
  for (const { partition, replicas } of partitions) {
    for (const replica of replicas) entry.replicas.add(replicaPlace({ partition, ...replica }));
  }
  pending.set(topicId, entry);
}

function leavePending(
  pending: Map<string, Pending>,
  topicId: string,
  missing: readonly ReplicaPlace[],
): void {
  const entry = pending.get(topicId);
  assert(entry, `nothing is pending for topic id ${topicId}`);
  if (missing.length === 0) {
    pending.delete(topicId);
    return;
  }
  pending.set(topicId, { sinceMs: entry.sinceMs, replicas: new Set(missing) });
}
