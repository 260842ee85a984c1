/**
 * The way of a produce request: its settings are read, then its body, whole; its records are put
 * into batches by partition; each partition's leader is called once; the outcomes are told.
 */
import { COMPRESSION_TYPES, needsKeys } from "../../base/config.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import { parseWhole } from "../../base/ids.ts";
import type { AppendRequest } from "../../objects/contracts/partition.ts";
import type { Compression } from "../../records/index.ts";
import { bareType } from "../media-types.ts";
import {
  cachedTopic,
  topicForProduce,
  topicMetadata,
  type KnownTopic,
} from "../../gateway/metadata.ts";
import { pathText } from "../params.ts";
import type { Ctx, Outcome } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { jsonText } from "../answers.ts";
import { rangeAnswer } from "./produce-answers.ts";
import { producerStamp, type ProducerStamp } from "./producer-stamp.ts";
import { readRawBatches, topicCompression } from "../../gateway/raw-batches.ts";
import type { RequestReader } from "./read-request.ts";
import { readProduceBody } from "./request-body.ts";
import { RequestRecords, type ProducePlan } from "./request-records.ts";
import { commonRefusal, sendParts } from "./send.ts";
import { appendBatches } from "../../gateway/append.ts";

export const RECORD_BATCH_TYPE = "application/vnd.kafka.recordbatch.v2";

/** What a JSON produce route is made of. */
export interface ProduceForm {
  readonly read: RequestReader;
  /** The answer, from the records and their outcomes. */
  readonly answer: (records: RequestRecords, service: Service, topic: string) => Response;
  readonly allOrNothing?: true;
  /** See {@link ProducePlan}. */
  readonly malformedRefusesAll?: true;
  readonly unknownPartition: ProducePlan["unknownPartition"];
}

/** What the query and the headers of a produce request say. */
interface ProduceSettings {
  readonly ok: true;
  readonly stamp: ProducerStamp | null;
  readonly acks: AppendRequest["acks"];
  /** What the producer asks for; null when it does not. */
  readonly compression: Compression | null;
  /** -1: the path names none. */
  readonly partition: number;
}

const ACKS = new Map<string, AppendRequest["acks"]>([
  ["all", -1],
  ["-1", -1],
  ["0", 0],
  ["1", 1],
]);

function produceSettings(
  c: Ctx,
  unknownPartition: ProducePlan["unknownPartition"],
): ProduceSettings | Refusal {
  const stamp = producerStamp(c.req.raw.headers);
  if (stamp !== null && !stamp.ok) return stamp;
  const named = c.req.param("partition_id");
  const partition = named === undefined ? -1 : parseWhole(named);
  if (partition === null) return refuse(unknownPartition);
  // Most requests have no query, and asking for one parses the URL.
  if (!c.req.url.includes("?")) {
    return { ok: true, stamp, acks: -1, compression: null, partition };
  }
  const acks = ACKS.get(c.req.query("acks") ?? "all");
  if (acks === undefined) return refuse("INVALID_REQUEST", "acks is all, 1 or 0.");
  const compression = c.req.query("compression") ?? null;
  if (compression !== null && !isCompression(compression)) {
    return refuse("UNSUPPORTED_COMPRESSION_TYPE");
  }
  return { ok: true, stamp, acks, compression, partition };
}

function isCompression(text: string): text is Compression {
  if (text === "producer" || text === "uncompressed") return false;
  return text === "none" || (COMPRESSION_TYPES as readonly string[]).includes(text);
}

/** The topic, without a promise where it is known. */
function knownTopic(c: Ctx, service: Service): KnownTopic | Promise<KnownTopic | Refusal> {
  const name = pathText(c, "topic");
  return cachedTopic(service, name) ?? topicForProduce(service, name);
}

