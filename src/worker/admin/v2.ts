/** The read-only routes of v2: topics, partitions, offsets, brokers. Those of records are in `records/`. */
import * as z from "zod";
import { refuse, type Refusal } from "../../base/errors.ts";
import { TOPIC_CONFIG_NAMES } from "../../base/config.ts";
import type { PartitionMetadata } from "../../objects/contracts/controller.ts";
import { json, V2_JSON } from "../answers.ts";
import { preferredType } from "../media-types.ts";
import { topicMetadata, type KnownTopic } from "../../gateway/metadata.ts";
import { callController } from "../../gateway/objects.ts";
import { pathPartition, pathText } from "../params.ts";
import {
  defineRoute,
  type Ctx,
  type Handler,
  type Outcome,
  type Route,
  type RouteSpec,
} from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { LEADER, partitionEnds } from "./leader.ts";

const OFFERED = ["application/json", V2_JSON, "application/vnd.kafka+json"];

const partitionSchema = z
  .object({
    partition: z.int(),
    leader: z.int(),
    replicas: z.array(z.object({ broker: z.int(), leader: z.boolean(), in_sync: z.boolean() })),
  })
  .meta({ id: "V2Partition" });

const topicSchema = z
  .object({
    name: z.string(),
    configs: z.record(z.string(), z.string()),
    partitions: z.array(partitionSchema),
  })
  .meta({ id: "V2Topic" });

const offsetsSchema = z.object({ beginning_offset: z.int(), end_offset: z.int() });

/** The answer of a v2 route: a value, sent in the media type that the caller accepts. */
type Value = { readonly ok: true; readonly value: unknown } | Refusal;

const value = (of: unknown): Value => ({ ok: true, value: of });

function answering(handler: (c: Ctx, service: Service) => Promise<Value>): Handler {
  return async (c, service): Promise<Outcome> => {
    const type = preferredType(c.req.raw.headers.get("accept"), OFFERED);
    if (type === null) return refuse("NOT_ACCEPTABLE");
    const answer = await handler(c, service);
    return answer.ok ? json(answer.value, 200, type) : answer;
  };
}

function partitionData(metadata: PartitionMetadata): unknown {
  return {
    partition: metadata.partition,
    leader: metadata.leader,
    replicas: metadata.replicas.map(({ brokerId }) => ({
      broker: brokerId,
      leader: brokerId === metadata.leader,
      in_sync: metadata.inSync.includes(brokerId),
    })),
  };
}

async function listTopics(_c: Ctx, service: Service): Promise<Value> {
  const cluster = await callController(service, true, (controller) => controller.metadata(null));
  return cluster.ok ? value(cluster.topics.map(({ topic }) => topic).toSorted()) : cluster;
}

async function withTopic(
  c: Ctx,
  service: Service,
  data: (topic: KnownTopic) => Value,
): Promise<Value> {
  const topic = await topicMetadata(service, pathText(c, "topic"), true);
  return topic.ok ? data(topic) : topic;
}

function topicData(topic: KnownTopic): Value {
  const configs = TOPIC_CONFIG_NAMES.map((name) => [name, String(topic.config[name])]);
  return value({
    name: topic.metadata.topic,
    configs: Object.fromEntries(configs),
    partitions: topic.metadata.partitions.map(partitionData),
  });
}

async function getOffsets(c: Ctx, service: Service): Promise<Value> {
  const topic = await topicMetadata(service, pathText(c, "topic"));
  if (!topic.ok) return topic;
  const ends = await partitionEnds(service, topic, pathPartition(c));
  if (!ends.ok) return ends;
  return value({ beginning_offset: ends.earliest, end_offset: ends.latest });
}

async function listBrokers(_c: Ctx, service: Service): Promise<Value> {
  const cluster = await callController(service, true, (controller) => controller.metadata([]));
  return cluster.ok ? value({ brokers: cluster.brokers.map((b) => b.brokerId) }) : cluster;
}

function route(
  spec: Pick<RouteSpec, "path" | "id" | "needs" | "summary" | "errors">,
  schema: z.ZodType,
  example: unknown,
  handler: (c: Ctx, service: Service) => Promise<Value>,
): Route {
  const content = { schema, example };
  return defineRoute({
    ...spec,
    method: "GET",
    tag: "v2",
    answers: {
      200: {
        description: "The answer, in the media type that is accepted.",
        content: { [V2_JSON]: content, "application/json": content },
      },
    },
    errors: [...(spec.errors ?? []), "NOT_ACCEPTABLE"],
    handler: answering(handler),
  });
}

const partitionExample = {
  partition: 0,
  leader: 1,
  replicas: [{ broker: 1, leader: true, in_sync: true }],
};

export const v2Routes: readonly Route[] = [
  route(
    {
      path: "/topics",
      id: "v2ListTopics",
      needs: [["topic", "describe"]],
      summary: "The names of all topics",
    },
    z.array(z.string()),
    ["flights"],
    listTopics,
  ),
  route(
    {
      path: "/topics/{topic}",
      id: "v2GetTopic",
      needs: [["topic", "describe"]],
      summary: "One topic, its settings and partitions",
      errors: ["UNKNOWN_TOPIC", "INVALID_TOPIC_EXCEPTION"],
    },
    topicSchema,
    { name: "flights", configs: { "retention.ms": "604800000" }, partitions: [partitionExample] },
    (c, service) => withTopic(c, service, topicData),
  ),
  route(
    {
      path: "/topics/{topic}/partitions",
      id: "v2ListPartitions",
      needs: [["topic", "describe"]],
      summary: "The partitions of a topic",
      errors: ["UNKNOWN_TOPIC", "INVALID_TOPIC_EXCEPTION"],
    },
    z.array(partitionSchema),
    [partitionExample],
    (c, service) =>
      withTopic(c, service, (topic) => value(topic.metadata.partitions.map(partitionData))),
  ),
  route(
    {
      path: "/topics/{topic}/partitions/{partition_id}",
      id: "v2GetPartition",
      needs: [["topic", "describe"]],
      summary: "One partition",
      errors: ["UNKNOWN_TOPIC", "INVALID_TOPIC_EXCEPTION", "UNKNOWN_PARTITION"],
    },
    partitionSchema,
    partitionExample,
    (c, service) =>
      withTopic(c, service, (topic) => {
        const metadata = topic.metadata.partitions[pathPartition(c)];
        return metadata === undefined
          ? refuse("UNKNOWN_PARTITION")
          : value(partitionData(metadata));
      }),
  ),
  route(
    {
      path: "/topics/{topic}/partitions/{partition_id}/offsets",
      id: "v2GetOffsets",
      needs: [["topic", "describe"]],
      summary: "Where a partition begins and ends",
      errors: ["UNKNOWN_TOPIC", "INVALID_TOPIC_EXCEPTION", "UNKNOWN_PARTITION", ...LEADER],
    },
    offsetsSchema,
    { beginning_offset: 0, end_offset: 1000 },
    getOffsets,
  ),
  route(
    { path: "/brokers", id: "v2ListBrokers", needs: [], summary: "The ids of the brokers" },
    z.object({ brokers: z.array(z.int()) }),
    { brokers: [1, 2, 3] },
    listBrokers,
  ),
];
