/**
 * Metadata (3): the brokers, and for each topic its partitions, leaders and replicas, as the controller has
 * them now.
 *
 * Where it deviates from Kafka: a topic that is created by being asked for is there in the same answer,
 * leaders and all. The controller is an object of its own here; the lowest active broker stands for it, and
 * takes what a client sends to it as any other does. Of brokers that share a port one is named, also as the
 * leader of what the others lead. Topic ids are not told (versions from 10 on).
 */
import type { Refusal } from "../../base/errors.ts";
import { topicNameProblem } from "../../base/ids.ts";
import type { PartitionMetadata, TopicMetadata } from "../../objects/controller/api.ts";
import { forget } from "../../worker/metadata.ts";
import { nodesOf, type Nodes } from "../addresses.ts";
import { codeOf, codeOfRefusal, NONE } from "../errors.ts";
import type { Request, Response } from "../messages/index.ts";
import type { Handler } from "../served.ts";
import type { Session } from "../session.ts";

type TopicAnswer = Response<3>["topics"][number];
type PartitionAnswer = TopicAnswer["partitions"][number];

/** Topics that one request may create. */
const CREATED_MAX = 100;

export const metadata: Handler<3> = async (request, { session, version }) => {
  const names = namesOf(request, version);
  const cluster = await session.controller(true, (controller) => controller.metadata(names));
  if (!cluster.ok) return unavailable(names ?? [], cluster);
  const found = new Map(cluster.topics.map((topic) => [topic.topic, topic]));
  const refusals =
    names !== null && request.allowAutoTopicCreation
      ? await create(session, names, found)
      : new Map<string, Refusal>();
  const nodes = nodesOf(cluster, session.peer.addresses);
  const all = names ?? [...found.keys()];
  return {
    brokers: nodes.all,
    clusterId: session.service.clusterId,
    controllerId: nodes.controllerId,
    topics: all.map((name) => topicAnswer(name, found.get(name), refusals.get(name), nodes)),
  };
};

/** Null: all topics. */
function namesOf({ topics }: Request<3>, version: number): readonly string[] | null {
  if (topics === null || (version === 0 && topics.length === 0)) return null;
  return [...new Set(topics.map(({ name }) => name))];
}

/** Creates what is missing, where the service is set to; answers why what could not be. */
async function create(
  session: Session,
  names: readonly string[],
  found: Map<string, TopicMetadata>,
): Promise<Map<string, Refusal>> {
  const refusals = new Map<string, Refusal>();
  if (!session.service.config["auto.create.topics.enable"]) return refusals;
  const missing = names.filter((name) => !found.has(name) && topicNameProblem(name) === null);
  for (const name of missing.slice(0, CREATED_MAX)) {
    const created = await session.controller(false, (controller) =>
      controller.createTopic({ topic: name }),
    );
    forget(name);
    if (created.ok) found.set(name, created.topic);
    // Where another client was first, the next request finds the topic.
    else refusals.set(name, created);
  }
  return refusals;
}

function unavailable(names: readonly string[], refusal: Refusal): Response<3> {
  const errorCode = codeOfRefusal(refusal);
  const topics = names.map((name) => ({ errorCode, name, partitions: [] }));
  return { brokers: [], topics };
}

function topicAnswer(
  name: string,
  topic: TopicMetadata | undefined,
  refusal: Refusal | undefined,
  nodes: Nodes,
): TopicAnswer {
  if (topic === undefined) return { errorCode: missingCode(name, refusal), name, partitions: [] };
  const partitions = topic.partitions.map((partition) => partitionAnswer(partition, nodes));
  return { errorCode: NONE, name, partitions };
}

function missingCode(name: string, refusal: Refusal | undefined): number {
  if (topicNameProblem(name) !== null) return codeOf("INVALID_TOPIC_EXCEPTION");
  if (refusal === undefined) return codeOf("UNKNOWN_TOPIC");
  if (refusal.error === "TOPIC_ALREADY_EXISTS") return codeOf("LEADER_NOT_AVAILABLE");
  return codeOfRefusal(refusal);
}

function partitionAnswer(partition: PartitionMetadata, nodes: Nodes): PartitionAnswer {
  const { leader, leaderEpoch, inSync } = partition;
  const replicaNodes = partition.replicas.map(({ brokerId }) => brokerId);
  const node = nodes.of(leader);
  return {
    errorCode: node ? NONE : codeOf("LEADER_NOT_AVAILABLE"),
    partitionIndex: partition.partition,
    leaderId: node?.nodeId ?? -1,
    leaderEpoch,
    replicaNodes,
    isrNodes: inSync,
    offlineReplicas: replicaNodes.filter((id) => nodes.of(id) === undefined),
  };
}
