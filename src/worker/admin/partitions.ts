/** Partitions and their replicas: leader, in-sync set, and the ends of the log. */
import * as z from "zod";
import { refuse } from "../../base/errors.ts";
import { parseWhole } from "../../base/ids.ts";
import { TOPIC_PARTITIONS_MAX } from "../../base/limits.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import { topicMetadata } from "../../gateway/metadata.ts";
import { json } from "../answers.ts";
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
import { entriesOf, nextOf, pageOf, pageParameters, type PageSizes } from "./paging.ts";
import {
  findPartition,
  partitionData,
  partitionView,
  type FoundPartition,
} from "./partition-view.ts";
import {
  knownReplicaViews,
  replicaViews,
  replicaViewsByLeader,
  type ReplicaView,
} from "./replicas.ts";
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

/** Partitions of a page: one call of the controller, whatever their number. */
const PAGE: PageSizes = { usual: 500, max: TOPIC_PARTITIONS_MAX };
/** Of a page with offsets, where each partition is a call of its leader. */
const PAGE_WITH_OFFSETS: PageSizes = { usual: 100, max: 100 };

async function listPartitions(c: Ctx, service: Service): Promise<Outcome> {
  const offsets = c.req.query("offsets") ?? "false";
  if (offsets !== "true" && offsets !== "false") {
    return refuse("INVALID_REQUEST", "The query's offsets is true or false.");
  }
  const isWithOffsets = offsets === "true";
  const page = pageOf(c, isWithOffsets ? PAGE_WITH_OFFSETS : PAGE);
  if (!page.ok) return page;
  const topic = await topicMetadata(service, pathText(c, "topic"), true);
  if (!topic.ok) return topic;
  const { partitions } = topic.metadata;
  const shown = entriesOf(page, partitions);
  const replicas = isWithOffsets
    ? await inBatches(shown, (p) => replicaViewsByLeader(service, topic, p))
    : shown.map((p) => knownReplicaViews(topic.brokers, p));
  const data = shown.map((p, i) => partitionData(c, service, topic, p, replicas[i]!));
  const self = `${topicPlace(c, service, topic.metadata.topic).self}/partitions`;
  const next = nextOf(self, page, partitions.length, isWithOffsets ? { offsets } : {});
  return json(list("KafkaPartitionList", self, data, next));
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
      "A page at a time: `metadata.next` leads to the next one. It shows what the controller knows, in one call; offsets are null. With `offsets=true` the leader of each partition of the page is asked for its own offsets and the ends of its followers' logs; those of one that does not answer within a second are null. What each replica says of itself is at one partition, and at its replicas.",
    query: z.object({
      ...pageParameters("Partitions", PAGE),
      offsets: z
        .enum(["true", "false"])
        .optional()
        .describe(
          `Whether leaders are asked for offsets; at most ${PAGE_WITH_OFFSETS.max} a page.`,
        ),
    }),
    answers: {
      200: {
        description: "The partitions.",
        content: {
          "application/json": { schema: partitionListSchema, example: partitionsExample },
        },
      },
    },
    errors: ["INVALID_REQUEST", "UNKNOWN_TOPIC", "INVALID_TOPIC_EXCEPTION"],
    handler: listPartitions,
  }),
  defineRoute({
    method: "GET",
    path: P,
    id: "getPartition",
    needs: [["topic", "describe"]],
    tag: "Partitions",
    summary: "One partition",
    description:
      "Each replica is asked for its offsets; those of one that does not answer within a second are null.",
    answers: {
      200: {
        description: "The partition.",
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
        description: "The replica.",
        content: { "application/json": { schema: replicaSchema, example: replicaExample } },
      },
    },
    errors: [...NOT_THERE, "BROKER_NOT_FOUND"],
    handler: getReplica,
  }),
];
