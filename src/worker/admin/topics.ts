/** Topics: list, create, describe, grow, delete. */
import * as z from "zod";
import { topicText } from "../text-schemas.ts";
import { refuse } from "../../base/errors.ts";
import type { TopicMetadata } from "../../objects/contracts/controller.ts";
import { json } from "../answers.ts";
import { REPLICATION_FACTOR_MAX, TOPIC_PARTITIONS_MAX } from "../../base/limits.ts";
import { BODY_ERRORS, readJson } from "../read-json.ts";
import { forget, topicMetadata } from "../../gateway/metadata.ts";
import { callController } from "../../gateway/objects.ts";
import { pathText } from "../params.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { healthCounts } from "./replicas.ts";
import { topicExample, topicsExample } from "./examples.ts";
import { clusterPlace, head, list, topicListSchema, topicPlace, topicSchema } from "./resources.ts";

const TOPICS = "/v3/clusters/{cluster_id}/topics";
const T = `${TOPICS}/{topic}`;

const creation = z
  .strictObject({
    topic_name: topicText,
    partitions_count: z.int().meta({ minimum: 1, maximum: TOPIC_PARTITIONS_MAX }).optional(),
    replication_factor: z.int().meta({ minimum: 1, maximum: REPLICATION_FACTOR_MAX }).optional(),
    replicas_assignments: z.record(z.string(), z.array(z.int())).optional(),
    configs: z
      .array(z.strictObject({ name: z.string(), value: z.string().nullable().optional() }))
      .optional(),
    validate_only: z.boolean().optional(),
  })
  .meta({ id: "CreateTopicRequest" });

const growth = z
  .strictObject({ partitions_count: z.int().meta({ minimum: 1, maximum: TOPIC_PARTITIONS_MAX }) })
  .meta({ id: "UpdatePartitionCountRequest" });

function topicData(c: Ctx, service: Service, topic: TopicMetadata): Record<string, unknown> {
  const place = topicPlace(c, service, topic.topic);
  return {
    ...head("KafkaTopic", place),
    cluster_id: service.clusterId,
    topic_name: topic.topic,
    topic_id: topic.topicId,
    is_internal: false,
    replication_factor: topic.partitions[0]?.replicas.length ?? 0,
    partitions_count: topic.partitions.length,
    partitions: place.related("partitions"),
    configs: place.related("configs"),
    partition_reassignments: place.related("partitions/-/reassignment"),
    ...healthCounts(topic.partitions),
  };
}

async function listTopics(c: Ctx, service: Service): Promise<Outcome> {
  const cluster = await callController(service, true, (controller) => controller.metadata(null));
  if (!cluster.ok) return cluster;
  const data = cluster.topics
    .toSorted((a, b) => (a.topic < b.topic ? -1 : 1))
    .map((topic) => topicData(c, service, topic));
  return json(list("KafkaTopicList", `${clusterPlace(c, service).self}/topics`, data));
}

async function createTopic(c: Ctx, service: Service): Promise<Outcome> {
  const body = await readJson(c.req.raw, creation);
  if (!body.ok) return body;
  const request = body.value;
  const assignments = byPartition(request.replicas_assignments ?? {});
  if (assignments === null) {
    return refuse("INVALID_REPLICA_ASSIGNMENT", "Partitions are numbered from 0 on.");
  }
  // null stands for the default, as in Kafka.
  const given = (request.configs ?? []).filter(({ value }) => typeof value === "string");
  const configs = Object.fromEntries(given.map(({ name, value }) => [name, value as string]));
  if (Object.keys(configs).length < given.length) {
    return refuse("INVALID_REQUEST", "A setting is named more than once.");
  }
  const validateOnly = request.validate_only === true;
  const created = await callController(service, false, (controller) =>
    controller.createTopic({
      topic: request.topic_name,
      ...(assignments.length > 0 && { assignments }),
      ...(request.partitions_count !== undefined && { partitions: request.partitions_count }),
      ...(request.replication_factor !== undefined && {
        replicationFactor: request.replication_factor,
      }),
      configs,
      validateOnly,
      atFirstUse: true,
    }),
  );
  if (!created.ok) return created;
  const answer = json(topicData(c, service, created.topic), validateOnly ? 200 : 201);
  if (!validateOnly) {
    forget(request.topic_name);
    answer.headers.set("location", topicPlace(c, service, request.topic_name).self);
  }
  return answer;
}

