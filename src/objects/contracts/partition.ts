/**
 * What a partition replica's object answers to: the contract between it, the worker and the
 * controller. Types only. Every method returns a union with {@link Refusal}; none throws for an
 * operating error. During a deploy old and new code call each other: add fields as optional,
 * never change what one means.
 */
import type { Refusal } from "../../base/errors.ts";
import type { RecordsRefusal } from "../../records/index.ts";
import type { Assigned, Probed, ReplicaAssignment } from "./assignment.ts";

export interface AppendRequest {
  /** One or more whole RecordBatch v2, concatenated, checked by `validateProducedBatch`. */
  readonly batches: Uint8Array;
  /** 0 and 1: the leader's own write; -1: all in-sync replicas. */
  readonly acks: -1 | 0 | 1;
  /**
   * True where the service picked the partition of a producer's numbered request: sequences then
   * rise with gaps, since other partitions took the records between. Repeats are still recognized.
   */
  readonly sparseSequences?: boolean;
  /**
   * What the sender found against these numbered batches under the topic's settings of now: they are
   * refused with it unless they are in the log already, since before a setting was changed.
   */
  readonly unlessRepeated?: Refusal;
}

export interface Appended {
  readonly ok: true;
  readonly baseOffset: number;
  readonly lastOffset: number;
  /** The batch had been written before, at these offsets; nothing was written now. */
  readonly duplicate: boolean;
  readonly logStartOffset: number;
  /** The time the broker put on the records, or -1 where they keep their producer's. */
  readonly logAppendTimeMs: number;
  /** Partition epoch the replica knows: a caller whose metadata is older refreshes it. */
  readonly partitionEpoch: number;
}

/** A refusal of an append. `written`: the records are in the leader's log; whether they stay is not known. */
export interface AppendRefusal extends RecordsRefusal {
  readonly written?: true;
}

export interface FetchRequest {
  readonly offset: number;
  /** Bytes of whole batches to answer at most; the first batch comes even when it is larger. */
  readonly maxBytes: number;
  /** Wait until so many bytes are there, or `maxWaitMs` has gone by. */
  readonly minBytes: number;
  readonly maxWaitMs: number;
  readonly isolation: "read_uncommitted" | "read_committed";
}

/** The ends of a log, as every read reports them. */
export interface LogEnds {
  readonly logStartOffset: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
}

export interface Fetched extends LogEnds {
  readonly ok: true;
  /**
   * Whole batches from the one that holds `offset` on: the first may begin below it, and a batch
   * in the middle of a page is never cut. Empty when nothing is there.
   */
  readonly batches: Uint8Array;
  /** The offset behind the last record of `batches`; the one asked for when they are empty. */
  readonly nextOffset: number;
  readonly partitionEpoch: number;
}

/** A point in a log: one of its ends, the record with the newest timestamp, or the first at or after a time. */
export type OffsetSpec =
  | { readonly at: "earliest" | "max-timestamp" }
  /** The high watermark, or for readers of committed records the last stable offset. */
  | { readonly at: "latest"; readonly isolation?: FetchRequest["isolation"] }
  | { readonly at: "timestamp"; readonly timestampMs: number };

export interface ListedOffset {
  readonly ok: true;
  /** -1 when no record is at or after the time. */
  readonly offset: number;
  readonly timestampMs: number;
  readonly leaderEpoch: number;
  /** With the latest offset: where the log begins. Objects of before this field leave it out. */
  readonly logStartOffset?: number;
}

/** Where the records of a leader epoch end (KIP-320). */
export interface EpochEnd {
  readonly ok: true;
  /** The largest epoch not above the one asked for; -1: the partition has not had it yet. */
  readonly leaderEpoch: number;
  /** Behind its last record; -1 likewise. */
  readonly endOffset: number;
}

/** For operators: what the replica itself knows, which may lag. Readers are told ends by `listOffset`. */
export interface ReplicaDescription extends LogEnds {
  readonly ok: true;
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
  readonly role: "leader" | "follower" | "none";
  /**
   * `corrupt`: a chunk was read that is not what was written. `lost`: it had to begin anew, and is not in sync yet.
   * Objects of before this field leave it out.
   */
  readonly storage?: "sound" | "corrupt" | "lost";
  /** True when its broker is fenced. */
  readonly fenced: boolean;
  readonly logEndOffset: number;
  /**
   * What a leader knows of its followers in its epoch: the end of what each holds of the leader's
   * log (-1: not known yet). Empty for others.
   */
  readonly followers: readonly { readonly brokerId: number; readonly endOffset: number }[];
  /** Bytes of record batches in the log. */
  readonly logBytes: number;
  readonly segments: number;
  /** Bytes of the object's database. */
  readonly storageBytes: number;
  /** Idempotent producers it remembers. */
  readonly producers: number;
  readonly tails: number;
  /** What waking up has read: the same whatever the size of the log. */
  readonly wakeRowsRead: number;
  /** Since the object woke up. */
  readonly rowsRead: number;
  readonly rowsWritten: number;
  /** Calls to the partition's other replicas since the object woke up. */
  readonly peerCalls: number;
  readonly bytesInFlight: number;
  readonly bytesInFlightPeak: number;
}

/** What is called over RPC. Large appends, fetches and tails travel as requests: see transfer.ts. */
export interface PartitionApi {
  /** Creates the replica or changes what it is; idempotent. */
  assign(assignment: ReplicaAssignment): Promise<Assigned | Refusal>;
  probe(): Promise<Probed | Refusal>;
  append(request: AppendRequest): Promise<Appended | AppendRefusal>;
  listOffset(spec: OffsetSpec): Promise<ListedOffset | Refusal>;
  /** Of leaders; see {@link EpochEnd}. */
  endOfEpoch(leaderEpoch: number): Promise<EpochEnd | Refusal>;
  /** Raises the log start offset to `before` (-1: to the high watermark), and waits for the in-sync replicas. */
  deleteRecords(
    before: number,
    timeoutMs?: number,
  ): Promise<{ readonly ok: true; readonly logStartOffset: number } | Refusal>;
  describe(): Promise<ReplicaDescription | Refusal>;
  /** Deletes the replica's storage for good; refuses the name ever after by not having been assigned. */
  purge(): Promise<{ readonly ok: true }>;
}

/**
 * The WebSocket tail: a hibernating socket of the object. Messages it sends:
 * - first, text: {@link TailHello};
 * - then binary: whole record batches, one message per flush (a backlog comes in pages), the first
 *   of which may begin below the offset asked for.
 * Messages it takes: text {@link TailAck}, which moves the window of `tail.window.bytes`.
 * It closes with {@link TAIL_CLOSE} codes; the reason of `resume` is the offset to go on from.
 */
export interface TailHello extends LogEnds {
  readonly type: "hello";
  readonly offset: number;
}
export interface TailAck {
  readonly ack: number;
}

/** WebSocket close codes of a tail. 1013 and 1012 are IANA's "try again later" and "service restart". */
export const TAIL_CLOSE = {
  /** The reader is too far behind what was sent: connect again at the offset in the reason. */
  resume: 1013,
  /** The partition moved or was deleted: look it up again. */
  moved: 1012,
  /** A message that is no acknowledgement. */
  unreadable: 1008,
} as const;
