/**
 * Produce requests that are read whole: settings, then the body; the records are put into batches by partition, each
 * partition's leader is called once, and the outcomes are answered. Streams are in produce-stream.ts.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import { appendBatches } from "../../gateway/append.ts";
import { topicMetadata, type KnownTopic } from "../../gateway/metadata.ts";
import { readRawBatches } from "../../gateway/raw-batches.ts";
import type { Service } from "../../gateway/service.ts";
import type { AppendRefusal } from "../../objects/contracts/partition.ts";
import { errorAnswer, jsonText } from "../answers.ts";
import { bareType } from "../media-types.ts";
import type { Ctx, Outcome } from "../route.ts";
import { rangeAnswer } from "./produce-answers.ts";
import {
  isOnePartition,
  knownTopic,
  planOf,
  produceSettings,
  type ProduceRules,
  type ProduceSettings,
} from "./produce-settings.ts";
import type { RequestReader } from "./read-request.ts";
import { readProduceBody } from "./request-body.ts";
import { RequestRecords } from "./request-records.ts";
import { commonRefusal, sendParts } from "./send.ts";

export const RECORD_BATCH_TYPE = "application/vnd.kafka.recordbatch.v2";

/** The parts in which JSON produce routes differ. */
export interface ProduceForm extends ProduceRules {
  readonly read: RequestReader;
  /** Makes the answer from the records and their outcomes. */
  readonly answer: (records: RequestRecords, service: Service, topic: string) => Response;
}

/** Serves a JSON produce route. */
export async function produceJson(c: Ctx, service: Service, form: ProduceForm): Promise<Outcome> {
  const settings = produceSettings(c, form);
  return settings.ok ? produceWhole(c, service, form, settings) : settings;
}

/** The same for a request whose settings were read. */
export async function produceWhole(
  c: Ctx,
  service: Service,
  form: ProduceForm,
  settings: ProduceSettings,
): Promise<Outcome> {
  const known = await knownTopic(c, service);
  if (!known.ok) return known;
  const body = await readProduceBody(c.req.raw);
  if (!(body instanceof Uint8Array)) return body;
  const read = await readRecords(service, known, settings, form, body);
  if (!read.ok) return read;
  const { records, topic } = read;
  const { stamp, acks, conditions } = settings;
  const repeatable = stamp !== null;
  const sparseSequences = repeatable && !isOnePartition(topic, settings);
  await sendParts(service, topic, records, {
    acks,
    repeatable,
    sparseSequences,
    ...conditions,
  });
  const common = commonRefusal(records);
  if (common !== null) return appendRefused(common, form);
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
    // It may have been added since this isolate asked for the topic, and an earlier attempt may have been written to it.
    const asked = await topicMetadata(service, topic.metadata.topic, true);
    if (!asked.ok) return asked;
    if (asked.metadata.partitions.length > topic.metadata.partitions.length) {
      return readRecords(service, asked, settings, form, body);
    }
  }
  return refused ?? { ok: true, topic, records };
}

/** The answer to an append that the leader refused. */
function appendRefused(
  refusal: AppendRefusal,
  rules: Pick<ProduceRules, "unknownPartition">,
): Outcome {
  const { endOffset, fencingToken } = refusal;
  if (endOffset !== undefined) return errorAnswer(refusal, {}, { end_offset: endOffset });
  if (fencingToken === undefined) return versioned(refusal, rules);
  return errorAnswer(refusal, {}, { fencing_token: fencingToken });
}

function versioned(
  refusal: Refusal,
  { unknownPartition }: Pick<ProduceRules, "unknownPartition">,
): Refusal {
  return refusal.error === "UNKNOWN_PARTITION" ? refuse(unknownPartition) : refusal;
}

/** Serves the atomic route for bodies that are record batches. */
export async function produceRaw(c: Ctx, service: Service): Promise<Outcome> {
  const unknownPartition = "UNKNOWN_TOPIC_OR_PARTITION";
  const settings = produceSettings(c, { unknownPartition, conditional: true });
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
    ...settings.conditions,
  });
  return appended.ok
    ? jsonText(rangeAnswer(appended))
    : appendRefused(appended, { unknownPartition });
}

/** Whether the Content-Type is JSON, which is also the default. */
export function isJsonBody(c: Ctx): boolean {
  const type = c.req.raw.headers.get("content-type");
  return type === null || type === "application/json" || bareType(type) === "application/json";
}
