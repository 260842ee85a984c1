/** The assignment of a replica, as the image has it at this moment. Decides nothing. */
import { assert } from "../../../base/errors.ts";
import type { ReplicaName } from "../../../base/ids.ts";
import { partitionOf, type ClusterImage } from "../image/cluster.ts";
import { replicaKey } from "../image/pending.ts";
import type { ReplicaAssignment } from "../../contracts/assignment.ts";

/** Whether the replica, of this generation, is one of its partition's. */
export function isLive(image: ClusterImage, replica: ReplicaName): boolean {
  const partition = partitionOf(image, replica.topicId, replica.partition);
  return (
    partition?.replicas.some(
      ({ brokerId, generation }) =>
        brokerId === replica.brokerId && generation === replica.generation,
    ) === true
  );
}

export function assignmentOf(image: ClusterImage, replica: ReplicaName): ReplicaAssignment {
  const { topicId, partition, brokerId, generation } = replica;
  const topic = image.topics.get(topicId);
  const state = topic?.partitions[partition];
  assert(topic && state, `partition ${topicId}/${partition} is assigned but does not exist`);
  const { leader, leaderEpoch, partitionEpoch, inSync, uncleanEpoch } = state;
  const founding = image.assignments.get(topicId)?.unconfirmed.has(replicaKey(replica)) === true;
  return {
    topicId,
    topic: topic.topic,
    partition,
    brokerId,
    generation,
    leader,
    leaderEpoch,
    partitionEpoch,
    replicas: state.replicas.map((one) => {
      const broker = image.brokers.get(one.brokerId);
      assert(broker, `a replica is on broker ${one.brokerId}, which does not exist`);
      return { ...one, locationHint: broker.locationHint, fenced: broker.state === "fenced" };
    }),
    inSync,
    configs: topic.configs,
    founding,
    ...(uncleanEpoch === undefined ? {} : { uncleanEpoch }),
  };
}
