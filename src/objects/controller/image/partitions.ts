/**
 * Partitions after a change: new ones, changed ones, and what must hold of each. Pure functions on values; the image
 * is altered in apply.ts.
 */
import { assert } from "../../../base/errors.ts";
import type { PartitionMetadata, TopicMetadata } from "../../contracts/controller.ts";
import { FIRST_GENERATION, type NewPartition, type PartitionChange } from "./changes.ts";

interface NewPartitions {
  readonly partitions: readonly NewPartition[];
  readonly unfounded?: true;
}

export function newTopic(created: {
  readonly topic: string;
  readonly topicId: string;
  readonly configs: Readonly<Record<string, string>>;
  readonly partitions: readonly NewPartition[];
  readonly unfounded?: true;
}): TopicMetadata {
  const { topic, topicId, configs } = created;
  return { topic, topicId, configs, partitions: newPartitions(0, created) };
}

export function withPartitions(topic: TopicMetadata, added: NewPartitions): TopicMetadata {
  const first = topic.partitions.length;
  return { ...topic, partitions: [...topic.partitions, ...newPartitions(first, added)] };
}

/** The partition after its replicas were founded. */
export function withFounding(was: PartitionMetadata): PartitionMetadata {
  const { unfounded: _, ...partition } = was;
  return withNextEpoch(partition);
}

export function withConfigs(
  topic: TopicMetadata,
  configs: Readonly<Record<string, string>>,
): TopicMetadata {
  return { ...topic, configs, partitions: topic.partitions.map(withNextEpoch) };
}

export function withNextEpoch(partition: PartitionMetadata): PartitionMetadata {
  return { ...partition, partitionEpoch: partition.partitionEpoch + 1 };
}

/** The partition after the change; asserts that it is sound. */
export function withChange(was: PartitionMetadata, change: PartitionChange): PartitionMetadata {
  const { adding, removing, ...lasting } = was;
  const { leader, inSync, replicas } = change;
  const moves = replicas ? change : { adding, removing };
  // rule: leaders-have-epochs-of-their-own
  const leaderEpoch = was.leaderEpoch + 1;
  const after: PartitionMetadata = {
    ...lasting,
    partitionEpoch: was.partitionEpoch + 1,
    ...(leader === undefined ? {} : { leader, leaderEpoch }),
    ...(change.unclean ? { uncleanEpoch: leaderEpoch } : {}),
    ...(inSync ? { inSync } : {}),
    ...(replicas ? { replicas } : {}),
    ...(moves.adding?.length ? { adding: moves.adding } : {}),
    ...(moves.removing?.length ? { removing: moves.removing } : {}),
  };
  assertSound(after);
  return after;
}

export function brokerIdsOf({ replicas }: PartitionMetadata): number[] {
  return replicas.map(({ brokerId }) => brokerId);
}

/** Broker ids of the replicas that stay when the reassignment, if there is one, is complete. */
export function targetOf(partition: PartitionMetadata): number[] {
  const removing = partition.removing ?? [];
  return brokerIdsOf(partition).filter((brokerId) => !removing.includes(brokerId));
}

export function isReassigning({ adding, removing }: PartitionMetadata): boolean {
  return adding !== undefined || removing !== undefined;
}

function assertSound(partition: PartitionMetadata): void {
  const { leader, inSync, adding = [], removing = [] } = partition;
  const brokerIds = brokerIdsOf(partition);
  const areReplicas = (ids: readonly number[]) => ids.every((id) => brokerIds.includes(id));
  assert(new Set(brokerIds).size === brokerIds.length, "two replicas on one broker");
  assert(inSync.length > 0, "an in-sync set without members");
  assert(areReplicas(inSync), "an in-sync member that is no replica");
  assert(leader === -1 || inSync.includes(leader), "a leader that is not in sync");
  assert(areReplicas(adding) && areReplicas(removing), "a move of what is no replica");
}

/** Partitions with the same placement share their lists, so that a topic of thousands holds only a few in memory. */
function newPartitions(
  first: number,
  { partitions: placed, unfounded }: NewPartitions,
): PartitionMetadata[] {
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
      ...(unfounded && { unfounded }),
    };
  });
}
