/** The replicas on a broker, of all topics, from the controller's knowledge: no replica is called. */
import * as z from "zod";
import { callController } from "../../gateway/objects.ts";
import type { Service } from "../../gateway/service.ts";
import type { ClusterMetadata } from "../../objects/contracts/controller.ts";
import { json } from "../answers.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import { brokerOf } from "./brokers.ts";
import { brokerReplicasExample } from "./examples.ts";
import { entriesOf, nextOf, pageOf, pageParameters, type PageSizes } from "./paging.ts";
import { knownReplicaViews, type ReplicaView } from "./replicas.ts";
import { clusterPlace, head, list, replicaListSchema, topicPlace } from "./resources.ts";

const PAGE: PageSizes = { usual: 500, max: 2_000 };

interface Placed {
  readonly topic: string;
  readonly partition: number;
  readonly replica: ReplicaView;
}

async function listBrokerReplicas(c: Ctx, service: Service): Promise<Outcome> {
  const page = pageOf(c, PAGE);
  if (!page.ok) return page;
  const cluster = await callController(service, true, (controller) => controller.metadata(null));
  if (!cluster.ok) return cluster;
  const found = brokerOf(c, cluster.brokers);
  if (!found.ok) return found;
  const { brokerId } = found.broker;
  const all = replicasOn(brokerId, cluster);
  const data = entriesOf(page, all).map((placed) => replicaData(c, service, placed));
  const self = `${clusterPlace(c, service).self}/brokers/${brokerId}/partition-replicas`;
  return json(list("KafkaReplicaList", self, data, nextOf(self, page, all.length)));
}

/** By topic and partition. */
function replicasOn(brokerId: number, cluster: ClusterMetadata): readonly Placed[] {
  const brokers = new Map(cluster.brokers.map((broker) => [broker.brokerId, broker]));
  return cluster.topics
    .toSorted((a, b) => (a.topic < b.topic ? -1 : 1))
    .flatMap(({ topic, partitions }) =>
      partitions.flatMap((metadata) =>
        knownReplicaViews(brokers, metadata)
          .filter((replica) => replica.broker_id === brokerId)
          .map((replica) => ({ topic, partition: metadata.partition, replica })),
      ),
    );
}

function replicaData(c: Ctx, service: Service, { topic, partition, replica }: Placed): unknown {
  const place = topicPlace(c, service, topic)
    .item("partitions", "partition", partition)
    .item("replicas", "replica", replica.broker_id);
  return {
    ...head("KafkaReplica", place),
    cluster_id: service.clusterId,
    topic_name: topic,
    partition_id: partition,
    ...replica,
    broker: clusterPlace(c, service).related(`brokers/${replica.broker_id}`),
  };
}

export const brokerReplicaRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/v3/clusters/{cluster_id}/brokers/{broker_id}/partition-replicas",
    id: "listBrokerReplicas",
    needs: [["topic", "describe"]],
    tag: "Brokers",
    summary: "The replicas of a broker",
    description:
      "Of all topics, by name and partition, a page at a time: `metadata.next` leads to the next one. It shows what the controller knows, which is one call; what a replica says of itself is null here.",
    query: z.object(pageParameters("Replicas", PAGE)),
    answers: {
      200: {
        description: "The replicas.",
        content: {
          "application/json": { schema: replicaListSchema, example: brokerReplicasExample },
        },
      },
    },
    errors: ["INVALID_REQUEST", "BROKER_NOT_FOUND"],
    handler: listBrokerReplicas,
  }),
];
