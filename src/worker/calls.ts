/**
 * Calling the object of a partition's leader: found through the metadata, and looked up once more
 * when its answer shows that the metadata was old.
 */
import { refuse, type ErrorName, type Refusal } from "../base/errors.ts";
import { replicaObjectName } from "../base/ids.ts";
import type { PartitionApi } from "../objects/partition/api.ts";
import type { TransferStub } from "../objects/partition/transfer.ts";
import { markStale, topicMetadata, type KnownTopic, type Leader } from "./metadata.ts";
import { counters } from "./metrics.ts";
import { attempt } from "./objects.ts";
import type { Service } from "./service.ts";

/** A partition's object as callers see it: its methods, and requests that carry batches. */
export type PartitionStub = PartitionApi & TransferStub;

/** Answers after which the metadata is looked up again and the call is made once more. */
const MOVED: ReadonlySet<ErrorName> = new Set<ErrorName>([
  "NOT_LEADER_OR_FOLLOWER",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH",
  "LEADER_NOT_AVAILABLE",
  "UNKNOWN_TOPIC_OR_PARTITION",
]);

const NOT_KNOWN_YET = "The partition's leader does not know of its assignment yet; try again.";
const RECREATED = "The topic was created anew with other partitions; nothing was done, try again.";

interface PartitionAnswer {
  readonly ok: true;
  readonly partitionEpoch?: number;
}

/**
 * Calls the object of a partition's leader. `repeatable` is true for reads and for appends that carry
 * a sequence: only those are made again after an exception. An answer that shows the metadata to be
 * old (see {@link MOVED}) looks it up and tries once more, for nothing was done then.
 *
 * UNKNOWN_PARTITION, LEADER_NOT_AVAILABLE, THROTTLING_QUOTA_EXCEEDED, KAFKA_STORAGE_ERROR,
 * UNKNOWN_SERVER_ERROR, and what the object refuses with.
 */
export async function callPartition<A extends PartitionAnswer>(
  service: Service,
  topic: KnownTopic,
  partition: number,
  repeatable: boolean,
  call: (stub: PartitionStub) => Promise<A | Refusal>,
): Promise<A | Refusal> {
  const answer = await callOnce(service, topic, partition, repeatable, call);
  if (answer.ok) {
    const known = topic.metadata.partitions[partition];
    if (answer.partitionEpoch !== undefined && answer.partitionEpoch > known!.partitionEpoch) {
      markStale(topic);
    }
    return answer;
  }
  if (!MOVED.has(answer.error) && answer.error !== "UNKNOWN_PARTITION") return answer;
  return callAgain(service, topic, partition, repeatable, call);
}

async function callAgain<A extends PartitionAnswer>(
  service: Service,
  stale: KnownTopic,
  partition: number,
  repeatable: boolean,
  call: (stub: PartitionStub) => Promise<A | Refusal>,
): Promise<A | Refusal> {
  const topic = await topicMetadata(service, stale.metadata.topic, true);
  if (!topic.ok) return topic;
  if (
    topic.metadata.topicId !== stale.metadata.topicId &&
    topic.metadata.partitions.length !== stale.metadata.partitions.length
  ) {
    // The caller chose the partition by a count that no longer holds.
    return refuse("LEADER_NOT_AVAILABLE", RECREATED);
  }
  const answer = await callOnce(service, topic, partition, repeatable, call);
  if (answer.ok || !MOVED.has(answer.error)) return answer;
  markStale(topic);
  return answer.error === "UNKNOWN_TOPIC_OR_PARTITION"
    ? refuse("LEADER_NOT_AVAILABLE", NOT_KNOWN_YET)
    : answer;
}

async function callOnce<A extends PartitionAnswer>(
  service: Service,
  topic: KnownTopic,
  partition: number,
  repeatable: boolean,
  call: (stub: PartitionStub) => Promise<A | Refusal>,
): Promise<A | Refusal> {
  const found = locate(service, topic, partition);
  if (!found.ok) return found;
  return attempt(repeatable, () => call(partitionStub(service, found)));
}

function locate(service: Service, topic: KnownTopic, partition: number): Leader | Refusal {
  const known = topic.leaders[partition];
  if (known !== undefined) return known;
  const metadata = topic.metadata.partitions[partition];
  if (metadata === undefined) return refuse("UNKNOWN_PARTITION");
  const replica = metadata.replicas.find(({ brokerId }) => brokerId === metadata.leader);
  if (replica === undefined) return refuse("LEADER_NOT_AVAILABLE");
  const { topicId } = topic.metadata;
  const leader: Leader = {
    ok: true,
    id: service.env.PARTITION.idFromName(replicaObjectName({ topicId, partition, ...replica })),
    locationHint: topic.brokers.get(replica.brokerId)?.locationHint ?? "",
  };
  topic.leaders[partition] = leader;
  return leader;
}

function partitionStub(service: Service, leader: Leader): PartitionStub {
  counters.partitionCalls += 1;
  const { id, locationHint } = leader;
  const stub =
    locationHint === ""
      ? service.env.PARTITION.get(id)
      : service.env.PARTITION.get(id, { locationHint: locationHint as DurableObjectLocationHint });
  return stub as unknown as PartitionStub;
}
