/** The routes that take records: v3's streamed and batch forms, the atomic form, and v2's. */
import * as z from "zod";
import { wholeText } from "../text-schemas.ts";
import { refuse, type ErrorName } from "../../base/errors.ts";
import { jsonText, V2_JSON } from "../answers.ts";
import { bareType } from "../media-types.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import {
  isJsonBody,
  produceJson,
  produceRaw,
  produceWhole,
  RECORD_BATCH_TYPE,
  type ProduceForm,
} from "./produce.ts";
import { batchAnswer, deliveryReports, offsetsAnswer, rangeAnswer } from "./produce-answers.ts";
import { produceSettings } from "./produce-settings.ts";
import { produceReports } from "./produce-stream.ts";
import { readConcatenated, readEntries, readRecordsV2, readRecordsV3 } from "./read-request.ts";
import type { DataType } from "./record-fields.ts";
import { PRODUCE_DOC } from "./produce-schemas.ts";

const T = "/v3/clusters/{cluster_id}/topics/{topic}";

const JSON_ONLY = "The body must be application/json.";

const REPORTS: ProduceForm = {
  read: readConcatenated,
  answer: (records, service, topic) => jsonText(deliveryReports(records, service.clusterId, topic)),
  unknownPartition: "UNKNOWN_TOPIC_OR_PARTITION",
};

const ENTRIES: ProduceForm = {
  read: readEntries,
  answer: (records, service, topic) =>
    jsonText(batchAnswer(records, service.clusterId, topic), 207),
  unknownPartition: "UNKNOWN_TOPIC_OR_PARTITION",
};

const ATOMIC: ProduceForm = {
  read: readRecordsV3,
  answer: (records) => {
    // One partition and no refusal: there is exactly one outcome, a success.
    for (const outcome of records.outcomes.values()) {
      if (outcome.ok) return jsonText(rangeAnswer(outcome));
    }
    throw new Error("an atomic request has one outcome");
  },
  allOrNothing: true,
  conditional: true,
  unknownPartition: "UNKNOWN_TOPIC_OR_PARTITION",
};

/** v2's media types say how keys and values are written. */
const V2_TYPES = new Map<string, DataType>([
  ["application/vnd.kafka.json.v2+json", "JSON"],
  ["application/vnd.kafka.binary.v2+json", "BINARY"],
  ["application/vnd.kafka.string.v2+json", "STRING"],
  [V2_JSON, "JSON"],
  ["application/json", "JSON"],
  ["", "JSON"],
]);

function v2Form(type: DataType): ProduceForm {
  return {
    read: readRecordsV2(type),
    answer: (records) => jsonText(offsetsAnswer(records), 200, V2_JSON),
    malformedRefusesAll: true,
    unknownPartition: "UNKNOWN_PARTITION",
  };
}

const V2_FORMS: Readonly<Record<DataType, ProduceForm>> = {
  JSON: v2Form("JSON"),
  BINARY: v2Form("BINARY"),
  STRING: v2Form("STRING"),
};

function reports(c: Ctx, service: Service): Outcome | Promise<Outcome> {
  if (!isJsonBody(c)) return refuse("UNSUPPORTED_MEDIA_TYPE", JSON_ONLY);
  const settings = produceSettings(c, REPORTS);
  if (!settings.ok) return settings;
  // A repeat is recognised by its batches, which must not depend on what has arrived when.
  return settings.stamp === null
    ? produceReports(c, service, REPORTS, settings)
    : produceWhole(c, service, REPORTS, settings);
}

function entries(c: Ctx, service: Service): Outcome | Promise<Outcome> {
  return isJsonBody(c)
    ? produceJson(c, service, ENTRIES)
    : refuse("UNSUPPORTED_MEDIA_TYPE", JSON_ONLY);
}

function atomic(c: Ctx, service: Service): Outcome | Promise<Outcome> {
  if (isJsonBody(c)) return produceJson(c, service, ATOMIC);
  if (bareType(c.req.raw.headers.get("content-type")) === RECORD_BATCH_TYPE) {
    return produceRaw(c, service);
  }
  const text = `The body must be application/json or ${RECORD_BATCH_TYPE}.`;
  return refuse("UNSUPPORTED_MEDIA_TYPE", text);
}

function v2(c: Ctx, service: Service): Outcome | Promise<Outcome> {
  const type = V2_TYPES.get(bareType(c.req.raw.headers.get("content-type")));
  if (type !== undefined) return produceJson(c, service, V2_FORMS[type]);
  const text = "The body must be application/vnd.kafka.json.v2+json, binary or string.";
  return refuse("UNSUPPORTED_MEDIA_TYPE", text);
}

