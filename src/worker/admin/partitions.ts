/** Partitions and their replicas: who leads, where the log begins and ends, deleting its front. */
import { z } from "@hono/zod-openapi";
import { refuse, type Refusal } from "../../base/errors.ts";
import { parseWhole } from "../../base/ids.ts";
import type { PartitionMetadata } from "../../objects/controller/api.ts";
import type { OffsetSpec, ReplicaDescription } from "../../objects/partition/api.ts";
import { json } from "../answers.ts";
import { callPartition } from "../calls.ts";
import { topicMetadata, type KnownTopic } from "../metadata.ts";
import { pathPartition, pathText } from "../params.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../service.ts";
import { clusterPlace, head, list, topicPlace, type Place } from "./resources.ts";
import {
  offsetsSchema,
  partitionListSchema,
  partitionSchema,
  replicaListSchema,
  replicaSchema,
} from "./resources.ts";

const PARTITIONS = "/v3/clusters/{cluster_id}/topics/{topic}/partitions";
const P = `${PARTITIONS}/{partition_id}`;

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

/** What the leader says of itself. */
export function describeLeader(
  service: Service,
  topic: KnownTopic,
  partition: number,
): Promise<ReplicaDescription | Refusal> {
  return callPartition(service, topic, partition, true, (stub) => stub.describe());
}

function placeOf(c: Ctx, service: Service, topic: KnownTopic, partition: number): Place {
  return topicPlace(c, service, topic.metadata.topic).item("partitions", "partition", partition);
}

/** The fields with which everything about a partition begins. */
function named(service: Service, topic: KnownTopic, partition: number): Record<string, unknown> {
  return {
    cluster_id: service.clusterId,
    topic_name: topic.metadata.topic,
    partition_id: partition,
  };
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

/** `?timestamp=`: null when absent. */
function timestampOf(c: Ctx): OffsetSpec | null | Refusal {
  const text = c.req.query("timestamp");
  if (text === undefined) return null;
  if (text === "max") return { at: "max-timestamp" };
  const timestampMs = parseWhole(text);
  if (timestampMs !== null) return { at: "timestamp", timestampMs };
  return refuse(
    "INVALID_REQUEST",
    "The query's timestamp is neither milliseconds since 1970 nor `max`.",
  );
}

async function getOffsets(c: Ctx, service: Service): Promise<Outcome> {
  const spec = timestampOf(c);
  if (spec !== null && "ok" in spec) return spec;
  const topic = await topicMetadata(service, pathText(c, "topic"));
  if (!topic.ok) return topic;
  const partition = pathPartition(c);
  const log = await describeLeader(service, topic, partition);
  if (!log.ok) return log;
  const answer: Record<string, unknown> = {
    ...head("KafkaPartitionWithOffsets", placeOf(c, service, topic, partition).aspect("offset")),
    ...named(service, topic, partition),
    earliest_offset: log.logStartOffset,
    latest_offset: log.highWatermark,
  };
  if (spec === null) return json(answer);
  const found = await callPartition(service, topic, partition, true, (stub) =>
    stub.listOffset(spec),
  );
  if (!found.ok) return found;
  const none = found.offset < 0;
  return json({
    ...answer,
    offset: none ? null : found.offset,
    timestamp: none ? null : found.timestampMs,
  });
}

async function deleteRecords(c: Ctx, service: Service): Promise<Outcome> {
  const text = c.req.query("before");
  // -1 is Kafka's word for the high watermark.
  const before = text === "-1" || text === "latest" ? -1 : parseWhole(text ?? "");
  if (before === null) {
    return refuse("INVALID_REQUEST", "The query's before must be an offset, or `latest`.");
  }
  const topic = await topicMetadata(service, pathText(c, "topic"));
  if (!topic.ok) return topic;
  const partition = pathPartition(c);
  // Deleting the same front twice is deleting it once.
  const deleted = await callPartition(service, topic, partition, true, (stub) =>
    stub.deleteRecords(before),
  );
  if (!deleted.ok) return deleted;
  return json({ ...named(service, topic, partition), log_start_offset: deleted.logStartOffset });
}

const NOT_THERE = [
  "UNKNOWN_TOPIC",
  "INVALID_TOPIC_EXCEPTION",
  "UNKNOWN_TOPIC_OR_PARTITION",
] as const;

/** What asking a partition's leader can come to. */
const LEADER = [
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_OR_FOLLOWER",
  "THROTTLING_QUOTA_EXCEEDED",
  "KAFKA_STORAGE_ERROR",
] as const;

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
        content: { "application/json": { schema: partitionListSchema } },
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
      200: { description: "It.", content: { "application/json": { schema: partitionSchema } } },
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
        content: { "application/json": { schema: replicaListSchema } },
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
      200: { description: "It.", content: { "application/json": { schema: replicaSchema } } },
    },
    errors: [...NOT_THERE, "BROKER_NOT_FOUND"],
    handler: getReplica,
  }),
  defineRoute({
    method: "GET",
    path: `${P}/offset`,
    id: "listOffsets",
    tag: "Partitions",
    summary: "Where a partition begins and ends",
    description:
      "With `timestamp` also the first offset whose record is at or after that time, or the one with the newest timestamp (`max`); null when there is none.",
    query: z.object({
      timestamp: z
        .string()
        .optional()
        .openapi({ description: "Milliseconds since 1970, or `max`.", example: "1767225600000" }),
    }),
    answers: {
      200: {
        description: "`latest_offset` is the offset that the next readable record will have.",
        content: { "application/json": { schema: offsetsSchema } },
      },
    },
    errors: [...NOT_THERE, ...LEADER, "INVALID_REQUEST"],
    handler: getOffsets,
  }),
  defineRoute({
    method: "DELETE",
    path: `${P}/records`,
    id: "deleteRecords",
    tag: "Partitions",
    summary: "Delete the records before an offset",
    description: "Raises the log start offset; offsets of what stays do not change.",
    query: z.object({
      before: z.string().openapi({
        description: "The first offset to keep, or `latest` to keep nothing.",
        example: "1000",
      }),
    }),
    answers: {
      200: {
        description: "The log start offset as it is now.",
        content: {
          "application/json": {
            schema: z.object({
              cluster_id: z.string(),
              topic_name: z.string(),
              partition_id: z.int(),
              log_start_offset: z.int(),
            }),
          },
        },
      },
    },
    errors: [...NOT_THERE, ...LEADER, "INVALID_REQUEST", "OFFSET_OUT_OF_RANGE"],
    handler: deleteRecords,
  }),
];
