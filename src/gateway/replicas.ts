/** Asks single replicas about themselves, whether they lead or not. */
import type { Refusal } from "../base/errors.ts";
import type { ReplicaDescription } from "../objects/contracts/partition.ts";
import { callReplica } from "./calls.ts";
import type { KnownTopic } from "./metadata.ts";
import type { Service } from "./service.ts";

/** The deadline for a replica that does not answer, in milliseconds: somebody is waiting for the page. */
const DESCRIBE_MS = 1_000;

/** A refusal where the replica cannot be asked. */
export function describeReplica(
  service: Service,
  topic: KnownTopic,
  partition: number,
  brokerId: number,
): Promise<ReplicaDescription | Refusal> {
  return callReplica<ReplicaDescription>(service, topic, partition, brokerId, DESCRIBE_MS, (stub) =>
    stub.describe(),
  );
}
