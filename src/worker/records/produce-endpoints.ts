/** What takes records over HTTP: v3's streamed and batch forms, the atomic form, and v2's. Described by produce-routes.ts. */
import { refuse } from "../../base/errors.ts";
import { jsonText, V2_JSON } from "../answers.ts";
import { bareType } from "../media-types.ts";
import { defineEndpoint, type Ctx, type Outcome } from "../route.ts";
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
  ["application/vnd.kafka+json", "JSON"],
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

export const produceEndpoints = {
  reports: defineEndpoint({
    method: "POST",
    path: `${T}/records`,
    id: "produceRecords",
    needs: [["topic", "write"]],
    handler: reports,
  }),
  entries: defineEndpoint({
    method: "POST",
    path: `${T}/records:batch`,
    id: "produceRecordsBatch",
    needs: [["topic", "write"]],
    handler: entries,
  }),
  atomic: defineEndpoint({
    method: "POST",
    path: `${T}/partitions/{partition_id}/records:batch`,
    id: "appendBatch",
    needs: [["topic", "write"]],
    handler: atomic,
  }),
  v2: defineEndpoint({
    method: "POST",
    path: "/topics/{topic}",
    id: "v2Produce",
    needs: [["topic", "write"]],
    handler: v2,
  }),
  v2Partition: defineEndpoint({
    method: "POST",
    path: "/topics/{topic}/partitions/{partition_id}",
    id: "v2ProducePartition",
    needs: [["topic", "write"]],
    handler: v2,
  }),
} as const;
