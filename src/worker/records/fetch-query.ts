/** The parameters of a read: query, `Accept` and `Last-Event-ID`, validated and bounded. */
import { refuse, type Refusal } from "../../base/errors.ts";
import { parseWhole } from "../../base/ids.ts";
import { FETCH_BYTES_MAX, FETCH_WAIT_MS_MAX, REQUEST_RECORDS_MAX } from "../../base/limits.ts";
import type { Position } from "../../gateway/partition-reader.ts";
import type { FetchRequest } from "../../objects/contracts/partition.ts";
import { V2_JSON } from "../answers.ts";
import { preferredType } from "../media-types.ts";
import { queryWhole } from "../params.ts";
import type { Ctx } from "../route.ts";
import { RECORD_BATCH_TYPE } from "./produce.ts";
import { RECORD_FORMATS, type RecordFormat } from "../json/record-json.ts";

export const EVENT_STREAM_TYPE = "text/event-stream";

/** Default of `max_bytes`. */
const PAGE_BYTES = 1_048_576;

export interface FetchQuery {
  readonly ok: true;
  readonly position: Position;
  readonly maxBytes: number;
  readonly minBytes: number;
  readonly maxWaitMs: number;
  readonly maxRecords: number;
  readonly isolation: FetchRequest["isolation"];
}

/** Representations of records by media type. The query names the format of `events`. */
const REPRESENTATIONS = new Map<string, RecordFormat | "batches" | "events">([
  ["application/json", "json"],
  ["application/vnd.kafka.json.v2+json", "json"],
  ["application/vnd.kafka.binary.v2+json", "binary"],
  ["application/vnd.kafka.string.v2+json", "string"],
  [V2_JSON, "json"],
  [RECORD_BATCH_TYPE, "batches"],
  [EVENT_STREAM_TYPE, "events"],
]);
const OFFERED = [...REPRESENTATIONS.keys()];

export interface Representation {
  readonly ok: true;
  readonly type: string;
  readonly as: RecordFormat | "batches" | "events";
}

/** NOT_ACCEPTABLE if the reader accepts none of the representations. */
export function representation(accept: string | null): Representation | Refusal {
  const type = preferredType(accept, OFFERED);
  if (type === null) return refuse("NOT_ACCEPTABLE");
  return { ok: true, type, as: REPRESENTATIONS.get(type)! };
}

/** How events and tails write records. */
export type StreamFormat = RecordFormat | "recordbatch";

/** The `format` of events and of WebSocket tails, which have no `Accept` of their own. */
export function queryFormat(c: Ctx): StreamFormat | Refusal {
  const text = c.req.query("format") ?? "json";
  if (text === "recordbatch") return text;
  for (const format of RECORD_FORMATS) if (format === text) return format;
  return refuse("INVALID_REQUEST", "format is json, binary, string or recordbatch.");
}

/**
 * Reads the query. A number above its bound counts as the bound, as with Kafka's brokers; a value that is not a number
 * is refused. `absent` is where reading begins without `offset`.
 */
export function fetchQuery(c: Ctx, absent: Position): FetchQuery | Refusal {
  const position = queryPosition(c, absent);
  if (typeof position === "object") return position;
  const maxBytes = queryWhole(c, "max_bytes", PAGE_BYTES);
  if (typeof maxBytes === "object") return maxBytes;
  const minBytes = queryWhole(c, "min_bytes", 1);
  if (typeof minBytes === "object") return minBytes;
  const maxWaitMs = queryWhole(c, "timeout", 0);
  if (typeof maxWaitMs === "object") return maxWaitMs;
  const maxRecords = queryWhole(c, "limit", REQUEST_RECORDS_MAX);
  if (typeof maxRecords === "object") return maxRecords;
  const isolation = c.req.query("isolation_level") ?? "read_uncommitted";
  if (isolation !== "read_uncommitted" && isolation !== "read_committed") {
    return refuse("INVALID_REQUEST", "isolation_level is read_uncommitted or read_committed.");
  }
  return {
    ok: true,
    position,
    maxBytes: Math.min(maxBytes, FETCH_BYTES_MAX),
    minBytes: Math.min(minBytes, FETCH_BYTES_MAX),
    maxWaitMs: Math.min(maxWaitMs, FETCH_WAIT_MS_MAX),
    // At least one record, or a reader would never get further.
    maxRecords: Math.min(Math.max(maxRecords, 1), REQUEST_RECORDS_MAX),
    isolation,
  };
}

function queryPosition(c: Ctx, absent: Position): Position | Refusal {
  const text = c.req.query("offset");
  if (text === undefined) return absent;
  if (text === "earliest" || text === "latest") return text;
  return parseWhole(text) ?? refuse("INVALID_REQUEST", "offset is a number, earliest or latest.");
}

/** Where an event stream continues if its offset is no longer in the log; `none` refuses it. */
export type ResetPolicy = (typeof RESET_POLICIES)[number];
export const RESET_POLICIES = ["earliest", "latest", "none"] as const;

export function queryReset(c: Ctx): ResetPolicy | Refusal {
  const text = c.req.query("auto.offset.reset") ?? "earliest";
  for (const policy of RESET_POLICIES) if (policy === text) return policy;
  return refuse("INVALID_REQUEST", "auto.offset.reset is earliest, latest or none.");
}

/** Where an event stream resumes after a lost connection; null for a new stream. */
export function lastEventId(request: Request): number | null | Refusal {
  const id = request.headers.get("last-event-id");
  if (id === null || id === "") return null;
  return parseWhole(id) ?? refuse("INVALID_REQUEST", "Last-Event-ID is no offset of this stream.");
}
