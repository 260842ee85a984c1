/** The ends of a partition's log, look-up by time, and deleting records up to an offset. */
import * as z from "zod";
import { refuse, type Refusal } from "../../base/errors.ts";
import { parseWhole } from "../../base/ids.ts";
import type { OffsetSpec } from "../../objects/contracts/partition.ts";
import { json } from "../answers.ts";
import { callPartition, waitingCall } from "../../gateway/calls.ts";
import { listOffset } from "../../gateway/list-offset.ts";
import { topicMetadata } from "../../gateway/metadata.ts";
import { pathPartition, pathText } from "../params.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { deletedExample, offsetsExample } from "./examples.ts";
import { LEADER, named, NOT_THERE, P, partitionEnds, placeOf } from "./leader.ts";
import { head, offsetsSchema } from "./resources.ts";

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
  const ends = await partitionEnds(service, topic, partition);
  if (!ends.ok) return ends;
  const answer: Record<string, unknown> = {
    ...head("KafkaPartitionWithOffsets", placeOf(c, service, topic, partition).aspect("offset")),
    ...named(service, topic, partition),
    earliest_offset: ends.earliest,
    latest_offset: ends.latest,
  };
  if (spec === null) return json(answer);
  const found = await listOffset(service, topic, partition, spec);
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
  // Idempotent: the log start never goes back.
  const timeoutMs = service.config["request.timeout.ms"];
  const options = waitingCall(timeoutMs);
  const deleted = await callPartition(service, topic, partition, options, (stub) =>
    stub.deleteRecords(before, timeoutMs),
  );
  if (!deleted.ok) return deleted;
  return json({ ...named(service, topic, partition), log_start_offset: deleted.logStartOffset });
}

export const offsetRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: `${P}/offset`,
    id: "listOffsets",
    needs: [["topic", "describe"]],
    tag: "Partitions",
    summary: "Where a partition begins and ends",
    description:
      "With `timestamp` also the first offset whose record is at or after that time, or the one with the newest timestamp (`max`); null when there is none.",
    query: z.object({
      timestamp: z.string().optional().meta({
        pattern: "^([0-9]{1,15}|max)$",
        description: "Milliseconds since 1970, or `max`.",
        example: "1767225600000",
      }),
    }),
    answers: {
      200: {
        description: "`latest_offset` is the offset that the next readable record will have.",
        content: { "application/json": { schema: offsetsSchema, example: offsetsExample } },
      },
    },
    errors: [...NOT_THERE, ...LEADER, "INVALID_REQUEST"],
    handler: getOffsets,
  }),
  defineRoute({
    method: "DELETE",
    path: `${P}/records`,
    id: "deleteRecords",
    needs: [["topic", "delete"]],
    tag: "Partitions",
    summary: "Delete the records before an offset",
    description:
      "Raises the log start offset; offsets of what stays do not change. Answers when every in-sync replica has raised it. A topic whose cleanup.policy does not contain `delete` keeps its records.",
    query: z.object({
      before: z.string().meta({
        pattern: "^([0-9]{1,15}|-1|latest)$",
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
            example: deletedExample,
          },
        },
      },
    },
    errors: [...NOT_THERE, ...LEADER, "INVALID_REQUEST", "OFFSET_OUT_OF_RANGE", "POLICY_VIOLATION"],
    handler: deleteRecords,
  }),
];