/** Broker ids by partition; null where the keys are not 0, 1, 2 and so on. */
function byPartition(
  given: Readonly<Record<string, readonly number[]>>,
): readonly (readonly number[])[] | null {
  const assignments = Object.keys(given).map((_, partition) => given[String(partition)]);
  return assignments.every((brokerIds) => brokerIds !== undefined) ? assignments : null;
}

async function getTopic(c: Ctx, service: Service): Promise<Outcome> {
  const topic = await topicMetadata(service, pathText(c, "topic"), true);
  return topic.ok ? json(topicData(c, service, topic.metadata)) : topic;
}

async function growTopic(c: Ctx, service: Service): Promise<Outcome> {
  const name = pathText(c, "topic");
  const body = await readJson(c.req.raw, growth);
  if (!body.ok) return body;
  const grown = await callController(service, false, (controller) =>
    controller.createPartitions(name, body.value.partitions_count, false, null, true),
  );
  forget(name);
  return grown.ok ? json(topicData(c, service, grown.topic)) : grown;
}

async function deleteTopic(c: Ctx, service: Service): Promise<Outcome> {
  const name = pathText(c, "topic");
  const deleted = await callController(service, false, (controller) =>
    controller.deleteTopic(name),
  );
  forget(name);
  return deleted.ok ? new Response(null, { status: 204 }) : deleted;
}

const creationExample = {
  topic_name: "flights",
  partitions_count: 6,
  replication_factor: 1,
  configs: [{ name: "retention.ms", value: "86400000" }],
};

export const topicRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: TOPICS,
    id: "listTopics",
    needs: [["topic", "describe"]],
    tag: "Topics",
    summary: "All topics, by name",
    answers: {
      200: {
        description: "The topics.",
        content: { "application/json": { schema: topicListSchema, example: topicsExample } },
      },
    },
    handler: listTopics,
  }),
  defineRoute({
    method: "POST",
    path: TOPICS,
    id: "createTopic",
    needs: [["topic", "create"]],
    tag: "Topics",
    summary: "Create a topic",
    description:
      "Numbers that are absent come from num.partitions and default.replication.factor; at most as many replicas as there are active brokers. `replicas_assignments` gives the brokers of each partition (from 0 on), the preferred leader first, instead of both numbers. With `validate_only` everything is checked and nothing is created.",
    body: { "application/json": { schema: creation, example: creationExample } },
    answers: {
      200: {
        description: "The topic could be created (`validate_only`).",
        content: { "application/json": { schema: topicSchema, example: topicExample } },
      },
      201: {
        description: "Created; `Location` says where.",
        content: { "application/json": { schema: topicSchema, example: topicExample } },
        headers: z.object({ Location: z.string() }),
      },
    },
    errors: [
      ...BODY_ERRORS,
      "INVALID_TOPIC_EXCEPTION",
      "TOPIC_ALREADY_EXISTS",
      "INVALID_PARTITIONS",
      "INVALID_REPLICATION_FACTOR",
      "INVALID_REPLICA_ASSIGNMENT",
      "INVALID_CONFIG",
    ],
    handler: createTopic,
  }),
  defineRoute({
    method: "GET",
    path: T,
    id: "getTopic",
    needs: [["topic", "describe"]],
    tag: "Topics",
    summary: "One topic",
    answers: {
      200: {
        description: "The topic.",
        content: { "application/json": { schema: topicSchema, example: topicExample } },
      },
    },
    errors: ["UNKNOWN_TOPIC", "INVALID_TOPIC_EXCEPTION"],
    handler: getTopic,
  }),
  defineRoute({
    method: "PATCH",
    path: T,
    id: "updatePartitionCount",
    needs: [["topic", "alter"]],
    tag: "Topics",
    summary: "Add partitions",
    description: "The number can only grow. Later records of a key may go to another partition.",
    body: { "application/json": { schema: growth, example: { partitions_count: 12 } } },
    answers: {
      200: {
        description: "The topic as it is now.",
        content: { "application/json": { schema: topicSchema, example: topicExample } },
      },
    },
    errors: [...BODY_ERRORS, "INVALID_PARTITIONS", "UNKNOWN_TOPIC"],
    handler: growTopic,
  }),
  defineRoute({
    method: "DELETE",
    path: T,
    id: "deleteTopic",
    needs: [["topic", "delete"]],
    tag: "Topics",
    summary: "Delete a topic",
    description:
      "The topic is gone when the request is answered; the storage of its partitions is deleted afterwards. A new topic of the same name begins empty.",
    answers: { 204: { description: "Deleted." } },
    errors: ["UNKNOWN_TOPIC"],
    handler: deleteTopic,
  }),
];
