/** What one replica says of itself, whoever leads. */
import type { Refusal } from "../base/errors.ts";
import type { ReplicaDescription } from "../objects/contracts/partition.ts";
import { callReplica } from "./calls.ts";
import type { KnownTopic } from "./metadata.ts";
import type { Service } from "./service.ts";

/** Who looks at a view waits no longer than this for a replica that does not answer. */
const DESCRIBE_MS = 1_000;

/** A refusal where it cannot be asked. */
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
