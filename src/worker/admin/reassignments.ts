/** Reassignments: moving partitions to other brokers, and listing the moves under way. */
import * as z from "zod";
import { int32 } from "../text-schemas.ts";
import { ERRORS, refuse, type Refusal } from "../../base/errors.ts";
import type { PartitionMetadata } from "../../objects/contracts/controller.ts";
import { json } from "../answers.ts";
import { BODY_ERRORS, readJson } from "../read-json.ts";
import { forget, topicMetadata } from "../../gateway/metadata.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import { callController } from "../../gateway/objects.ts";
import { pathPartition, pathText } from "../params.ts";
import { defineRoute, type Ctx, type Outcome, type Route, type RouteSpec } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { reassignmentExample, reassignmentsExample } from "./examples.ts";
import { NOT_THERE, P } from "./leader.ts";
import { findPartition } from "./partition-view.ts";
import {
  clusterPlace,
  head,
  list,
  reassignmentListSchema,
  reassignmentSchema,
  topicPlace,
} from "./resources.ts";

const REASSIGNMENTS = "/v3/clusters/{cluster_id}/reassignments";

/** Partitions of one request. */
const ENTRIES_MAX = 1_000;

const entry = z.strictObject({
  topic_name: z.string(),
  partition_id: int32,
  broker_ids: z
    .array(int32)
    .nullable()
    .describe("The preferred leader first; null cancels the partition's move."),
});
type Entry = z.output<typeof entry>;

const request = z
  .strictObject({ data: z.array(entry).min(1).max(ENTRIES_MAX) })
  .meta({ id: "ReassignPartitionsRequest" });

const outcomes = z
  .object({
    data: z.array(
      z.object({
        topic_name: z.string(),
        partition_id: z.int(),
        error_code: z.int().describe("200, or that of the error."),
        message: z.string().optional(),
        replicas: z.array(z.int()).optional(),
        adding_replicas: z.array(z.int()).optional(),
        removing_replicas: z.array(z.int()).optional(),
      }),
    ),
  })
  .meta({ id: "ReassignPartitionsResponse" });

function isUnderWay({ adding = [], removing = [] }: PartitionMetadata): boolean {
  return adding.length + removing.length > 0;
}

function reassignmentData(
  c: Ctx,
  service: Service,
  topic: string,
  { partition, adding = [], removing = [] }: PartitionMetadata,
): unknown {
  const place = topicPlace(c, service, topic).item("partitions", "partition", partition);
  return {
    ...head("KafkaReassignment", place.aspect("reassignment")),
    cluster_id: service.clusterId,
    topic_name: topic,
    partition_id: partition,
    adding_replicas: adding,
    removing_replicas: removing,
    replicas: place.related("replicas"),
  };
}

/** Of the whole cluster; `path` is where the list is asked for. */
const listReassignments =
  (path: string) =>
  async (c: Ctx, service: Service): Promise<Outcome> => {
    const self = `${clusterPlace(c, service).self}/${path}`;
    const controller = await callController(service, true, (stub) => stub.describe());
    if (!controller.ok) return controller;
    // Usually nothing moves: the metadata of all topics is not fetched then.
    if (controller.reassigning === 0) return json(list("KafkaReassignmentList", self, []));
    const cluster = await callController(service, true, (stub) => stub.metadata(null));
    if (!cluster.ok) return cluster;
    const data = cluster.topics.flatMap(({ topic, partitions }) =>
      partitions.filter(isUnderWay).map((p) => reassignmentData(c, service, topic, p)),
    );
    return json(list("KafkaReassignmentList", self, data));
  };

async function listTopicReassignments(c: Ctx, service: Service): Promise<Outcome> {
  const name = pathText(c, "topic");
  const topic = await topicMetadata(service, name, true);
  if (!topic.ok) return topic;
  const data = topic.metadata.partitions
    .filter(isUnderWay)
    .map((p) => reassignmentData(c, service, name, p));
  const self = `${topicPlace(c, service, name).self}/partitions/-/reassignment`;
  return json(list("KafkaReassignmentList", self, data));
}

async function getReassignment(c: Ctx, service: Service): Promise<Outcome> {
  const name = pathText(c, "topic");
  const found = await findPartition(service, name, pathPartition(c));
  if (!found.ok) return found;
  if (!isUnderWay(found.metadata)) return refuse("NO_REASSIGNMENT_IN_PROGRESS");
  return json(reassignmentData(c, service, name, found.metadata));
}

