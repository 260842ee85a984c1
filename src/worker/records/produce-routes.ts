/** The routes that take records: the description of produce-endpoints.ts. */
import * as z from "zod";
import { wholeText } from "../text-schemas.ts";
import type { ErrorName } from "../../base/errors.ts";
import { FENCING_TOKEN_BYTES_MAX } from "../../base/limits.ts";
import { withDescription, type Route } from "../route.ts";
import { produceEndpoints } from "./produce-endpoints.ts";
import { PRODUCE_DOC } from "./produce-schemas.ts";

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

const fencingToken = z
  .string()
  .regex(/^[\x21-\x7e]*$/)
  .max(FENCING_TOKEN_BYTES_MAX)
  .optional();

const conditionalHeaders = headers.extend({
  "Expected-Offset": z
    .string()
    .optional()
    .describe("The records are written only where the log ends at this offset."),
  "Fencing-Token": fencingToken.describe(
    "The records are written only where this is the partition's fencing token; empty: where it has none.",
  ),
  "New-Fencing-Token": fencingToken.describe(
    "The partition's fencing token from these records on; empty clears it.",
  ),
});

const common = { query, headers } as const;
const v2Body = PRODUCE_DOC.v2Body;
const v2Answer = { 200: PRODUCE_DOC.v2Answer };

export const produceRoutes: readonly Route[] = [
  withDescription(produceEndpoints.reports, {
    tag: "Records",
    summary: "Produces records, each with a delivery report",
    description: PRODUCE_DOC.reportsText,
    ...common,
    body: PRODUCE_DOC.recordBody,
    answers: { 200: PRODUCE_DOC.reports },
    errors: [...ERRORS, "UNKNOWN_TOPIC_OR_PARTITION"],
  }),
  withDescription(produceEndpoints.entries, {
    tag: "Records",
    summary: "Produces up to 1,000 entries with ids, each of which succeeds or fails",
    description: PRODUCE_DOC.idempotenceText,
    ...common,
    body: PRODUCE_DOC.entriesBody,
    answers: { 207: PRODUCE_DOC.entriesAnswer },
    errors: [...ERRORS, "UNKNOWN_TOPIC_OR_PARTITION", "INVALID_BATCH"],
  }),
  withDescription(produceEndpoints.atomic, {
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
      "FENCING_TOKEN_MISMATCH",
      "INVALID_FENCING_TOKEN",
      "CORRUPT_MESSAGE",
      "UNSUPPORTED_FOR_MESSAGE_FORMAT",
    ],
  }),
  withDescription(produceEndpoints.v2, {
    tag: "v2",
    summary: "Produces records",
    description: PRODUCE_DOC.v2Text,
    ...common,
    body: v2Body,
    answers: v2Answer,
    errors: [...ERRORS, "UNKNOWN_PARTITION"],
  }),
  withDescription(produceEndpoints.v2Partition, {
    tag: "v2",
    summary: "Produces records to one partition",
    description: PRODUCE_DOC.v2Text,
    ...common,
    body: v2Body,
    answers: v2Answer,
    errors: [...ERRORS, "UNKNOWN_PARTITION"],
  }),
];
