/** The cluster, its brokers, and the ids that it hands out to idempotent producers. */
import { z } from "@hono/zod-openapi";
import { refuse } from "../../base/errors.ts";
import { parseWhole } from "../../base/ids.ts";
import type { BrokerDescription } from "../../objects/controller/api.ts";
import { json } from "../answers.ts";
import { callController } from "../objects.ts";
import { pathText } from "../params.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../service.ts";
import { brokerExample, brokersExample, clusterExample, clustersExample } from "./examples.ts";
import {
  brokerListSchema,
  brokerSchema,
  clusterListSchema,
  clusterPlace,
  clusterSchema,
  clustersUrl,
  head,
  list,
} from "./resources.ts";

const C = "/v3/clusters/{cluster_id}";

function clusterData(c: Ctx, service: Service): unknown {
  const place = clusterPlace(c, service);
  return {
    ...head("KafkaCluster", place),
    cluster_id: service.clusterId,
    acls: place.related("acls"),
    brokers: place.related("brokers"),
    broker_configs: place.related("broker-configs"),
    consumer_groups: place.related("consumer-groups"),
    topics: place.related("topics"),
    partition_reassignments: place.related("topics/-/partitions/-/reassignment"),
  };
}

function brokerData(c: Ctx, service: Service, broker: BrokerDescription): unknown {
  const place = clusterPlace(c, service).item("brokers", "broker", broker.brokerId);
  return {
    ...head("KafkaBroker", place),
    cluster_id: service.clusterId,
    broker_id: broker.brokerId,
    // A broker is a failure domain, not a process: it has no address of its own.
    host: null,
    port: null,
    rack: broker.rack === "" ? null : broker.rack,
    location_hint: broker.locationHint === "" ? null : broker.locationHint,
    state: broker.state,
    broker_epoch: broker.brokerEpoch,
    configs: place.related("configs"),
    partition_replicas: place.related("partition-replicas"),
  };
}

async function listBrokers(c: Ctx, service: Service): Promise<Outcome> {
  const cluster = await callController(service, true, (controller) => controller.metadata([]));
  if (!cluster.ok) return cluster;
  const self = `${clusterPlace(c, service).self}/brokers`;
  const data = cluster.brokers.map((broker) => brokerData(c, service, broker));
  return json(list("KafkaBrokerList", self, data));
}

async function getBroker(c: Ctx, service: Service): Promise<Outcome> {
  const cluster = await callController(service, true, (controller) => controller.metadata([]));
  if (!cluster.ok) return cluster;
  const id = parseWhole(pathText(c, "broker_id"));
  const broker = cluster.brokers.find(({ brokerId }) => brokerId === id);
  return broker === undefined ? refuse("BROKER_NOT_FOUND") : json(brokerData(c, service, broker));
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
    tag: "Cluster",
    summary: "The clusters: there is one",
    answers: {
      200: {
        description: "The clusters.",
        content: { "application/json": { schema: clusterListSchema, example: clustersExample } },
      },
    },
    handler: (c, service) =>
      json(list("KafkaClusterList", clustersUrl(c), [clusterData(c, service)])),
  }),
  defineRoute({
    method: "GET",
    path: C,
    id: "getCluster",
    tag: "Cluster",
    summary: "The cluster",
    answers: {
      200: {
        description: "It.",
        content: { "application/json": { schema: clusterSchema, example: clusterExample } },
      },
    },
    handler: (c, service) => json(clusterData(c, service)),
  }),
  defineRoute({
    method: "GET",
    path: `${C}/brokers`,
    id: "listBrokers",
    tag: "Cluster",
    summary: "The brokers",
    description: "A broker is a failure domain and a place (a location hint), not a process.",
    answers: {
      200: {
        description: "The brokers.",
        content: { "application/json": { schema: brokerListSchema, example: brokersExample } },
      },
    },
    handler: listBrokers,
  }),
  defineRoute({
    method: "GET",
    path: `${C}/brokers/{broker_id}`,
    id: "getBroker",
    tag: "Cluster",
    summary: "One broker",
    answers: {
      200: {
        description: "It.",
        content: { "application/json": { schema: brokerSchema, example: brokerExample } },
      },
    },
    errors: ["BROKER_NOT_FOUND"],
    handler: getBroker,
  }),
  defineRoute({
    method: "POST",
    path: `${C}/producer-ids`,
    id: "allocateProducerId",
    tag: "Cluster",
    summary: "A producer id that was never handed out before",
    description:
      "With it a producer numbers its requests (Producer-Id, Producer-Epoch, Producer-Seq), and a repeat is written once.",
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
