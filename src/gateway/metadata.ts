/**
 * What this isolate knows of topics: the controller's answers, cached as values for some seconds, so that the
 * controller is on no hot path. Never cached as promises: in this runtime a request may not wait for what another
 * request has begun.
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

/** Ids of topics that do not exist; beyond this many all are forgotten, which costs one more call each. */
const UNKNOWN_IDS_MAX = 1_000;

/** Bound on what is kept, counted in partitions (a topic of none counts one). */
const PARTITIONS_KEPT_MAX = 20_000;

/**
 * Where one request has asked because its metadata was stale, others do not ask again for this time, in milliseconds.
 */
const RENEWED_MS = 50;

/** The place of one replica of a partition. */
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
  /** By partition, made when first needed: making an object's id hashes its name. */
  readonly leaders: (ReplicaPlace | undefined)[];
  readonly service: Service;
  freshUntilMs: number;
  /** When it was last asked for because a call had shown it to be stale. */
  renewedMs: number;
}

const topics = new Map<string, KnownTopic>();
/** The names of those topics, by their ids. */
const names = new Map<string, string>();
/** Until when an id is known not to exist. Ids are never reused, so such an id will not come to exist. */
const unknownIds = new Map<string, number>();
let partitionsKept = 0;

/**
 * A topic's metadata, from the cache while it is fresh, without a call. `fresh` asks the controller in any case, for
 * callers that have found the cache to be stale. Errors: UNKNOWN_TOPIC, INVALID_TOPIC_EXCEPTION.
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

/** For the hot path, without a promise: the cached metadata while it is fresh, else undefined. */
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
 * As {@link topicMetadata}, by the topic's id (KIP-516): this very topic, whatever topic has its name now. An id that
 * does not exist is asked for once in a while, however many requests name it. UNKNOWN_TOPIC_ID.
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
  // By its name too, where that is known: during a deploy an older controller looks at names only.
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

/** Marks this metadata as stale, as an object's answer has shown; the next request asks the controller. */
export function markStale(topic: KnownTopic): void {
  topic.freshUntilMs = 0;
}

/** The newest metadata known of the same topic; for callers that keep metadata for long. */
export function newestKnown(topic: KnownTopic): KnownTopic {
  const known = topics.get(topic.metadata.topic);
  return known !== undefined && isNewer(known, topic) ? known : topic;
}

/** Whether it is the same topic at a later time. A topic that was created anew under the name is another one. */
function isNewer(known: KnownTopic, than: KnownTopic): boolean {
  return (
    known.service === than.service &&
    known.metadata.topicId === than.metadata.topicId &&
    known.version >= than.version
  );
}

/**
 * Refreshes the metadata of a topic that was found to be stale. Many requests meet a lost leader at the same time:
 * the answer to one serves the others, and none asks again right after another.
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

/** Takes over the controller's answer about one partition; changes nothing where newer metadata is known. */
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
  // Replaces only the metadata that it was made from: the topic may have been dropped from the cache meanwhile.
  if (topics.get(metadata.topic) === known) topics.set(metadata.topic, learned);
  return learned;
}

async function lookUp(service: Service, name: string): Promise<KnownTopic | Refusal> {
  const problem = topicNameProblem(name);
  if (problem !== null) return refuse("INVALID_TOPIC_EXCEPTION", problem);
  counters.metadataMisses += 1;
  const before = topics.get(name);
  // While this request asks, others go on with the cached metadata: one call per topic and period.
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

/** Another request has asked later and was answered sooner, or has learned more since. */
function isLater(
  now: KnownTopic,
  answer: ClusterMetadata,
  before: KnownTopic | undefined,
): boolean {
  return now !== before && now.version >= answer.version;
}

/** A topic's metadata from an answer of the controller, without caching it. */
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
  // The oldest are dropped first; the one just learned stays.
  for (const name of topics.keys()) {
    if (partitionsKept <= PARTITIONS_KEPT_MAX || topics.size === 1) break;
    forget(name);
  }
  return known;
}

/** Drops everything that is cached: after this isolate has changed something that concerns all topics. */
export function forgetAll(): void {
  topics.clear();
  names.clear();
  partitionsKept = 0;
}

/** Drops a topic from the cache: after this isolate has changed or deleted it. */
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

/** As {@link topicMetadata}; creates the topic when it does not exist and the service is configured to. */
export async function topicForProduce(
  service: Service,
  name: string,
): Promise<KnownTopic | Refusal> {
  const found = await topicMetadata(service, name);
  if (found.ok || found.error !== "UNKNOWN_TOPIC" || !service.config["auto.create.topics.enable"]) {
    return found;
  }
  const created = await callController(service, false, (controller) =>
    controller.createTopic({ topic: name, atFirstUse: true }),
  );
  // Another producer may have created it first.
  if (!created.ok && created.error !== "TOPIC_ALREADY_EXISTS") return created;
  return topicMetadata(service, name, true);
}
