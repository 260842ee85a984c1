/**
 * Applies recorded changes to the cluster image: the same sequence always gives the same image, live and in replay.
 * Decides nothing, and knows no storage and no clock.
 */
import { assert } from "../../../base/errors.ts";
import type { PartitionMetadata, TopicMetadata } from "../../contracts/controller.ts";
import type { Change, ChangeSet, PartitionChange } from "./changes.ts";
import {
  collisionKey,
  insertTopic,
  knownTopic,
  removeTopic,
  replaceTopic,
  type ClusterImage,
} from "./cluster.ts";
import {
  newTopic,
  withChange,
  withConfigs,
  withFounding,
  withNextEpoch,
  withPartitions,
} from "./partitions.ts";
import {
  leavePending,
  markPending,
  markPendingNew,
  markRemoved,
  replicaKey,
  replicaKeysOf,
} from "./pending.ts";

type Of<T extends Change["type"]> = Extract<Change, { readonly type: T }>;

/** Applies one decision. */
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
    case "broker-changed":
      return changeBroker(image, change, atMs);
    case "broker-configs-altered": {
      const { brokerId, configs } = change;
      const before = image.brokers.get(brokerId);
      assert(before, `broker ${brokerId} is configured but does not exist`);
      image.brokers.set(brokerId, { ...before, configs });
      return;
    }
    case "topic-created": {
      const topic = newTopic(change);
      assert(!image.topics.has(topic.topicId), `topic id ${topic.topicId} is created twice`);
      assert(!image.topicIds.has(collisionKey(topic.topic)), `two topics collide: ${topic.topic}`);
      image.placedCount += topic.partitions.length;
      insertTopic(image, topic);
      return foundReplicas(image, topic, topic.partitions, atMs);
    }
    case "partitions-added": {
      const before = knownTopic(image, change.topicId);
      const topic = withPartitions(before, change);
      const added = topic.partitions.slice(before.partitions.length);
      replaceTopic(image, before, topic);
      image.placedCount += added.length;
      return foundReplicas(image, topic, added, atMs);
    }
    case "partitions-founded":
      return foundPartitions(image, change, atMs);
    case "partitions-changed":
      return changePartitions(image, change, atMs);
    case "configs-altered": {
      const before = knownTopic(image, change.topicId);
      const topic = withConfigs(before, change.configs);
      replaceTopic(image, before, topic);
      markPending(image.assignments, topic.topicId, topic.partitions.flatMap(replicaKeysOf), atMs);
      return;
    }
    case "topic-deleted": {
      const topic = knownTopic(image, change.topicId);
      removeTopic(image, topic);
      return markRemoved(image, topic.topicId, topic.partitions.flatMap(replicaKeysOf), atMs);
    }
    case "assignments-delivered":
      return leavePending(image.assignments, change.topicId, change.missing, change.founded ?? []);
    case "replicas-purged":
      return leavePending(image.purges, change.topicId, change.missing, []);
    case "producer-ids-reserved":
      assert(change.below > image.nextProducerId, "producer ids are reserved twice");
      image.nextProducerId = change.below;
      return;
    case "group-registered":
      image.groups.set(change.groupId, change.sinceMs);
      return;
    case "group-unregistered":
      image.groups.delete(change.groupId);
      return;
    default:
      change satisfies never;
      assert(false, `a change was written by newer code: ${JSON.stringify(change).slice(0, 100)}`);
  }
}

/** The replicas of new partitions begin empty. */
function foundReplicas(
  image: ClusterImage,
  { topicId }: TopicMetadata,
  partitions: readonly PartitionMetadata[],
  atMs: number,
): void {
  markPendingNew(image.assignments, topicId, partitions.flatMap(replicaKeysOf), atMs);
}

function foundPartitions(
  image: ClusterImage,
  change: Of<"partitions-founded">,
  atMs: number,
): void {
  const before = knownTopic(image, change.topicId);
  const partitions = [...before.partitions];
  const founded = change.partitions.map((partition) => {
    const was = partitions[partition];
    assert(was?.unfounded, `partition ${partition} is founded but does not exist, or twice`);
    const now = withFounding(was);
    partitions[partition] = now;
    return now;
  });
  const topic = { ...before, partitions };
  replaceTopic(image, before, topic);
  foundReplicas(image, topic, founded, atMs);
}

function changeBroker(image: ClusterImage, change: Of<"broker-changed">, atMs: number): void {
  const { brokerId, state, brokerEpoch } = change;
  const before = image.brokers.get(brokerId);
  assert(before, `broker ${brokerId} is changed but does not exist`);
  assert(brokerEpoch > before.brokerEpoch, `the epoch of broker ${brokerId} does not rise`);
  image.brokers.set(brokerId, { ...before, state, brokerEpoch });
  if ((before.state === "fenced") === (state === "fenced")) return;
  for (const topic of image.topics.values()) {
    const isThere = ({ replicas }: PartitionMetadata): boolean =>
      replicas.some((replica) => replica.brokerId === brokerId);
    const touched = topic.partitions.filter(isThere);
    if (touched.length === 0) continue;
    const partitions = topic.partitions.map((one) => (isThere(one) ? withNextEpoch(one) : one));
    replaceTopic(image, topic, { ...topic, partitions });
    markPending(image.assignments, topic.topicId, touched.flatMap(replicaKeysOf), atMs);
  }
}

function changePartitions(
  image: ClusterImage,
  change: Of<"partitions-changed">,
  atMs: number,
): void {
  const before = knownTopic(image, change.topicId);
  const partitions = [...before.partitions];
  for (const one of change.partitions) {
    const was = partitions[one.partition];
    assert(was, `partition ${one.partition} is changed but does not exist`);
    const now = withChange(was, one);
    partitions[one.partition] = now;
    count(image, was, now, one);
    markPending(image.assignments, change.topicId, replicaKeysOf(now), atMs);
    moveReplicas(image, change.topicId, was, now, atMs);
  }
  replaceTopic(image, before, { ...before, partitions });
}

function moveReplicas(
  image: ClusterImage,
  topicId: string,
  was: PartitionMetadata,
  now: PartitionMetadata,
  atMs: number,
): void {
  if (was.replicas === now.replicas || was.unfounded) return;
  const { partition } = was;
  const before = new Set(replicaKeysOf(was));
  const after = new Set(replicaKeysOf(now));
  const added = [...after].filter((key) => !before.has(key));
  markPendingNew(image.assignments, topicId, added, atMs);
  const removed = was.replicas.filter(
    (replica) => !after.has(replicaKey({ partition, ...replica })),
  );
  const generations = image.generations.get(topicId) ?? new Map<string, number>();
  for (const { brokerId, generation } of removed) {
    generations.set(`${partition}/${brokerId}`, generation);
  }
  if (generations.size > 0) image.generations.set(topicId, generations);
  const keys = removed.map((replica) => replicaKey({ partition, ...replica }));
  markRemoved(image, topicId, keys, atMs);
}

function count(
  image: ClusterImage,
  was: PartitionMetadata,
  now: PartitionMetadata,
  change: PartitionChange,
): void {
  const counts = { ...image.counts };
  if (change.unclean) counts.uncleanElections += 1;
  else if (change.leader !== undefined && change.leader !== -1) counts.elections += 1;
  const stays = (id: number): boolean => now.replicas.some(({ brokerId }) => brokerId === id);
  const left = was.inSync.some((id) => !now.inSync.includes(id) && stays(id));
  const joined = now.inSync.some((id) => !was.inSync.includes(id));
  if (left) counts.inSyncShrinks += 1;
  if (joined) counts.inSyncExpands += 1;
  image.counts = counts;
}
