/**
 * The calls between the replicas of one partition: the port of replication. Types only. A call that did not arrive,
 * or whose answer did not, rejects; whatever the other side decided is an answer.
 *
 * Push on the hot path, pull to catch up: the leader pushes its chunks to followers whose logs match its own
 * (`replicate`); it tells a follower that does not match to catch up (`catchUp`), which then reads from the leader
 * page by page (`pull`) and truncates its log where the two diverge, by leader epoch (KIP-101, KIP-279; divergence is
 * checked with each page, as in KIP-595).
 */
import type { Refusal } from "../../base/errors.ts";
import type { ReplicaName } from "../../base/ids.ts";
import type { ReplicaAssignment } from "./assignment.ts";

/**
 * One idempotent batch as it is kept: producer id, epoch, first sequence, number of records, base offset, append time
 * in milliseconds since the epoch. A tuple, because a snapshot's JSON has thousands of them.
 */
export type ProducerBatch = readonly [
  producerId: number,
  epoch: number,
  firstSequence: number,
  count: number,
  baseOffset: number,
  appendedMs: number,
];

/** The columns of a row that followers copy from the leader's: all but those that depend on the replica itself. */
export interface CopiedFacts {
  readonly base_offset: number;
  readonly last_offset: number;
  readonly leader_epoch: number;
  readonly max_timestamp: number;
  /** Bytes of all batches ever appended before this chunk; differences of positions are sizes of ranges. */
  readonly position: number;
  readonly size_bytes: number;
  /** The chunk's segment: its base offset, position, start in milliseconds since the epoch, and chunks so far. */
  readonly segment_base: number;
  readonly segment_position: number;
  readonly segment_started_ms: number;
  readonly segment_chunks: number;
  /** JSON of the chunk's {@link ProducerBatch} entries; null when it has none. */
  readonly producers: string | null;
}

/** A fencing token, and the base offset of the chunk that has set it. */
export interface FencingRow {
  readonly baseOffset: number;
  /** Empty: the chunk has cleared it. */
  readonly token: string;
}

/** What a chunk carries beside its batches. */
export interface ReplicatedFacts extends CopiedFacts {
  /** The partition's fencing token behind this chunk, where the chunk has set it. Objects of older code leave it out. */
  readonly fencing_token?: string;
}

/** An end of a log: the offset after its last record, and the leader epoch of its last chunk (-1: none). */
export interface LogPoint {
  readonly offset: number;
  readonly leaderEpoch: number;
}

/** The leader's state, which each of its messages carries. */
export interface LeaderState {
  readonly leaderEpoch: number;
  readonly highWatermark: number;
  readonly logStartOffset: number;
}

/** The leader's row of one chunk. Followers store the same bytes. */
export interface ReplicatedChunk {
  readonly facts: ReplicatedFacts;
  readonly data: Uint8Array;
}

interface FromLeader extends LeaderState {
  /**
   * The leader's own assignment, sent after the follower answered UNKNOWN_LEADER_EPOCH, so that it need not wait for
   * the controller to learn of a new leader.
   */
  readonly assignment?: ReplicaAssignment;
}

export interface ReplicateRequest extends FromLeader {
  /** The end of the leader's log before the chunks. */
  readonly previous: LogPoint;
  /** In order, without gaps; none where the leader only checks the follower or sends its state. */
  readonly chunks: readonly ReplicatedChunk[];
}

/** The follower knows a higher epoch than its caller; the assignment says which. */
export interface Deposed extends Refusal {
  readonly error: "FENCED_LEADER_EPOCH";
  readonly assignment: ReplicaAssignment;
}

export type ReplicateAnswer =
  | {
      readonly ok: true;
      /** Whether everything below `endOffset` equals the leader's log and is durable. */
      readonly matches: boolean;
      readonly endOffset: number;
      /** Whether readers wait at the follower for a higher high watermark. */
      readonly waiting: boolean;
      /** Where the follower's log begins. Objects of older code leave it out. */
      readonly logStartOffset?: number;
    }
  | Deposed
  | Refusal;

export type CatchUpRequest = FromLeader;

export type CatchUpAnswer =
  | {
      readonly ok: true;
      /** Everything below equals the leader's log and is durable. */
      readonly endOffset: number;
      /** As in {@link ReplicateAnswer}. */
      readonly logStartOffset?: number;
    }
  | Deposed
  | Refusal;

export interface PullRequest {
  readonly brokerId: number;
  readonly leaderEpoch: number;
  /** The end of the follower's log, durable. */
  readonly from: LogPoint;
  /** Bytes of batches before `from`, as the follower counts them. */
  readonly position: number;
  readonly maxBytes: number;
  /** Of the assignment that the follower knows, and its own generation; objects of older code leave them out. */
  readonly partitionEpoch?: number;
  readonly generation?: number;
}

export type PullAnswer =
  | ({
      readonly ok: true;
      readonly kind: "chunks";
      /** None: the follower has everything. */
      readonly chunks: readonly ReplicatedChunk[];
      /** For a follower that holds nothing below: the fencing token where it begins. */
      readonly fencing?: FencingRow;
    } & LeaderState)
  | {
      readonly ok: true;
      readonly kind: "diverging";
      /** The leader's largest epoch not above the follower's last, and where that epoch ends in the leader's log. */
      readonly at: LogPoint;
    }
  | {
      /** The follower's log ends below everything that the leader still has: it begins again at `begin`. */
      readonly ok: true;
      readonly kind: "reset";
      readonly begin: { readonly offset: number; readonly position: number };
      /** Idempotent batches below `begin` that are still remembered. */
      readonly producers: readonly ProducerBatch[];
      /** The fencing token that is in force at `begin`. */
      readonly fencing?: FencingRow;
    }
  | Deposed
  | Refusal;

export interface PeerAddress extends ReplicaName {
  readonly locationHint: string;
}

export interface PeerPort {
  /** Errors: FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, REPLICA_NOT_AVAILABLE, UNKNOWN_TOPIC_OR_PARTITION, KAFKA_STORAGE_ERROR, STORAGE_LOST. */
  replicate(to: PeerAddress, request: ReplicateRequest): Promise<ReplicateAnswer>;
  /** Runs for a few seconds at most. Errors: those of replicate. */
  catchUp(to: PeerAddress, request: CatchUpRequest): Promise<CatchUpAnswer>;
  /** Errors: FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, NOT_LEADER_OR_FOLLOWER, UNKNOWN_TOPIC_OR_PARTITION. */
  pull(to: PeerAddress, request: PullRequest): Promise<PullAnswer>;
}
