/** The route by which an instance polls. */
import * as z from "zod";
import { wholeText } from "../text-schemas.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import { FETCH_WAIT_MS_MAX } from "../../base/limits.ts";
import type { KnownTopic } from "../../gateway/metadata.ts";
import { queryWhole } from "../params.ts";
import { isReplicated, JSON_PAGE_BYTES_MAX, readersPlace } from "../records/fetch.ts";
import { recordSchema } from "../records/fetch-routes.ts";
import { ofTextBytes } from "../response-encoding.ts";
import { defineRoute, type Content, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { I, INSTANCE_ERRORS, namedInstance, receivedOf } from "./instance.ts";
import { acceptOf, formatAsked, RECORD_TYPES, recordsType } from "./negotiation.ts";
import { Poll, type PollQuery } from "./poll.ts";

/** Bytes of an answer where the request does not say. */
const ANSWER_BYTES = 1_048_576;

/** NOT_ACCEPTABLE, INVALID_REQUEST. Values above a bound are reduced to it. */
function pollQuery(c: Ctx): PollQuery | Refusal {
  const format = formatAsked(acceptOf(c));
  if (format !== null && typeof format === "object") return format;
  const timeoutMs = queryWhole(c, "timeout", null);
  if (timeoutMs !== null && typeof timeoutMs === "object") return timeoutMs;
  const maxBytes = queryWhole(c, "max_bytes", ANSWER_BYTES);
  if (typeof maxBytes === "object") return maxBytes;
  const received = receivedOf(c);
  if (received !== null && typeof received === "object") return received;
  return {
    timeoutMs: timeoutMs === null ? null : Math.min(timeoutMs, FETCH_WAIT_MS_MAX),
    maxBytes: Math.min(Math.max(maxBytes, 1), JSON_PAGE_BYTES_MAX),
    ...(received !== null && { received }),
    ...(format !== null && { format }),
  };
}

/** Where the reader is, looked up at most once and only where a partition has several replicas. */
function placeIn(c: Ctx, service: Service): (topic: KnownTopic, partition: number) => string {
  let place: string | null = null;
  return (topic, partition) =>
    isReplicated(topic, partition) ? (place ??= readersPlace(c, service)) : "";
}

async function pollRecords(c: Ctx, service: Service): Promise<Outcome> {
  // A poll moves the position, so that HEAD cannot be answered without a side effect.
  if (c.req.method === "HEAD") return refuse("METHOD_NOT_ALLOWED");
  const named = namedInstance(c, service);
  if (!named.ok) return named;
  const query = pollQuery(c);
  if ("error" in query) return query;
  const polled = await new Poll(named, query, placeIn(c, service)).run();
  if (!polled.ok) return polled;
  const type = recordsType(acceptOf(c), polled.spec.format);
  if (typeof type !== "string") return type;
  const headers: Record<string, string> = {
    "content-type": type,
    "cache-control": "no-store",
    "x-poll-id": polled.pollId,
  };
  if (polled.generationId >= 0) headers["x-generation"] = String(polled.generationId);
  return ofTextBytes(new Response(polled.body, { headers }), polled.body.length);
}

const content: Readonly<Record<string, Content>> = Object.fromEntries(
  RECORD_TYPES.map((type) => [type, { schema: z.array(recordSchema) }]),
);

export const pollRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: `${I}/records`,
    id: "pollRecords",
    needs: [
      ["group", "read"],
      ["topic", "read"],
    ],
    tag: "Consumers",
    summary: "The next records of an instance",
    description: `Reads all partitions of the instance at once and answers as soon as fetch.min.bytes are there, or when the timeout is over; an empty array then. No partition waits for another that has more. A first record comes even when it is larger than max_bytes.

\`Accept\` names the instance's format (\`application/vnd.kafka.{json,binary,string}.v2+json\`), or leaves it to the instance (\`application/json\`).

Where an answer gets lost: the position moves with the next poll (or with a commit of something that only that answer had), not with the answer itself. A plain client that polls again thereby says that it has had the answer before. One that wants no record lost sends \`Last-Poll-Id\`, the X-Poll-Id of the last answer it received (empty: none yet), with each poll, and when it commits everything or closes; an answer that it does not name is given once more.

A rebalance asks each instance to poll; a poll that waits takes part by itself.`,
    query: z.object({
      timeout: wholeText
        .optional()
        .describe(
          `Milliseconds to wait; default consumer.request.timeout.ms, at most ${FETCH_WAIT_MS_MAX}.`,
        ),
      max_bytes: wholeText
        .optional()
        .describe(`Bytes of the answer; default ${ANSWER_BYTES}, at most ${JSON_PAGE_BYTES_MAX}.`),
      last_poll_id: z.string().optional().describe("The same as Last-Poll-Id."),
      "client.rack": z.string().optional().describe("Where the reader is, as of other reads."),
    }),
    headers: z.object({
      "Last-Poll-Id": z
        .string()
        .optional()
        .describe("The X-Poll-Id of the last answer that was received; empty for none."),
      "Client-Rack": z.string().optional().describe("The same as client.rack."),
    }),
    answers: {
      200: {
        description: "The records, in order within each partition.",
        headers: z.object({
          "X-Poll-Id": z.string().describe("For Last-Poll-Id."),
          "X-Generation": z
            .string()
            .optional()
            .describe("For commits; absent where partitions were assigned by hand."),
        }),
        content,
      },
    },
    errors: [
      ...INSTANCE_ERRORS,
      "INVALID_REQUEST",
      "NOT_ACCEPTABLE",
      "ILLEGAL_STATE",
      "NO_OFFSET_FOR_PARTITION",
      "OFFSET_BELOW_LOG_START",
      "OFFSET_OUT_OF_RANGE",
      "INCONSISTENT_GROUP_PROTOCOL",
      "GROUP_MAX_SIZE_REACHED",
    ],
    handler: pollRecords,
  }),
];