const ERRORS: readonly ErrorName[] = [
  "INVALID_REQUEST",
  "UNSUPPORTED_MEDIA_TYPE",
  "UNSUPPORTED_COMPRESSION_TYPE",
  "MESSAGE_TOO_LARGE",
  "INVALID_TOPIC_EXCEPTION",
  "UNKNOWN_TOPIC",
  "INVALID_RECORD",
  "SERIALIZATION",
  "INVALID_TIMESTAMP",
  "INVALID_PRODUCER_EPOCH",
  "OUT_OF_ORDER_SEQUENCE_NUMBER",
  "THROTTLING_QUOTA_EXCEEDED",
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_OR_FOLLOWER",
  "REPLICA_NOT_AVAILABLE",
  "NOT_ENOUGH_REPLICAS",
  "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
  "REQUEST_TIMED_OUT",
  "KAFKA_STORAGE_ERROR",
  "STORAGE_LOST",
];

const query = z.object({
  acks: z.enum(["all", "1", "0"]).optional().describe("Whose writes are waited for; default all."),
  compression: z
    .enum(["none", "gzip", "snappy", "lz4", "zstd"])
    .optional()
    .describe("How the batches are stored where the topic leaves it to the producer."),
});

const headers = z.object({
  "Producer-Id": wholeText.optional(),
  "Producer-Epoch": wholeText.optional(),
  "Producer-Seq": wholeText.optional(),
});

const conditionalHeaders = headers.extend({
  "Expected-Offset": z
    .string()
    .optional()
    .describe("The records are written only where the log ends at this offset."),
});

const common = { query, headers } as const;
const v2Body = PRODUCE_DOC.v2Body;
const v2Answer = { 200: PRODUCE_DOC.v2Answer };

export const produceRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: `${T}/records`,
    id: "produceRecords",
    needs: [["topic", "write"]],
    tag: "Records",
    summary: "Produces records, each with a delivery report",
    description: PRODUCE_DOC.reportsText,
    ...common,
    body: PRODUCE_DOC.recordBody,
    answers: { 200: PRODUCE_DOC.reports },
    errors: [...ERRORS, "UNKNOWN_TOPIC_OR_PARTITION"],
    handler: reports,
  }),
  defineRoute({
    method: "POST",
    path: `${T}/records:batch`,
    id: "produceRecordsBatch",
    needs: [["topic", "write"]],
    tag: "Records",
    summary: "Produces up to 1,000 entries with ids, each of which succeeds or fails",
    description: PRODUCE_DOC.idempotenceText,
    ...common,
    body: PRODUCE_DOC.entriesBody,
    answers: { 207: PRODUCE_DOC.entriesAnswer },
    errors: [...ERRORS, "UNKNOWN_TOPIC_OR_PARTITION", "INVALID_BATCH"],
    handler: entries,
  }),
  defineRoute({
    method: "POST",
    path: `${T}/partitions/{partition_id}/records:batch`,
    id: "appendBatch",
    needs: [["topic", "write"]],
    tag: "Records",
    summary: "Appends records to one partition, all of them or none",
    description: PRODUCE_DOC.atomicText,
    query,
    headers: conditionalHeaders,
    body: PRODUCE_DOC.atomicBody,
    answers: { 200: PRODUCE_DOC.atomicAnswer },
    errors: [
      ...ERRORS,
      "UNKNOWN_TOPIC_OR_PARTITION",
      "END_OFFSET_MISMATCH",
      "CORRUPT_MESSAGE",
      "UNSUPPORTED_FOR_MESSAGE_FORMAT",
    ],
    handler: atomic,
  }),
  defineRoute({
    method: "POST",
    path: "/topics/{topic}",
    id: "v2Produce",
    needs: [["topic", "write"]],
    tag: "v2",
    summary: "Produces records",
    description: PRODUCE_DOC.v2Text,
    ...common,
    body: v2Body,
    answers: v2Answer,
    errors: [...ERRORS, "UNKNOWN_PARTITION"],
    handler: v2,
  }),
  defineRoute({
    method: "POST",
    path: "/topics/{topic}/partitions/{partition_id}",
    id: "v2ProducePartition",
    needs: [["topic", "write"]],
    tag: "v2",
    summary: "Produces records to one partition",
    description: PRODUCE_DOC.v2Text,
    ...common,
    body: v2Body,
    answers: v2Answer,
    errors: [...ERRORS, "UNKNOWN_PARTITION"],
    handler: v2,
  }),
];
