/** The description of the produce routes' bodies and answers. It is not used to validate. */
import * as z from "zod";
import { V2_JSON } from "../answers.ts";
import { RECORD_BATCH_TYPE } from "./produce.ts";
import { DATA_TYPES } from "./record-fields.ts";

const base64Data = z.base64().nullable();
const stringData = z.string().nullable();

const typedData = z
  .union([
    z.strictObject({ type: z.literal("JSON"), data: z.unknown() }),
    z.strictObject({ type: z.literal("STRING"), data: stringData }),
    z.strictObject({ type: z.literal("BINARY"), data: base64Data }),
  ])
  .nullable()
  .describe(
    "BINARY is base64; JSON is kept to the byte as it is written here; null is no key or value.",
  );

const wholePartition = z.int().min(0).nullable().optional();

const header = z.strictObject({ name: z.string(), value: z.base64().nullable() });

const record = z.strictObject({
  partition_id: wholePartition,
  headers: z.array(header).nullable().optional(),
  key: typedData.optional(),
  value: typedData.optional(),
  timestamp: z
    .union([z.iso.datetime(), z.int().min(0)])
    .nullable()
    .optional()
    .describe("RFC 3339 or milliseconds since 1970; default now."),
});

const size = z.object({ type: z.enum(DATA_TYPES), size: z.int() });

const delivery = z.object({
  cluster_id: z.string(),
  topic_name: z.string(),
  partition_id: z.int(),
  offset: z.int(),
  timestamp: z.iso.datetime(),
  key: size.optional(),
  value: size.optional(),
  duplicate: z.literal(true).optional(),
});

const report = z.union([
  delivery.extend({ error_code: z.literal(200) }),
  z.object({ error_code: z.int(), message: z.string() }),
]);

/** A v2 request whose keys and values are written like this. */
const v2Request = (data: z.ZodType): z.ZodType =>
  z.object({
    records: z
      .array(
        z.strictObject({
          key: data.optional(),
          value: data.optional(),
          partition: wholePartition,
          timestamp: z.int().min(0).nullable().optional(),
          headers: z.array(header).nullable().optional(),
        }),
      )
      .min(1),
  });

const v2Response = z.object({
  offsets: z.array(
    z.object({
      partition: z.int().nullable(),
      offset: z.int().nullable(),
      error_code: z.int().nullable().describe("As in error bodies; null for success."),
      error: z.string().nullable(),
      duplicate: z.literal(true).optional(),
    }),
  ),
  key_schema_id: z.null(),
  value_schema_id: z.null(),
});

const EXAMPLE = {
  key: { type: "STRING", data: "ABQ" },
  value: { type: "JSON", data: { delay: 14 } },
};

const V2_EXAMPLE = {
  records: [
    { key: "ABQ", value: { delay: 14 } },
    { value: null, partition: 0 },
  ],
};

const IDEMPOTENCE =
  "With Producer-Id, Producer-Epoch and Producer-Seq (all three; an id comes from POST /v3/clusters/{cluster_id}/producer-ids) a repeat of a request is written once and answered with the first answer's offsets and `duplicate: true`. Producer-Seq numbers the request's first record; the next request's is that plus the number of records.";

const SPREAD =
  " A record goes to the partition it names, else to that of its key (murmur2, as Kafka's clients choose), else to one partition for all of the request: a random one, or with a producer id the partition (producer id + sequence) modulo their number.";

const SPREAD_STREAM = SPREAD.replace("for all of the request", "for all that is appended together");

const STATUS =
  " When nothing was written, and for one and the same reason (throttled, fenced, no leader), the whole request fails with that error.";

const CONDITION =
  "With Expected-Offset the records are written only where the log ends at that offset, so that of several writers who have read the same log one succeeds; the others are answered with 409 (40906) and the end as it is, `end_offset`. Whether a request without an answer was written is told by its repeat where it carries a producer's sequence: the repeat of one that was is answered with `duplicate: true`, wherever the log ends by then.";

const FENCING =
  "With New-Fencing-Token the records also set the partition's fencing token (up to 64 characters of visible ASCII; empty clears it), whatever it was before. With Fencing-Token the records are written only where that is the token in force (empty: where the partition has none); other writers are answered with 409 (40907) and the token as it is, `fencing_token`. With both, the token is compared and replaced in one step. Whoever sends neither is not held back: writers that should keep each other out all send a token. With Expected-Offset too, both have to hold.";

export const PRODUCE_DOC = {
  reportsText: `The body is one record or several, one behind the other, and has no limit; a record has 8 MiB at most. Each record is appended when it has arrived, and its report leaves while the request is still open: a client may go on writing and reading on one request for as long as it likes, and what had a report is kept whatever becomes of the request. Records that have arrived together are appended together. A record that cannot be taken has a report with an error; broken JSON is reported behind the records before it, and ends the request. With a producer's sequence the request is read whole first, is refused as a whole where its JSON is broken, and has at most 10,000 records and 8 MiB.${SPREAD_STREAM}${STATUS} ${IDEMPOTENCE}`,
  idempotenceText: `An entry's id has 1 to 80 characters and is its own.${SPREAD}${STATUS} ${IDEMPOTENCE}`,
  atomicText: `The body is {"records": […]} of v3 records, or record batches of Kafka's format 2, which are stored as they come. An idempotent request fits one batch (max.message.bytes). ${CONDITION} ${FENCING} ${IDEMPOTENCE}`,
  v2Text: `The media type says how keys and values are written: json (also application/json), binary (base64) or string. The whole request is checked before any of it is written: one record whose fields are not legal refuses them all (400 or 422). What the topic refuses (a partition that it does not have, a record that is too large) is told of that record alone.${SPREAD}${STATUS} ${IDEMPOTENCE}`,
  recordBody: { "application/json": { schema: record, example: EXAMPLE } },
  reports: {
    description: "A delivery report for each record, in their order, one a line.",
    content: { "application/json": { schema: report } },
  },
  entriesBody: {
    "application/json": {
      schema: z.object({
        entries: z.array(record.extend({ id: z.string().min(1).max(80) })).min(1),
      }),
      example: { entries: [{ id: "1", ...EXAMPLE }] },
    },
  },
  entriesAnswer: {
    description: "The entries that were written and those that were not.",
    content: {
      "application/json": {
        schema: z.object({
          successes: z.array(delivery.extend({ id: z.string() })),
          failures: z.array(z.object({ id: z.string(), error_code: z.int(), message: z.string() })),
        }),
      },
    },
  },
  atomicBody: {
    "application/json": {
      schema: z.object({ records: z.array(record).min(1) }),
      example: { records: [EXAMPLE] },
    },
    [RECORD_BATCH_TYPE]: {},
  },
  atomicAnswer: {
    description: "Where the records lie.",
    content: {
      "application/json": {
        schema: z.object({ base_offset: z.int(), last_offset: z.int(), duplicate: z.boolean() }),
      },
    },
  },
  v2Body: {
    "application/vnd.kafka.json.v2+json": { schema: v2Request(z.unknown()), example: V2_EXAMPLE },
    "application/vnd.kafka.binary.v2+json": { schema: v2Request(base64Data) },
    "application/vnd.kafka.string.v2+json": { schema: v2Request(stringData) },
  },
  v2Answer: {
    description: "Where each record lies, or why it does not.",
    content: { [V2_JSON]: { schema: v2Response } },
  },
};