/** Serves a JSON produce route. */
export async function produceJson(c: Ctx, service: Service, form: ProduceForm): Promise<Outcome> {
  const settings = produceSettings(c, form.unknownPartition);
  if (!settings.ok) return settings;
  const known = await knownTopic(c, service);
  if (!known.ok) return known;
  const body = await readProduceBody(c.req.raw);
  if (!(body instanceof Uint8Array)) return body;
  const read = await readRecords(service, known, settings, form, body);
  if (!read.ok) return read;
  const { records, topic } = read;
  const { stamp, acks } = settings;
  const repeatable = stamp !== null;
  const sparseSequences = repeatable && !isOnePartition(topic, settings);
  await sendParts(service, topic, records, { acks, repeatable, sparseSequences });
  const common = commonRefusal(records);
  if (common !== null) return versioned(common, form);
  return form.answer(records, service, topic.metadata.topic);
}

type ReadRecords =
  | { readonly ok: true; readonly topic: KnownTopic; readonly records: RequestRecords }
  | Refusal;

async function readRecords(
  service: Service,
  topic: KnownTopic,
  settings: ProduceSettings,
  form: ProduceForm,
  body: Uint8Array,
): Promise<ReadRecords> {
  const records = new RequestRecords(planOf(topic, settings, form, body.length));
  const refused = form.read(body, records) ?? records.refusal;
  if (records.namesUnknownPartition) {
    // It may have been added since this isolate asked; an earlier attempt may have been written there.
    const asked = await topicMetadata(service, topic.metadata.topic, true);
    if (!asked.ok) return asked;
    if (asked.metadata.partitions.length > topic.metadata.partitions.length) {
      return readRecords(service, asked, settings, form, body);
    }
  }
  return refused ?? { ok: true, topic, records };
}

function planOf(
  topic: KnownTopic,
  settings: ProduceSettings,
  form: ProduceForm,
  bodyBytes: number,
): ProducePlan {
  const { stamp, compression, partition } = settings;
  return {
    batchBytesMax: topic.config["max.message.bytes"],
    compression: topicCompression(topic.config) ?? compression ?? "none",
    stamp,
    partitions: topic.metadata.partitions.length,
    partition,
    nowMs: Date.now(),
    bodyBytes,
    // On one partition sequences have no gaps: a record left out would be one.
    allOrNothing: form.allOrNothing === true || (stamp !== null && isOnePartition(topic, settings)),
    malformedRefusesAll: form.malformedRefusesAll === true,
    // Of numbered records the leader judges, which recognises those that it holds already.
    keysRequired: stamp === null && needsKeys(topic.config),
    unknownPartition: form.unknownPartition,
    random: (below) => Math.floor(Math.random() * below),
  };
}

/** Whether all records go to one partition, whatever they say: its sequences have no gaps then. */
function isOnePartition(topic: KnownTopic, { partition }: ProduceSettings): boolean {
  return partition >= 0 || topic.metadata.partitions.length === 1;
}

function versioned(
  refusal: Refusal,
  { unknownPartition }: Pick<ProduceForm, "unknownPartition">,
): Refusal {
  return refusal.error === "UNKNOWN_PARTITION" ? refuse(unknownPartition) : refusal;
}

/** Serves the atomic route for bodies that are record batches. */
export async function produceRaw(c: Ctx, service: Service): Promise<Outcome> {
  const unknownPartition = "UNKNOWN_TOPIC_OR_PARTITION";
  const settings = produceSettings(c, unknownPartition);
  if (!settings.ok) return settings;
  if (settings.stamp !== null || settings.compression !== null) {
    return refuse("INVALID_REQUEST", "Record batches carry their own producer and compression.");
  }
  const topic = await knownTopic(c, service);
  if (!topic.ok) return topic;
  const body = await readProduceBody(c.req.raw);
  if (!(body instanceof Uint8Array)) return body;
  const batches = readRawBatches(body, topic.config);
  if (!batches.ok) return batches;
  const appended = await appendBatches(service, topic, settings.partition, batches, {
    acks: settings.acks,
    repeatable: batches.sequenced,
    sparseSequences: false,
  });
  return appended.ok ? jsonText(rangeAnswer(appended)) : versioned(appended, { unknownPartition });
}

/** Whether the Content-Type is JSON; a body without one is taken for it. */
export function isJsonBody(c: Ctx): boolean {
  const type = c.req.raw.headers.get("content-type");
  return type === null || type === "application/json" || bareType(type) === "application/json";
}
