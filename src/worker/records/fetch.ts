/** Serves readers of one partition: a page of JSON or of batches, an event stream, or a tail. */
import { refuse, type ErrorName, type Refusal } from "../../base/errors.ts";
import type { Fetched, FetchRequest, LogEnds } from "../../objects/contracts/partition.ts";
import { cachedTopic, topicMetadata, type KnownTopic } from "../../gateway/metadata.ts";
import { counters } from "../../gateway/metrics.ts";
import { pathPartition, pathText } from "../params.ts";
import type { Ctx, Outcome } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { ofTextBytes, STREAMED } from "../response-encoding.ts";
import { eventStream, resetOffset, type OffsetReset } from "./events.ts";
import {
  EVENT_STREAM_TYPE,
  fetchQuery,
  lastEventId,
  queryFormat,
  queryReset,
  representation,
  type FetchQuery,
  type Representation,
  type ResetPolicy,
  type StreamFormat,
} from "./fetch-query.ts";
import { placeOfReader, type Origin } from "../../gateway/nearest.ts";
import { PartitionReader } from "../../gateway/partition-reader.ts";
import { writeRecords, type RecordFormat } from "../json/record-json.ts";
import { openTail } from "./tail.ts";

/** Size of one JSON page, in bytes: compressed batches may become much larger as text. */
export const JSON_PAGE_BYTES_MAX = 8_388_608;

export async function fetchRecords(
  c: Ctx,
  service: Service,
  unknownPartition: ErrorName,
): Promise<Outcome> {
  const request = c.req.raw;
  const isUpgrade = request.headers.get("upgrade")?.toLowerCase() === "websocket";
  const wanted = isUpgrade ? null : representation(request.headers.get("accept"));
  if (wanted !== null && !wanted.ok) return wanted;
  const stays = wanted === null || wanted.as === "events";
  // By default a page begins with the first record, a stream or tail with the next one.
  const query = fetchQuery(c, stays ? "latest" : "earliest");
  if (!query.ok) return query;
  // These concern streams and tails alone, and are refused everywhere where they are not legal.
  const format = queryFormat(c);
  if (typeof format === "object") return format;
  const resetPolicy = queryReset(c);
  if (typeof resetPolicy === "object") return resetPolicy;
  const partition = pathPartition(c);
  if (partition < 0) return refuse(unknownPartition);
  const name = pathText(c, "topic");
  const topic = cachedTopic(service, name) ?? (await topicMetadata(service, name));
  if (!topic.ok) return topic;
  const place = isReplicated(topic, partition) ? readersPlace(c, service) : "";
  const reader = new PartitionReader(service, topic, partition, unknownPartition, place);
  if (wanted === null) return tail(c, reader, query, format);
  if (wanted.as === "events") return events(c, reader, query, { format, resetPolicy });
  return page(reader, query, wanted);
}

/** Most partitions have one replica; then the reader's place does not matter. */
export function isReplicated(topic: KnownTopic, partition: number): boolean {
  const metadata = topic.metadata.partitions[partition];
  return metadata !== undefined && metadata.replicas.length > 1;
}

/** The reader's place, as the reader or else the platform says; empty if it reads from the leader anyway. */
export function readersPlace(c: Ctx, service: Service): string {
  if (!service.config["replica.selector.nearest"]) return "";
  const rack = c.req.query("client.rack") ?? c.req.raw.headers.get("client-rack");
  return placeOfReader(rack, c.req.raw.cf as Origin | undefined);
}

async function tail(
  c: Ctx,
  reader: PartitionReader,
  query: FetchQuery,
  format: StreamFormat,
): Promise<Outcome> {
  const offset = await reader.offsetOf(query.position);
  if (typeof offset === "object") return offset;
  return openTail(reader, c.req.raw, offset, format);
}

interface EventSettings {
  readonly format: StreamFormat;
  readonly resetPolicy: ResetPolicy;
}

