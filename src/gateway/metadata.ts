/**
 * What this isolate knows of topics: the controller's answers, kept as values for some seconds, so
 * that the controller is on no hot path. Never a promise: in this runtime a request may not wait for
 * what another request has begun.
 */
import { effectiveConfig, type EffectiveConfig } from "../base/config.ts";
import { refuse, type Refusal } from "../base/errors.ts";
import { topicNameProblem } from "../base/ids.ts";
import type {
  BrokerDescription,
  ClusterMetadata,
  PartitionMetadata,
  TopicMetadata,
} from "../objects/contracts/controller.ts";
import { counters } from "./metrics.ts";
import { callController } from "./objects.ts";
import type { Service } from "./service.ts";

/** How long metadata is used without asking again, in milliseconds. */
const FRESH_MS = 10_000;

/** Ids of topics that are not there; beyond so many, all are forgotten, which costs a question too many. */
const UNKNOWN_IDS_MAX = 1_000;

/** Bound on what is kept, counted in partitions (a topic of none counts one). */
const PARTITIONS_KEPT_MAX = 20_000;

/** How long other requests go without asking after one that was shown old metadata has asked, in milliseconds. */
const RENEWED_MS = 50;

/** Where a replica of a partition is. */
export interface ReplicaPlace {
  readonly ok: true;
  readonly brokerId: number;
  readonly id: DurableObjectId;
  /** Empty for none. */
  readonly locationHint: string;
}

export interface KnownTopic {
  readonly ok: true;
  readonly metadata: TopicMetadata;
  /** The topic's settings over the environment's over the defaults. */
  readonly config: EffectiveConfig;
  readonly version: number;
  readonly brokers: ReadonlyMap<number, BrokerDescription>;
  /** By partition, as they come to be needed: making an object's id hashes its name. */
  readonly leaders: (ReplicaPlace | undefined)[];
  readonly service: Service;
  freshUntilMs: number;
  /** When it was last asked for because a call had shown it to be old. */
  renewedMs: number;
}

const topics = new Map<string, KnownTopic>();
/** The names of those topics, by their ids. */
const names = new Map<string, string>();
/** Until when an id need not be asked for again. Ids are never used again: one that is not there will not be. */
const unknownIds = new Map<string, number>();
let partitionsKept = 0;

/**
 * A topic, from memory when what is known is fresh; no call then. `fresh` asks the controller in
 * any case: for callers that were shown that memory is stale. UNKNOWN_TOPIC, INVALID_TOPIC_EXCEPTION.
 */
export async function topicMetadata(
  service: Service,
  name: string,
  fresh = false,
): Promise<KnownTopic | Refusal> {
  if (!fresh) {
    const known = cachedTopic(service, name);
    if (known !== undefined) return known;
  }
  return lookUp(service, name);
}

/** The hot path's question, without a promise: what is known and fresh, else undefined. */
export function cachedTopic(service: Service, name: string): KnownTopic | undefined {
  const known = topics.get(name);
  if (known === undefined || known.service !== service || known.freshUntilMs <= Date.now()) {
    return undefined;
  }
  counters.metadataHits += 1;
  return known;
}

/** As {@link cachedTopic}, by the topic's id. */
export function cachedTopicById(service: Service, topicId: string): KnownTopic | undefined {
  const name = names.get(topicId);
  return name === undefined ? undefined : cachedTopic(service, name);
}

/**
 * As {@link topicMetadata}, by the topic's id (KIP-516): the very topic, whatever has its name by now. An id
 * that is not there is asked for once in a while, however many requests name it. UNKNOWN_TOPIC_ID.
 */
export async function topicMetadataById(
  service: Service,
  topicId: string,
  fresh = false,
): Promise<KnownTopic | Refusal> {
  const known = cachedTopicById(service, topicId);
  if (known !== undefined && !fresh) return known;
  if ((unknownIds.get(topicId) ?? 0) > Date.now()) return refuse("UNKNOWN_TOPIC_ID");
  counters.metadataMisses += 1;
  const name = names.get(topicId);
  const before = name === undefined ? undefined : topics.get(name);
  if (before !== undefined) before.freshUntilMs = Date.now() + FRESH_MS;
  // By its name too, where that is known: a controller of before this question looks at names only.
  const named = name === undefined ? [] : [name];
  const answer = await callController(service, true, (stub) => stub.metadata(named, [topicId]));
  if (!answer.ok) return before?.service === service ? before : answer;
  const found = answer.topics.find((topic) => topic.topicId === topicId);
  if (found !== undefined) {
    const now = topics.get(found.topic);
    if (now !== undefined && isLater(now, answer, before)) {
      return now.metadata.topicId === topicId ? now : refuse("UNKNOWN_TOPIC_ID");
    }
    forget(found.topic);
    return remember(service, answer, found);
  }
  if (name !== undefined && topics.get(name) === before) forget(name);
  if (unknownIds.size >= UNKNOWN_IDS_MAX) unknownIds.clear();
  unknownIds.set(topicId, Date.now() + FRESH_MS);
  return refuse("UNKNOWN_TOPIC_ID");
}

/** Says that an object's answer has shown this metadata to be old; the next request asks again. */
export function markStale(topic: KnownTopic): void {
  topic.freshUntilMs = 0;
}

