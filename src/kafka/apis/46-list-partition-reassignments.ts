/** ListPartitionReassignments (46): the moves in progress, all of them or those of the partitions named. */
import type { PartitionMetadata } from "../../objects/contracts/controller.ts";
import { errorFields } from "../errors.ts";
import type { Request } from "../messages/index.ts";
import type { Handler } from "../handler.ts";

export const listPartitionReassignments: Handler<46> = async ({ topics }, { session }) => {
  const names = topics === null ? null : topics.map(({ name }) => name);
  const cluster = await session.controller(true, (controller) => controller.metadata(names));
  if (!cluster.ok) return { ...errorFields(cluster), topics: [] };
  const moving = cluster.topics
    .map(({ topic, partitions }) => ({
      name: topic,
      partitions: partitions.filter((partition) => isMoving(partition, topic, topics)).map(move),
    }))
    .filter(({ partitions }) => partitions.length > 0);
  return { ...errorFields(cluster), topics: moving };
};

function isMoving(
  { partition, adding = [], removing = [] }: PartitionMetadata,
  topic: string,
  asked: Request<46>["topics"],
): boolean {
  if (adding.length + removing.length === 0) return false;
  if (asked === null) return true;
  return asked.some(
    ({ name, partitionIndexes }) => name === topic && partitionIndexes.includes(partition),
  );
}

function move({ partition, replicas, adding = [], removing = [] }: PartitionMetadata) {
  return {
    partitionIndex: partition,
    replicas: replicas.map(({ brokerId }) => brokerId),
    addingReplicas: adding,
    removingReplicas: removing,
  };
}