async function events(
  c: Ctx,
  reader: PartitionReader,
  query: FetchQuery,
  { format, resetPolicy }: EventSettings,
): Promise<Outcome> {
  if (format === "recordbatch") return refuse("NOT_ACCEPTABLE", "Events are text.");
  const resumed = lastEventId(c.req.raw);
  if (typeof resumed === "object" && resumed !== null) return resumed;
  const offset = await reader.offsetOf(resumed ?? query.position);
  if (typeof offset === "object") return offset;
  const begun = await beginEvents(reader, query, offset, resetPolicy, resumed !== null);
  if (!begun.ok) return begun;
  const { first, reset } = begun;
  const { maxBytes, isolation } = query;
  const from = reset?.offset ?? offset;
  const { batches } = first;
  const options = { format, offset: from, batches, maxBytes, isolation, resetPolicy, reset };
  const headers = pageHeaders(EVENT_STREAM_TYPE, from, first, reader);
  return new Response(eventStream(reader, options), { headers: { ...headers, ...STREAMED } });
}

interface BegunEvents {
  readonly ok: true;
  readonly first: Fetched;
  readonly reset: OffsetReset | null;
}

/** How often a stream that begins looks up the log's ends again, if the log start moves meanwhile. */
const BEGIN_TRIES = 3;

/** Reads the first page before the answer begins, so that an error has its status. */
async function beginEvents(
  reader: PartitionReader,
  query: FetchQuery,
  offset: number,
  resetPolicy: ResetPolicy,
  isResumed: boolean,
): Promise<BegunEvents | Refusal> {
  let first = await read(reader, query, offset, 0);
  let reset: OffsetReset | null = null;
  for (let tries = 0; !first.ok && tries < BEGIN_TRIES; tries++) {
    // A new stream past the end is a mistake of the caller, not a log that has changed.
    if (first.error === "OFFSET_OUT_OF_RANGE" && !isResumed) return first;
    const found = await resetOffset(reader, resetPolicy, offset, first);
    if (!found.ok) return found;
    reset = found;
    first = await read(reader, query, reset.offset, 0);
  }
  return first.ok ? { ok: true, first, reset } : first;
}

async function page(
  reader: PartitionReader,
  query: FetchQuery,
  { type, as }: Representation,
): Promise<Outcome> {
  const offset = await reader.offsetOf(query.position);
  if (typeof offset === "object") return offset;
  if (as === "batches") {
    const streamed = await reader.stream(fetchRequest(query, offset, query.maxWaitMs));
    if (!streamed.ok) return streamed;
    const headers = pageHeaders(type, streamed.nextOffset, streamed, reader);
    return new Response(streamed.body, { headers });
  }
  const fetched = await read(reader, query, offset, query.maxWaitMs);
  if (!fetched.ok) return fetched;
  return jsonPage(reader, query, fetched, offset, type, as as RecordFormat);
}

function jsonPage(
  reader: PartitionReader,
  { maxRecords }: FetchQuery,
  fetched: Fetched,
  offset: number,
  type: string,
  format: RecordFormat,
): Outcome {
  const { topic, partition } = reader;
  const written = writeRecords(fetched.batches, {
    topic,
    partition,
    format,
    offset,
    frame: "array",
    maxRecords,
    maxBytes: JSON_PAGE_BYTES_MAX,
  });
  if (!written.ok) return written;
  counters.recordsOut += written.records;
  const headers = pageHeaders(type, written.nextOffset, fetched, reader);
  return ofTextBytes(new Response(written.bytes, { headers }), written.bytes.length);
}

function read(
  reader: PartitionReader,
  query: FetchQuery,
  offset: number,
  maxWaitMs: number,
): Promise<Fetched | Refusal> {
  return reader.fetch(fetchRequest(query, offset, maxWaitMs));
}

function fetchRequest(query: FetchQuery, offset: number, maxWaitMs: number): FetchRequest {
  const { maxBytes, minBytes, isolation } = query;
  return { offset, maxBytes, minBytes, maxWaitMs, isolation };
}

function pageHeaders(
  type: string,
  nextOffset: number,
  ends: LogEnds,
  reader: PartitionReader,
): Record<string, string> {
  return {
    "content-type": type,
    "cache-control": "no-store",
    "x-next-offset": String(nextOffset),
    "x-high-watermark": String(ends.highWatermark),
    "x-log-start-offset": String(ends.logStartOffset),
    "x-odradek-replica": String(reader.servedBy),
  };
}
