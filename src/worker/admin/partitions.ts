/** Partitions and their replicas: who leads, who is in sync, where the log begins and ends. */
import { refuse, type Refusal } from "../../base/errors.ts";
import { parseWhole } from "../../base/ids.ts";
import type { PartitionMetadata } from "../../objects/controller/api.ts";
import type { ReplicaDescription } from "../../objects/partition/api.ts";
import { json } from "../answers.ts";
import { topicMetadata, type KnownTopic } from "../metadata.ts";
import { pathPartition, pathText } from "../params.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../service.ts";
import {
  partitionExample,
  partitionsExample,
  replicaExample,
  replicasExample,
} from "./examples.ts";
import { describeLeader, named, NOT_THERE, P, placeOf } from "./leader.ts";
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

/** Partitions whose objects are asked at the same time when all of a topic's are listed. */
const ASKED_AT_ONCE = 32;

/** A partition that the request's path names, and what the cluster knows of it. */
interface Found {
  readonly ok: true;
  readonly topic: KnownTopic;
  readonly metadata: PartitionMetadata;
}

async function findPartition(c: Ctx, service: Service): Promise<Found | Refusal> {
  const topic = await topicMetadata(service, pathText(c, "topic"), true);
  if (!topic.ok) return topic;
  const metadata = topic.metadata.partitions[pathPartition(c)];
  return metadata === undefined ? refuse("UNKNOWN_PARTITION") : { ok: true, topic, metadata };
}

function partitionData(
  c: Ctx,
  service: Service,
  topic: KnownTopic,
  metadata: PartitionMetadata,
  log: ReplicaDescription | Refusal,
): unknown {
  const place = placeOf(c, service, topic, metadata.partition);
  return {
    ...head("KafkaPartition", place),
    ...named(service, topic, metadata.partition),
    ...(metadata.leader >= 0 && { leader: place.related(`replicas/${metadata.leader}`) }),
    replicas: place.related("replicas"),
    reassignment: place.related("reassignment"),
    leader_epoch: metadata.leaderEpoch,
    partition_epoch: metadata.partitionEpoch,
    in_sync_replicas: metadata.inSync,
    // Not known while the leader cannot be asked; the rest of the answer is.
    log_start_offset: log.ok ? log.logStartOffset : null,
    high_watermark: log.ok ? log.highWatermark : null,
    log_end_offset: log.ok ? log.logEndOffset : null,
  };
}

async function listPartitions(c: Ctx, service: Service): Promise<Outcome> {
  const topic = await topicMetadata(service, pathText(c, "topic"), true);
  if (!topic.ok) return topic;
  const { partitions } = topic.metadata;
  const data: unknown[] = [];
  for (let from = 0; from < partitions.length; from += ASKED_AT_ONCE) {
    const some = partitions.slice(from, from + ASKED_AT_ONCE);
    const logs = await Promise.all(some.map((p) => describeLeader(service, topic, p.partition)));
    data.push(...some.map((p, i) => partitionData(c, service, topic, p, logs[i]!)));
  }
  const self = `${topicPlace(c, service, topic.metadata.topic).self}/partitions`;
  return json(list("KafkaPartitionList", self, data));
}

async function getPartition(c: Ctx, service: Service): Promise<Outcome> {
  const found = await findPartition(c, service);
  if (!found.ok) return found;
  const log = await describeLeader(service, found.topic, found.metadata.partition);
  return json(partitionData(c, service, found.topic, found.metadata, log));
}

function replicaData(c: Ctx, service: Service, found: Found, brokerId: number): unknown {
  const { topic, metadata } = found;
  const place = placeOf(c, service, topic, metadata.partition);
  return {
    ...head("KafkaReplica", place.item("replicas", "replica", brokerId)),
    ...named(service, topic, metadata.partition),
    broker_id: brokerId,
    is_leader: brokerId === metadata.leader,
    is_in_sync: metadata.inSync.includes(brokerId),
    broker: clusterPlace(c, service).related(`brokers/${brokerId}`),
  };
}

async function listReplicas(c: Ctx, service: Service): Promise<Outcome> {
  const found = await findPartition(c, service);
  if (!found.ok) return found;
  const { topic, metadata } = found;
  const data = metadata.replicas.map(({ brokerId }) => replicaData(c, service, found, brokerId));
  const { self } = placeOf(c, service, topic, metadata.partition);
  return json(list("KafkaReplicaList", `${self}/replicas`, data));
}

async function getReplica(c: Ctx, service: Service): Promise<Outcome> {
  const found = await findPartition(c, service);
  if (!found.ok) return found;
  const id = parseWhole(pathText(c, "broker_id"));
  const replica = found.metadata.replicas.find(({ brokerId }) => brokerId === id);
  if (replica === undefined) {
    return refuse("BROKER_NOT_FOUND", "The partition has no replica on such a broker.");
  }
  return json(replicaData(c, service, found, replica.brokerId));
}

export const partitionRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: PARTITIONS,
    id: "listPartitions",
    tag: "Partitions",
    summary: "The partitions of a topic",
    description: "Each leader is asked for its offsets; those of one that cannot answer are null.",
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
