/**
 * Calls the object of a partition's leader, which is found through the metadata, or of another of its replicas. What
 * happens when a leader cannot be reached or has moved is in recovery.ts.
 */
import { refuse, type Refusal } from "../base/errors.ts";
import { replicaObjectName } from "../base/ids.ts";
import type { PartitionApi } from "../objects/contracts/partition.ts";
import type { TransferStub } from "../objects/contracts/transfer.ts";
import { foundPartition, refusalOfUnopened } from "./founding.ts";
import { markStale, type KnownTopic, type ReplicaPlace } from "./metadata.ts";
import { counters } from "./metrics.ts";
import { attempt, isUnopening, type CallOptions } from "./objects.ts";
import { isRecoverable, recover, type PartitionOptions } from "./recovery.ts";
import type { Service } from "./service.ts";

/** A partition's object as callers see it: its methods, and requests that carry batches. */
export type PartitionStub = PartitionApi & TransferStub;

/** A call of a replica, and the broker it is made to; the broker called last is the one that has answered. */
export type ReplicaCall<A> = (stub: PartitionStub, brokerId: number) => Promise<A | Refusal>;

interface PartitionAnswer {
  readonly ok: true;
  readonly partitionEpoch?: number;
}

/**
 * The deadline of calls that a leader answers from memory or by a short read, and the time added to calls that have a
 * timeout of their own.
 */
const SHORT_MS = 10_000;

/** For calls that only read, or are idempotent. */
export const SHORT_CALL: PartitionOptions = { repeatable: true, deadlineMs: SHORT_MS };

/** For idempotent calls that wait for the other replicas up to this time. */
export function waitingCall(timeoutMs: number): PartitionOptions {
  return { repeatable: true, deadlineMs: timeoutMs + SHORT_MS };
}

/**
 * Calls the object of a partition's leader. `repeatable` is true for reads and for appends that carry a sequence:
 * only those are repeated when their outcome is unknown. Where the leader has moved, or is being elected, the call is
 * repeated for a short while: see recovery.ts.
 *
 * Errors: UNKNOWN_PARTITION, LEADER_NOT_AVAILABLE, THROTTLING_QUOTA_EXCEEDED, KAFKA_STORAGE_ERROR, STORAGE_LOST,
 * REQUEST_TIMED_OUT, UNKNOWN_SERVER_ERROR, and the object's own refusals.
 */
export async function callPartition<A extends PartitionAnswer>(
  service: Service,
  topic: KnownTopic,
  partition: number,
  options: PartitionOptions,
  call: ReplicaCall<A>,
): Promise<A | Refusal> {
  const isFounded = topic.metadata.partitions[partition]?.unfounded !== true;
  const known = isFounded ? topic : await foundPartition(service, topic, partition);
  const first = await callLeader(service, known, partition, options, call);
  if (first.ok) return first;
  const again = (renewed: KnownTopic): Promise<A | Refusal> =>
    callLeader(service, renewed, partition, options, call);
  const answer =
    options.once === true || !isRecoverable(first)
      ? first
      : await recover({ service, topic: known, partition, options, callLeader: again }, first);
  const isLost = !answer.ok && answer.error === "STORAGE_LOST" && isUnopening(answer);
  return isLost ? refusalOfUnopened(service, known, partition, answer) : answer;
}

/**
 * One call of a replica, whether it leads or not, without a retry. REPLICA_NOT_AVAILABLE: there is none on this
 * broker, or nobody has used the partition yet.
 */
export async function callReplica<A extends object>(
  service: Service,
  topic: KnownTopic,
  partition: number,
  brokerId: number,
  deadlineMs: number,
  call: ReplicaCall<A>,
): Promise<A | Refusal> {
  if (topic.metadata.partitions[partition]?.unfounded) return refuse("REPLICA_NOT_AVAILABLE");
  const place = placeOf(service, topic, partition, brokerId);
  if (place === null) return refuse("REPLICA_NOT_AVAILABLE");
  return attempt({ repeatable: false, deadlineMs }, () =>
    call(partitionStub(service, place), brokerId),
  );
}

async function callLeader<A extends PartitionAnswer>(
  service: Service,
  topic: KnownTopic,
  partition: number,
  options: CallOptions,
  call: ReplicaCall<A>,
): Promise<A | Refusal> {
  const found = locateLeader(service, topic, partition);
  if (!found.ok) return found;
  const answer = await attempt(options, () => call(partitionStub(service, found), found.brokerId));
  if (isUnopening(answer)) return storageFailed(service, found, answer as Refusal);
  if (answer.ok && answer.partitionEpoch !== undefined) {
    const known = topic.metadata.partitions[partition]!;
    if (answer.partitionEpoch > known.partitionEpoch) markStale(topic);
  }
  return answer;
}

/** STORAGE_LOST where the object cannot be constructed at all, as opposed to a storage that refuses writes. */
async function storageFailed(
  service: Service,
  place: ReplicaPlace,
  failed: Refusal,
): Promise<Refusal> {
  const options = { repeatable: false, deadlineMs: SHORT_MS };
  const probed = await attempt(options, () => partitionStub(service, place).probe());
  return isUnopening(probed) ? { ...failed, ...refuse("STORAGE_LOST") } : failed;
}

function locateLeader(
  service: Service,
  topic: KnownTopic,
  partition: number,
): ReplicaPlace | Refusal {
  const known = topic.leaders[partition];
  if (known !== undefined) return known;
  const metadata = topic.metadata.partitions[partition];
  if (metadata === undefined) return refuse("UNKNOWN_PARTITION");
  const leader = placeOf(service, topic, partition, metadata.leader);
  if (leader === null) return refuse("LEADER_NOT_AVAILABLE");
  topic.leaders[partition] = leader;
  return leader;
}

/** The replica on a broker; null when the partition has none there. */
function placeOf(
  service: Service,
  topic: KnownTopic,
  partition: number,
  brokerId: number,
): ReplicaPlace | null {
  const replica = topic.metadata.partitions[partition]?.replicas.find(
    (other) => other.brokerId === brokerId,
  );
  if (replica === undefined) return null;
  const { topicId } = topic.metadata;
  return {
    ok: true,
    brokerId,
    id: service.env.PARTITION.idFromName(replicaObjectName({ topicId, partition, ...replica })),
    locationHint: topic.brokers.get(brokerId)?.locationHint ?? "",
  };
}

function partitionStub(service: Service, place: ReplicaPlace): PartitionStub {
  counters.partitionCalls += 1;
  const { id, locationHint } = place;
  const stub =
    locationHint === ""
      ? service.env.PARTITION.get(id)
      : service.env.PARTITION.get(id, { locationHint: locationHint as DurableObjectLocationHint });
  return stub as unknown as PartitionStub;
}
