/** The routes that read records: the description of fetch-endpoints.ts. */
import * as z from "zod";
import { wholeText } from "../text-schemas.ts";
import type { ErrorName } from "../../base/errors.ts";
import { withDescription, type Description, type Route } from "../route.ts";
import { fetchEndpoints } from "./fetch-endpoints.ts";
import { EVENT_STREAM_TYPE, RESET_POLICIES } from "./fetch-query.ts";
import { RECORD_BATCH_TYPE } from "./produce.ts";

const DESCRIPTION = `Records from an offset on. Accept chooses how: JSON (values as they were written), \`application/vnd.kafka.binary.v2+json\` (base64), \`application/vnd.kafka.string.v2+json\`, \`${RECORD_BATCH_TYPE}\` (the stored batches, the first of which may begin below the offset) or \`${EVENT_STREAM_TYPE}\` (a record an event, whose id is the offset to go on from; \`Last-Event-ID\` overrides \`offset\`). A key or value that does not fit the format comes as a string or in base64, and the record then says so in \`key_encoding\` or \`value_encoding\`.

With \`Upgrade: websocket\` it is a tail: first a text message with the ends of the log, then a message for every flush, a JSON array of records or, with \`format=recordbatch\`, the batches as binary. The reader sends \`{"ack": offset}\` now and then; it is closed with 1013 and the offset to resume from when too much is under way to it, and with 1012 when another replica leads: connect again.`;

const query = z.object({
  offset: z
    .string()
    .meta({ pattern: "^([0-9]{1,15}|earliest|latest)$" })
    .optional()
    .describe(
      "A number, earliest or latest. Default: earliest for a page, latest for events and tails.",
    ),
  timeout: wholeText.optional().describe("Milliseconds to wait for min_bytes; default 0."),
  min_bytes: wholeText.optional().describe("Default 1."),
  max_bytes: wholeText
    .optional()
    .describe("Bytes of batches; the first batch comes even when it is larger. Default 1048576."),
  limit: wholeText.optional().describe("Records of a JSON page at most; default 10000."),
  isolation_level: z.enum(["read_uncommitted", "read_committed"]).optional(),
  format: z
    .enum(["json", "binary", "string", "recordbatch"])
    .optional()
    .describe("Of events and tails; default json."),
  "auto.offset.reset": z
    .enum(RESET_POLICIES)
    .optional()
    .describe(
      "Of events: where the stream goes on when its offset is below the log start, or its Last-Event-ID past the end. A `reset` event comes first, with requested_offset, offset and the error. Default earliest; none refuses.",
    ),
  "client.rack": z
    .string()
    .optional()
    .describe(
      "Where the reader is: a broker's rack or a region. Default: where the request comes from. Pages come from the nearest in-sync replica, which shows nothing above its high watermark; tails come from the leader.",
    ),
});

const headers = z.object({
  "Last-Event-ID": z.string().optional(),
  "Client-Rack": z.string().optional().describe("The same as client.rack."),
});

const encoding = z.enum(["string", "base64"]).optional();

export const recordSchema = z.object({
  topic: z.string(),
  partition: z.int(),
  offset: z.int(),
  timestamp: z.int().describe("Milliseconds since 1970; -1 for none."),
  key: z.unknown(),
  key_encoding: encoding,
  value: z.unknown(),
  value_encoding: encoding,
  headers: z.array(z.object({ name: z.string(), value: z.base64().nullable() })),
});

const answers: Description["answers"] = {
  101: { description: "The tail." },
  200: {
    description: "The records.",
    headers: z.object({
      "X-Next-Offset": z.string(),
      "X-High-Watermark": z.string(),
      "X-Log-Start-Offset": z.string(),
      "X-Odradek-Replica": z.string().describe("The broker whose replica has answered."),
    }),
    content: {
      "application/json": { schema: z.array(recordSchema) },
      [RECORD_BATCH_TYPE]: {},
      [EVENT_STREAM_TYPE]: {},
    },
  },
};

const ERRORS: readonly ErrorName[] = [
  "INVALID_REQUEST",
  "INVALID_TOPIC_EXCEPTION",
  "UNKNOWN_TOPIC",
  "NOT_ACCEPTABLE",
  "OFFSET_BELOW_LOG_START",
  "OFFSET_OUT_OF_RANGE",
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_OR_FOLLOWER",
  "REPLICA_NOT_AVAILABLE",
  "REQUEST_TIMED_OUT",
];

export const fetchRoutes: readonly Route[] = [
  withDescription(fetchEndpoints.partition, {
    tag: "Records",
    summary: "Reads a partition: a page, a stream of events, or a tail",
    description: DESCRIPTION,
    query,
    headers,
    answers,
    errors: [...ERRORS, "UNKNOWN_TOPIC_OR_PARTITION"],
  }),
  withDescription(fetchEndpoints.v2Partition, {
    tag: "v2",
    summary: "Reads a partition: a page, a stream of events, or a tail",
    description: DESCRIPTION,
    query,
    headers,
    answers,
    errors: [...ERRORS, "UNKNOWN_PARTITION"],
  }),
];
