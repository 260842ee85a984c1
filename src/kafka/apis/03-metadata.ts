/**
 * Metadata (3): the brokers, and for each topic its partitions, leaders and replicas, as the controller has them now.
 *
 * Deviations from Kafka: a topic that is created by this request is in the same answer, with its leaders. The
 * controller is an object of its own here; the lowest active broker is named in its place, and accepts what a client
 * sends to the controller, as every broker does. Of brokers that share a port one is named, also as the leader of
 * partitions that the others lead.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import { NO_TOPIC_ID, topicNameProblem } from "../../base/ids.ts";
import type { PartitionMetadata, TopicMetadata } from "../../objects/contracts/controller.ts";
import { forget } from "../../gateway/metadata.ts";
import { nodesOf, type Nodes } from "../../gateway/addresses.ts";
import { AUTHORIZED_OPERATIONS } from "../authorized-operations.ts";
import { codeOf, codeOfRefusal, NONE } from "../errors.ts";
import type { Request, Response } from "../messages/index.ts";
import type { Handler } from "../handler.ts";
import type { Session } from "../session.ts";

type TopicAnswer = Response<3>["topics"][number];
type PartitionAnswer = TopicAnswer["partitions"][number];

/** Topics can be asked for by id from this version on. */
const BY_ID_SINCE = 12;

/** Topics that one request may create. */
const CREATED_MAX = 100;

export const metadata: Handler<3> = async (request, context) => {
  const { session, version } = context;
  if (!mayAskSo(request, version)) return refusedAll(request, refuse("INVALID_REQUEST"));
  const ids = idsOf(request);
  const names = ids.length > 0 ? [] : namesOf(request, version);
  const cluster = await session.controller(true, (controller) =>
    ids.length > 0 ? controller.metadata([], ids) : controller.metadata(names),
  );
  if (!cluster.ok) return refusedAll(request, cluster);
  const found = new Map(cluster.topics.map((topic) => [topic.topic, topic]));
  const refusals =
    names !== null && request.allowAutoTopicCreation
      ? await create(session, names, found)
      : new Map<string, Refusal>();
  const nodes = nodesOf(cluster, session.peer.addresses);
  const operations = request.includeTopicAuthorizedOperations
    ? AUTHORIZED_OPERATIONS.topic
    : undefined;
  const answered =
    ids.length > 0 ? byId(ids, cluster.topics) : byName(names ?? [...found.keys()], found);
  return {
    brokers: nodes.all,
    clusterId: session.service.clusterId,
    controllerId: nodes.controllerId,
    topics: answered.map(({ name, topicId, topic }) =>
      topic === undefined
        ? { errorCode: missingCode(name, refusals), name, topicId, partitions: [] }
        : topicAnswer(topic, nodes, operations),
    ),
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? AUTHORIZED_OPERATIONS.cluster
      : undefined,
  };
};

/** Before version 12 topics have ids in answers only (KIP-516). */
function mayAskSo({ topics }: Request<3>, version: number): boolean {
  if (topics === null || version >= BY_ID_SINCE) return true;
  return topics.every(({ name, topicId }) => name !== null && topicId === NO_TOPIC_ID);
}

/** As in Kafka, a request goes by ids where it has any. */
function idsOf({ topics }: Request<3>): readonly string[] {
  const ids = (topics ?? []).map(({ topicId }) => topicId);
  return [...new Set(ids.filter((topicId) => topicId !== NO_TOPIC_ID))];
}

/** Null: all topics. */
function namesOf({ topics }: Request<3>, version: number): readonly string[] | null {
  if (topics === null || (version === 0 && topics.length === 0)) return null;
  return [...new Set(topics.map(({ name }) => name ?? ""))];
}

/** One topic of an answer: what was asked for, and what was found. */
interface Answered {
  readonly name: string | null;
  readonly topicId: string;
  readonly topic: TopicMetadata | undefined;
}

function byId(ids: readonly string[], topics: readonly TopicMetadata[]): Answered[] {
  const found = new Map(topics.map((topic) => [topic.topicId, topic]));
  return ids.map((topicId) => ({ name: null, topicId, topic: found.get(topicId) }));
}

function byName(names: readonly string[], found: ReadonlyMap<string, TopicMetadata>): Answered[] {
  return names.map((name) => ({ name, topicId: NO_TOPIC_ID, topic: found.get(name) }));
}

/** Creates missing topics, where the service is configured to; answers why a topic could not be created. */
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
      controller.createTopic({ topic: name, atFirstUse: true }),
    );
    forget(name);
    if (created.ok) found.set(name, created.topic);
    // Where another client has created it first, the next request finds the topic.
    else refusals.set(name, created);
  }
  return refusals;
}

/** One error for the whole request: reported for each topic, and from version 13 on for the request (KIP-1102). */
function refusedAll({ topics }: Request<3>, refusal: Refusal): Response<3> {
  const errorCode = codeOfRefusal(refusal);
  return {
    brokers: [],
    topics: (topics ?? []).map(({ name, topicId }) => ({
      errorCode,
      name: name ?? "",
      topicId,
      partitions: [],
    })),
    errorCode,
  };
}

function topicAnswer(
  { topic: name, topicId, partitions }: TopicMetadata,
  nodes: Nodes,
  topicAuthorizedOperations: number | undefined,
): TopicAnswer {
  return {
    errorCode: NONE,
    name,
    topicId,
    partitions: partitions.map((partition) => partitionAnswer(partition, nodes)),
    topicAuthorizedOperations,
  };
}

/** `name` null: no topic has the id that was asked for. */
function missingCode(name: string | null, refusals: ReadonlyMap<string, Refusal>): number {
  if (name === null) return codeOf("UNKNOWN_TOPIC_ID");
  if (topicNameProblem(name) !== null) return codeOf("INVALID_TOPIC_EXCEPTION");
  const refusal = refusals.get(name);
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