/** The newest that is known of the same topic; for callers that hold on to one for long. */
export function newestKnown(topic: KnownTopic): KnownTopic {
  const known = topics.get(topic.metadata.topic);
  return known !== undefined && isNewer(known, topic) ? known : topic;
}

/** Whether it is what became of the topic later. A topic that was created anew is another one. */
function isNewer(known: KnownTopic, than: KnownTopic): boolean {
  return (
    known.service === than.service &&
    known.metadata.topicId === than.metadata.topicId &&
    known.version >= than.version
  );
}

/**
 * What has become of a topic whose metadata was seen to be old. Many requests meet a lost leader at the
 * same time: what one of them was told serves the others, and none asks right after another has.
 */
export async function renewedTopic(
  service: Service,
  stale: KnownTopic,
): Promise<KnownTopic | Refusal> {
  const known = newestKnown(stale);
  const nowMs = Date.now();
  if (known !== stale || nowMs - stale.renewedMs < RENEWED_MS) return known;
  stale.renewedMs = nowMs;
  const renewed = await lookUp(service, stale.metadata.topic);
  if (renewed.ok) renewed.renewedMs = nowMs;
  return renewed;
}

/** Takes over what the controller has answered of one partition; changes nothing where more is known. */
export function learnPartition(topic: KnownTopic, partition: PartitionMetadata): KnownTopic {
  const known = newestKnown(topic);
  const index = partition.partition;
  const before = known.metadata.partitions[index];
  if (before === undefined || before.partitionEpoch >= partition.partitionEpoch) return known;
  const { metadata } = known;
  const learned: KnownTopic = {
    ...known,
    metadata: { ...metadata, partitions: metadata.partitions.with(index, partition) },
    leaders: known.leaders.map((leader, i) => (i === index ? undefined : leader)),
  };
  // Only in the place of what it came from: the topic may have been forgotten meanwhile.
  if (topics.get(metadata.topic) === known) topics.set(metadata.topic, learned);
  return learned;
}

async function lookUp(service: Service, name: string): Promise<KnownTopic | Refusal> {
  const problem = topicNameProblem(name);
  if (problem !== null) return refuse("INVALID_TOPIC_EXCEPTION", problem);
  counters.metadataMisses += 1;
  const before = topics.get(name);
  // While this request asks, others go on with what is known: one call per topic and period, not one per request.
  if (before !== undefined) before.freshUntilMs = Date.now() + FRESH_MS;
  const answer = await callController(service, true, (controller) => controller.metadata([name]));
  if (!answer.ok) return before?.service === service ? before : answer;
  const now = topics.get(name);
  if (now !== undefined && isLater(now, answer, before)) return now;
  const found = answer.topics.find((topic) => topic.topic === name);
  forget(name);
  if (found === undefined) return refuse("UNKNOWN_TOPIC");
  return remember(service, answer, found);
}

/** Another request asked later and was answered sooner, or has learned more since. */
function isLater(
  now: KnownTopic,
  answer: ClusterMetadata,
  before: KnownTopic | undefined,
): boolean {
  return now !== before && now.version >= answer.version;
}

/** A topic as an answer of the controller has it, for one look at it: nothing is remembered. */
export function unkeptTopic(
  service: Service,
  cluster: ClusterMetadata,
  metadata: TopicMetadata,
): KnownTopic {
  return {
    ok: true,
    metadata,
    config: effectiveConfig(metadata.configs, service.configTexts),
    version: cluster.version,
    brokers: new Map(cluster.brokers.map((broker) => [broker.brokerId, broker])),
    leaders: [],
    service,
    freshUntilMs: Date.now() + FRESH_MS,
    renewedMs: 0,
  };
}

function remember(service: Service, cluster: ClusterMetadata, metadata: TopicMetadata): KnownTopic {
  const known = unkeptTopic(service, cluster, metadata);
  topics.set(metadata.topic, known);
  names.set(metadata.topicId, metadata.topic);
  partitionsKept += weight(known);
  // The oldest leave first; the one just learned stays.
  for (const name of topics.keys()) {
    if (partitionsKept <= PARTITIONS_KEPT_MAX || topics.size === 1) break;
    forget(name);
  }
  return known;
}

/** Drops everything that is known: after this isolate itself has changed what concerns all topics. */
export function forgetAll(): void {
  topics.clear();
  names.clear();
  partitionsKept = 0;
}

/** Drops what is known of a topic: after this isolate itself has changed or deleted it. */
export function forget(name: string): void {
  const known = topics.get(name);
  if (known === undefined) return;
  topics.delete(name);
  names.delete(known.metadata.topicId);
  partitionsKept -= weight(known);
}

function weight(topic: KnownTopic): number {
  return Math.max(1, topic.metadata.partitions.length);
}

/** As {@link topicMetadata}; creates the topic when it does not exist and the service is set to. */
export async function topicForProduce(
  service: Service,
  name: string,
): Promise<KnownTopic | Refusal> {
  const found = await topicMetadata(service, name);
  if (found.ok || found.error !== "UNKNOWN_TOPIC" || !service.config["auto.create.topics.enable"]) {
    return found;
  }
  const created = await callController(service, false, (controller) =>
    controller.createTopic({ topic: name }),
  );
  // Another producer may have been first: that is as good.
  if (!created.ok && created.error !== "TOPIC_ALREADY_EXISTS") return created;
  return topicMetadata(service, name, true);
}
