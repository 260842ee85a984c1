/** The cluster, and the ids that it hands out to idempotent producers. */
import * as z from "zod";
import type { Refusal } from "../../base/errors.ts";
import { json } from "../answers.ts";
import { callController } from "../../gateway/objects.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { clusterExample, clustersExample } from "./examples.ts";
import {
  clusterListSchema,
  clusterPlace,
  clusterSchema,
  clustersUrl,
  head,
  list,
} from "./resources.ts";

const C = "/v3/clusters/{cluster_id}";

type Described = { readonly ok: true; readonly data: unknown } | Refusal;

async function describeCluster(c: Ctx, service: Service): Promise<Described> {
  const controller = await callController(service, true, (stub) => stub.describe());
  if (!controller.ok) return controller;
  const place = clusterPlace(c, service);
  const data = {
    ...head("KafkaCluster", place),
    cluster_id: service.clusterId,
    acls: place.related("acls"),
    brokers: place.related("brokers"),
    broker_configs: place.related("broker-configs"),
    consumer_groups: place.related("consumer-groups"),
    topics: place.related("topics"),
    partition_reassignments: place.related("topics/-/partitions/-/reassignment"),
    topics_count: controller.topics,
    partitions_count: controller.partitions,
    under_replicated_partitions: controller.underReplicated,
    offline_partitions: controller.offline,
    reassigning_partitions: controller.reassigning,
  };
  return { ok: true, data };
}

async function listClusters(c: Ctx, service: Service): Promise<Outcome> {
  const cluster = await describeCluster(c, service);
  return cluster.ok ? json(list("KafkaClusterList", clustersUrl(c), [cluster.data])) : cluster;
}

async function getCluster(c: Ctx, service: Service): Promise<Outcome> {
  const cluster = await describeCluster(c, service);
  return cluster.ok ? json(cluster.data) : cluster;
}

async function allocateProducerId(_c: Ctx, service: Service): Promise<Outcome> {
  const identity = await callController(service, false, (controller) =>
    controller.allocateProducerId(),
  );
  if (!identity.ok) return identity;
  return json({ producer_id: identity.producerId, producer_epoch: identity.producerEpoch });
}

export const clusterRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/v3/clusters",
    id: "listClusters",
    needs: [],
    tag: "Cluster",
    summary: "The clusters: there is one",
    answers: {
      200: {
        description: "The clusters.",
        content: { "application/json": { schema: clusterListSchema, example: clustersExample } },
      },
    },
    handler: listClusters,
  }),
  defineRoute({
    method: "GET",
    path: C,
    id: "getCluster",
    needs: [],
    tag: "Cluster",
    summary: "The cluster, and how many of its partitions lack replicas or a leader",
    answers: {
      200: {
        description: "The cluster.",
        content: { "application/json": { schema: clusterSchema, example: clusterExample } },
      },
    },
    handler: getCluster,
  }),
  defineRoute({
    method: "POST",
    path: `${C}/producer-ids`,
    id: "allocateProducerId",
    needs: [["cluster", "idempotentWrite"]],
    tag: "Cluster",
    summary: "Allocate a producer id",
    description:
      "A new id. With it a producer numbers its requests (Producer-Id, Producer-Epoch, Producer-Seq), so that a repeated request is written once.",
    answers: {
      200: {
        description: "The id, and the epoch to begin with.",
        content: {
          "application/json": {
            schema: z.object({ producer_id: z.int(), producer_epoch: z.int() }),
            example: { producer_id: 1000, producer_epoch: 0 },
          },
        },
      },
    },
    handler: allocateProducerId,
  }),
];