async function reassignOne(service: Service, asked: Entry): Promise<unknown> {
  const { topic_name, partition_id, broker_ids } = asked;
  const answer = await callController(service, false, (controller) =>
    controller.reassign(topic_name, partition_id, broker_ids),
  );
  forget(topic_name);
  const which = { topic_name, partition_id };
  if (!answer.ok) return { ...which, ...failure(answer) };
  const { replicas, adding = [], removing = [] } = answer.partition;
  return {
    ...which,
    error_code: 200,
    replicas: replicas.map(({ brokerId }) => brokerId),
    adding_replicas: adding,
    removing_replicas: removing,
  };
}

/** v3 has another code for an unknown partition than v2. */
function failure(refusal: Refusal): { readonly error_code: number; readonly message: string } {
  const { error, message } = refusal;
  if (error === "UNKNOWN_PARTITION") return failure(refuse("UNKNOWN_TOPIC_OR_PARTITION"));
  return { error_code: ERRORS[error].rest, message };
}

async function reassign(c: Ctx, service: Service): Promise<Outcome> {
  const body = await readJson(c.req.raw, request);
  if (!body.ok) return body;
  // The moves of one partition would race, each undoing the one before it.
  const named = new Set(body.value.data.map((one) => `${one.topic_name}/${one.partition_id}`));
  if (named.size < body.value.data.length) {
    return refuse("INVALID_REQUEST", "A partition is named more than once.");
  }
  return json({ data: await inBatches(body.value.data, (asked) => reassignOne(service, asked)) });
}

function listing(
  spec: Pick<RouteSpec, "path" | "id" | "summary" | "description" | "errors" | "handler">,
): Route {
  return defineRoute({
    ...spec,
    method: "GET",
    needs: [["cluster", "describe"]],
    tag: "Partitions",
    answers: {
      200: {
        description: "The reassignments under way.",
        content: {
          "application/json": { schema: reassignmentListSchema, example: reassignmentsExample },
        },
      },
    },
  });
}

/** The routes of `-`, which stands for all topics or partitions, come before those of one partition. */
export const reassignmentRoutes: readonly Route[] = [
  listing({
    path: REASSIGNMENTS,
    id: "listReassignments",
    summary: "The partitions that are moving",
    handler: listReassignments("reassignments"),
  }),
  listing({
    path: "/v3/clusters/{cluster_id}/topics/-/partitions/-/reassignment",
    id: "listAllReassignments",
    summary: "The same, by Confluent's path",
    handler: listReassignments("topics/-/partitions/-/reassignment"),
  }),
  listing({
    path: "/v3/clusters/{cluster_id}/topics/{topic}/partitions/-/reassignment",
    id: "listTopicReassignments",
    summary: "The partitions of a topic that are moving",
    errors: ["UNKNOWN_TOPIC", "INVALID_TOPIC_EXCEPTION"],
    handler: listTopicReassignments,
  }),
  defineRoute({
    method: "POST",
    path: REASSIGNMENTS,
    id: "reassignPartitions",
    needs: [["cluster", "alter"]],
    tag: "Partitions",
    summary: "Move partitions to other brokers, or cancel a move",
    description:
      "New replicas copy the log; once they are in sync, those that are not named any more are removed and their storage is deleted. The answer does not wait for that. Each entry succeeds or fails by itself.",
    body: {
      "application/json": {
        schema: request,
        example: { data: [{ topic_name: "flights", partition_id: 0, broker_ids: [2, 3] }] },
      },
    },
    answers: {
      200: {
        description: "The outcome of each entry, in their order.",
        content: {
          "application/json": {
            schema: outcomes,
            example: {
              data: [
                {
                  topic_name: "flights",
                  partition_id: 0,
                  error_code: 200,
                  replicas: [2, 3, 1],
                  adding_replicas: [3],
                  removing_replicas: [1],
                },
              ],
            },
          },
        },
      },
    },
    errors: BODY_ERRORS,
    handler: reassign,
  }),
  defineRoute({
    method: "GET",
    path: `${P}/reassignment`,
    id: "getReassignment",
    needs: [["cluster", "describe"]],
    tag: "Partitions",
    summary: "How a partition is moving",
    answers: {
      200: {
        description: "The reassignment under way.",
        content: {
          "application/json": { schema: reassignmentSchema, example: reassignmentExample },
        },
      },
    },
    errors: [...NOT_THERE, "NO_REASSIGNMENT_IN_PROGRESS"],
    handler: getReassignment,
  }),
];
