/** The calls of a replica's object by other objects. Types only. */
import type { PartitionApi } from "./partition.ts";
import type {
  CatchUpAnswer,
  CatchUpRequest,
  PullAnswer,
  PullRequest,
  ReplicateAnswer,
  ReplicateRequest,
} from "./replication.ts";

/** The partition contract, the calls of the replica's peers, and requests that carry batches. */
export interface PartitionObject extends PartitionApi {
  /** See `PeerPort` of replication.ts. */
  replicate(request: ReplicateRequest): Promise<ReplicateAnswer>;
  catchUp(request: CatchUpRequest): Promise<CatchUpAnswer>;
  pull(request: PullRequest): Promise<PullAnswer>;
  fetch(url: string, init?: RequestInit): Promise<Response>;
}
