/** Partitions and their replicas: who leads, who is in sync, where the log begins and ends. */
import { refuse } from "../../base/errors.ts";
import { parseWhole } from "../../base/ids.ts";
import { json } from "../answers.ts";
import { topicMetadata } from "../../gateway/metadata.ts";
import { pathPartition, pathText } from "../params.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import {
  partitionExample,
  partitionsExample,
  replicaExample,
  replicasExample,
} from "./examples.ts";
import { named, NOT_THERE, P, placeOf } from "./leader.ts";
import { findPartition, partitionView, type FoundPartition } from "./partition-view.ts";
import { replicaViews, type ReplicaView } from "./replicas.ts";
import {
  clusterPlace,
  head,
  list,
  topicPlace,
  partitionListSchema,
  partitionSchema,
  replicaListSchema,
  replicaSchema,
} from "./resources.ts";

const PARTITIONS = "/v3/clusters/{cluster_id}/topics/{topic}/partitions";

/** Replicas that are asked at the same time when all of a topic's are listed, about. */
const ASKED_AT_ONCE = 64;

async function listPartitions(c: Ctx, service: Service): Promise<Outcome> {
  const topic = await topicMetadata(service, pathText(c, "topic"), true);
  if (!topic.ok) return topic;
  const { partitions } = topic.metadata;
  const data: unknown[] = [];
  const step = Math.ceil(ASKED_AT_ONCE / (partitions[0]?.replicas.length ?? 1));
  for (let from = 0; from < partitions.length; from += step) {
    const some = partitions.slice(from, from + step);
    data.push(...(await Promise.all(some.map((p) => partitionView(c, service, topic, p)))));
  }
  const self = `${topicPlace(c, service, topic.metadata.topic).self}/partitions`;
  return json(list("KafkaPartitionList", self, data));
}

async function getPartition(c: Ctx, service: Service): Promise<Outcome> {
  const found = await findPartition(service, pathText(c, "topic"), pathPartition(c));
  if (!found.ok) return found;
  return json(await partitionView(c, service, found.topic, found.metadata));
}

function replicaData(
  c: Ctx,
  service: Service,
  { topic, metadata }: FoundPartition,
  replica: ReplicaView,
): unknown {
  const place = placeOf(c, service, topic, metadata.partition);
  return {
    ...head("KafkaReplica", place.item("replicas", "replica", replica.broker_id)),
    ...named(service, topic, metadata.partition),
    ...replica,
    broker: clusterPlace(c, service).related(`brokers/${replica.broker_id}`),
  };
}

async function listReplicas(c: Ctx, service: Service): Promise<Outcome> {
  const found = await findPartition(service, pathText(c, "topic"), pathPartition(c));
  if (!found.ok) return found;
  const { topic, metadata } = found;
  const replicas = await replicaViews(service, topic, metadata);
  const data = replicas.map((replica) => replicaData(c, service, found, replica));
  const { self } = placeOf(c, service, topic, metadata.partition);
  return json(list("KafkaReplicaList", `${self}/replicas`, data));
}

async function getReplica(c: Ctx, service: Service): Promise<Outcome> {
  const found = await findPartition(service, pathText(c, "topic"), pathPartition(c));
  if (!found.ok) return found;
  const id = parseWhole(pathText(c, "broker_id"));
  const replicas = found.metadata.replicas.filter(({ brokerId }) => brokerId === id);
  const [replica] = await replicaViews(service, found.topic, { ...found.metadata, replicas });
  if (replica === undefined) {
    return refuse("BROKER_NOT_FOUND", "The partition has no replica on such a broker.");
  }
  return json(replicaData(c, service, found, replica));
}

export const partitionRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: PARTITIONS,
    id: "listPartitions",
    needs: [["topic", "describe"]],
    tag: "Partitions",
    summary: "The partitions of a topic",
    description:
      "Each replica is asked for its offsets; those of one that does not answer within a second are null.",
    answers: {
      200: {
        description: "The partitions.",
        content: {
          "application/json": { schema: partitionListSchema, example: partitionsExample },
        },
      },
    },
    errors: ["UNKNOWN_TOPIC", "INVALID_TOPIC_EXCEPTION"],
    handler: listPartitions,
  }),
  defineRoute({
    method: "GET",
    path: P,
    id: "getPartition",
    needs: [["topic", "describe"]],
    tag: "Partitions",
    summary: "One partition",
    answers: {
      200: {
        description: "It.",
        content: { "application/json": { schema: partitionSchema, example: partitionExample } },
      },
    },
    errors: NOT_THERE,
    handler: getPartition,
  }),
  defineRoute({
    method: "GET",
    path: `${P}/replicas`,
    id: "listReplicas",
    needs: [["topic", "describe"]],
    tag: "Partitions",
    summary: "The replicas of a partition",
    answers: {
      200: {
        description: "The replicas, the preferred leader first.",
        content: { "application/json": { schema: replicaListSchema, example: replicasExample } },
      },
    },
    errors: NOT_THERE,
    handler: listReplicas,
  }),
  defineRoute({
    method: "GET",
    path: `${P}/replicas/{broker_id}`,
    id: "getReplica",
    needs: [["topic", "describe"]],
    tag: "Partitions",
    summary: "One replica of a partition",
    answers: {
      200: {
        description: "It.",
        content: { "application/json": { schema: replicaSchema, example: replicaExample } },
      },
    },
    errors: [...NOT_THERE, "BROKER_NOT_FOUND"],
    handler: getReplica,
  }),
];
