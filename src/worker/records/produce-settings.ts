/** The parameters of a produce request beside its records: headers, path, query, and the topic's settings. */
import { COMPRESSION_TYPES, needsKeys } from "../../base/config.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import { parseWhole } from "../../base/ids.ts";
import { cachedTopic, topicForProduce, type KnownTopic } from "../../gateway/metadata.ts";
import { topicCompression } from "../../gateway/raw-batches.ts";
import type { Service } from "../../gateway/service.ts";
import type { AppendRequest } from "../../objects/contracts/partition.ts";
import type { Compression } from "../../records/index.ts";
import { pathText } from "../params.ts";
import type { Ctx } from "../route.ts";
import { conditionsOf, type Conditions } from "./produce-conditions.ts";
import { producerStamp, type ProducerStamp } from "./producer-stamp.ts";
import type { ProducePlan } from "./request-records.ts";

/** Read from query, path and headers. */
export interface ProduceSettings {
  readonly ok: true;
  readonly stamp: ProducerStamp | null;
  readonly acks: AppendRequest["acks"];
  /** The producer's choice; null if it has none. */
  readonly compression: Compression | null;
  /** -1: the path names none. */
  readonly partition: number;
  readonly conditions: Conditions;
}

const ACKS = new Map<string, AppendRequest["acks"]>([
  ["all", -1],
  ["-1", -1],
  ["0", 0],
  ["1", 1],
]);

export function produceSettings(
  c: Ctx,
  { unknownPartition, conditional }: Pick<ProduceRules, "unknownPartition" | "conditional">,
): ProduceSettings | Refusal {
  const stamp = producerStamp(c.req.raw.headers);
  if (stamp !== null && !stamp.ok) return stamp;
  const conditions = conditionsOf(c.req.raw.headers, conditional === true);
  if ("ok" in conditions) return conditions;
  const named = c.req.param("partition_id");
  const partition = named === undefined ? -1 : parseWhole(named);
  if (partition === null) return refuse(unknownPartition);
  // Most requests have no query, and asking for one parses the URL.
  if (!c.req.url.includes("?")) {
    return { ok: true, stamp, acks: -1, compression: null, partition, conditions };
  }
  const acks = ACKS.get(c.req.query("acks") ?? "all");
  if (acks === undefined) return refuse("INVALID_REQUEST", "acks is all, 1 or 0.");
  const compression = c.req.query("compression") ?? null;
  if (compression !== null && !isCompression(compression)) {
    return refuse("UNSUPPORTED_COMPRESSION_TYPE");
  }
  return { ok: true, stamp, acks, compression, partition, conditions };
}

function isCompression(text: string): text is Compression {
  if (text === "producer" || text === "uncompressed") return false;
  return text === "none" || (COMPRESSION_TYPES as readonly string[]).includes(text);
}

/** The topic; not a promise if it is cached. */
export function knownTopic(c: Ctx, service: Service): KnownTopic | Promise<KnownTopic | Refusal> {
  const name = pathText(c, "topic");
  return cachedTopic(service, name) ?? topicForProduce(service, name);
}

/** How a route treats its records. */
export interface ProduceRules {
  readonly allOrNothing?: true;
  /** See {@link ProducePlan}. */
  readonly malformedRefusesAll?: true;
  /** `Expected-Offset` and fencing tokens are understood: all records go to one partition, in one batch of their own. */
  readonly conditional?: true;
  readonly unknownPartition: ProducePlan["unknownPartition"];
}

/** How the records of a request, or of a piece of one, are put into batches. */
export function planOf(
  topic: KnownTopic,
  settings: ProduceSettings,
  form: ProduceRules,
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
    // A record left out would be a gap in the partition's sequences.
    allOrNothing: form.allOrNothing === true || (stamp !== null && isOnePartition(topic, settings)),
    malformedRefusesAll: form.malformedRefusesAll === true,
    // The leader checks numbered records, after it has looked for a repeat.
    keysRequired: stamp === null && needsKeys(topic.config),
    unknownPartition: form.unknownPartition,
    random: (below) => Math.floor(Math.random() * below),
  };
}

/** Whether all records go to the same partition: its sequences then have no gaps. */
export function isOnePartition(topic: KnownTopic, { partition }: ProduceSettings): boolean {
  return partition >= 0 || topic.metadata.partitions.length === 1;
}
