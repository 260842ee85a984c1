/** Asks single replicas about themselves, whether they lead or not. */
import type { Refusal } from "../base/errors.ts";
import type { PartitionMetadata } from "../objects/contracts/controller.ts";
import type { ReplicaDescription } from "../objects/contracts/partition.ts";
import { callReplica } from "./calls.ts";
import type { KnownTopic } from "./metadata.ts";
import type { Service } from "./service.ts";

/** The deadline for a replica that does not answer, in milliseconds: somebody is waiting for the page. */
const DESCRIBE_MS = 1_000;

const NOTHING = {
  logStartOffset: 0,
  highWatermark: 0,
  lastStableOffset: 0,
  logEndOffset: 0,
  logBytes: 0,
  segments: 0,
  storageBytes: 0,
  producers: 0,
  tails: 0,
  wakeRowsRead: 0,
  rowsRead: 0,
  rowsWritten: 0,
  peerCalls: 0,
  bytesInFlight: 0,
  bytesInFlightPeak: 0,
} as const;

/** A refusal where the replica cannot be asked. */
export function describeReplica(
  service: Service,
  topic: KnownTopic,
  partition: number,
  brokerId: number,
): Promise<ReplicaDescription | Refusal> {
  const metadata = topic.metadata.partitions[partition];
  const isThere = metadata?.replicas.some((replica) => replica.brokerId === brokerId);
  if (metadata?.unfounded && isThere) return Promise.resolve(unused(topic, metadata, brokerId));
  return callReplica<ReplicaDescription>(service, topic, partition, brokerId, DESCRIBE_MS, (stub) =>
    stub.describe(),
  );
}

/** A replica that has no object yet, as it would describe itself. */
function unused(
  { brokers }: KnownTopic,
  { leader, leaderEpoch, partitionEpoch }: PartitionMetadata,
  brokerId: number,
): ReplicaDescription {
  return {
    ok: true,
    role: leader === brokerId ? "leader" : leader < 0 ? "none" : "follower",
    storage: "sound",
    fenced: brokers.get(brokerId)?.state === "fenced",
    leaderEpoch,
    partitionEpoch,
    ...(leader === brokerId && { fencingToken: "" }),
    followers: [],
    ...NOTHING,
  };
}
