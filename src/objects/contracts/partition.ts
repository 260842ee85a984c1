/**
 * The calls of a partition replica's object: the contract between it, the worker and the controller. Types only.
 * Methods return a union with {@link Refusal}; none throws for an operating error. During a deploy old and new code
 * call each other: add fields as optional, never change what one means.
 */
import type { Refusal } from "../../base/errors.ts";
import type { RecordsRefusal } from "../../records/index.ts";
import type { Assigned, Probed, ReplicaAssignment } from "./assignment.ts";

export interface AppendRequest {
  /** One or more whole RecordBatch v2, concatenated, checked by `validateProducedBatch`. */
  readonly batches: Uint8Array;
  /** 0 and 1: answered after the leader's own write; -1: after all in-sync replicas have it. */
  readonly acks: -1 | 0 | 1;
  /**
   * True where the service chose the partition of a producer's numbered request: sequences then rise with gaps,
   * because other partitions have the records between. Repeats are still recognized.
   */
  readonly sparseSequences?: boolean;
  /**
   * The refusal of these numbered batches under the topic's present settings: they are refused with it unless they
   * are in the log already, from before a setting was changed.
   */
  readonly unlessRepeated?: Refusal;
  /**
   * The batches are written only where the first of them gets this offset. Set in calls of
   * {@link PartitionApi.appendAt} alone: objects of before this field would write whatever it says.
   */
  readonly expectedOffset?: number;
  /** Set in calls of {@link PartitionApi.appendFenced} alone, for the same reason. */
  readonly fencing?: FencingCondition;
}

/** What an append asks of the partition's fencing token. The empty token is that of a partition without one. */
export interface FencingCondition {
  /** The batches are written only where this token is in force. */
  readonly expected?: string;
  /** In force behind the batches; the empty one clears it. */
  readonly next?: string;
}

export interface ConditionalAppend extends AppendRequest {
  readonly expectedOffset: number;
}

export interface FencedAppend extends AppendRequest {
  readonly fencing: FencingCondition;
}

export interface Appended {
  readonly ok: true;
  readonly baseOffset: number;
  readonly lastOffset: number;
  /** The batch was written before, at these offsets; nothing is written now. */
  readonly duplicate: boolean;
  readonly logStartOffset: number;
  /** The append time that the records got, in milliseconds since the epoch; -1 where they keep their producer's. */
  readonly logAppendTimeMs: number;
  /** Partition epoch that the replica knows: a caller with older metadata refreshes it. */
  readonly partitionEpoch: number;
}

/** A refusal of an append. `written`: the records are in the leader's log, and it is not known whether they stay. */
export interface AppendRefusal extends RecordsRefusal {
  readonly written?: true;
  /** Of END_OFFSET_MISMATCH: the offset that the next record would have got. */
  readonly endOffset?: number;
  /** Of FENCING_TOKEN_MISMATCH: the token in force; empty where there is none. */
  readonly fencingToken?: string;
}

export interface FetchRequest {
  readonly offset: number;
  /** Bytes of whole batches to answer at most; the first batch is answered even where it is larger. */
  readonly maxBytes: number;
  /** Waits until so many bytes can be read, or for `maxWaitMs` milliseconds. */
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
   * Whole batches from the one that contains `offset` on, so that the first may begin below it. Empty where there are
   * none.
   */
  readonly batches: Uint8Array;
  /** The offset after the last record of `batches`; the requested one where they are empty. */
  readonly nextOffset: number;
  readonly partitionEpoch: number;
}

/** A point in a log: one of its ends, the record with the newest timestamp, or the first record at or after a time. */
export type OffsetSpec =
  | { readonly at: "earliest" | "max-timestamp" }
  /** The high watermark; with `read_committed` the last stable offset. */
  | { readonly at: "latest"; readonly isolation?: FetchRequest["isolation"] }
  | { readonly at: "timestamp"; readonly timestampMs: number };

export interface ListedOffset {
  readonly ok: true;
  /** -1 where no record is at or after the time. */
  readonly offset: number;
  readonly timestampMs: number;
  readonly leaderEpoch: number;
  /** Of `latest`: where the log begins. Objects of older code leave it out. */
  readonly logStartOffset?: number;
}

/** Where the records of a leader epoch end (KIP-320). */
export interface EpochEnd {
  readonly ok: true;
  /** The largest epoch not above the requested one; -1: the partition has had none. */
  readonly leaderEpoch: number;
  /** The offset after its last record; -1 likewise. */
  readonly endOffset: number;
}

/** For operators: what the replica itself knows, which may lag. Readers learn ends from `listOffset`. */
export interface ReplicaDescription extends LogEnds {
  readonly ok: true;
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
  readonly role: "leader" | "follower" | "none";
  /**
   * `corrupt`: a chunk was read that is not what was written. `lost`: the replica had to begin again with an empty log,
   * and is not in sync yet. Objects of older code leave it out.
   */
  readonly storage?: "sound" | "corrupt" | "lost";
  /** True when its broker is fenced. */
  readonly fenced: boolean;
  readonly logEndOffset: number;
  /** Of a leader: the token that the next append is compared with; empty for none. Others, and older code, leave it out. */
  readonly fencingToken?: string;
  /**
   * Of a leader: how far each follower's log equals its own (-1: not known yet in its epoch). Empty for others.
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
  /** Rows that waking up has read: independent of the size of the log. */
  readonly wakeRowsRead: number;
  /** Since the object woke up. */
  readonly rowsRead: number;
  readonly rowsWritten: number;
  /** Calls to the partition's other replicas since the object woke up. */
  readonly peerCalls: number;
  readonly bytesInFlight: number;
  readonly bytesInFlightPeak: number;
}

/** Calls over RPC. Large appends, fetches and tails travel as HTTP requests: see transfer.ts. */
export interface PartitionApi {
  /** Creates the replica or changes what it is; idempotent. */
  assign(assignment: ReplicaAssignment): Promise<Assigned | Refusal>;
  probe(): Promise<Probed | Refusal>;
  append(request: AppendRequest): Promise<Appended | AppendRefusal>;
  /**
   * Appends only where the log ends at `expectedOffset`, else END_OFFSET_MISMATCH with the end as it is. A numbered
   * batch that is in the log is answered as the repeat that it is, wherever the log ends by now.
   */
  appendAt(request: ConditionalAppend): Promise<Appended | AppendRefusal>;
  /**
   * Appends only where the partition's fencing token is `fencing.expected`, else FENCING_TOKEN_MISMATCH with the token as
   * it is; sets it to `fencing.next` together with the records. Repeats and `expectedOffset` are as in appendAt.
   */
  appendFenced(request: FencedAppend): Promise<Appended | AppendRefusal>;
  listOffset(spec: OffsetSpec): Promise<ListedOffset | Refusal>;
  /** Answered by leaders; see {@link EpochEnd}. */
  endOfEpoch(leaderEpoch: number): Promise<EpochEnd | Refusal>;
  /** Raises the log start offset to `before` (-1: to the high watermark), and waits for the in-sync replicas (KIP-107). */
  deleteRecords(
    before: number,
    timeoutMs?: number,
  ): Promise<{ readonly ok: true; readonly logStartOffset: number } | Refusal>;
  describe(): Promise<ReplicaDescription | Refusal>;
  /** Deletes the replica's storage for good; the object has no assignment afterwards and refuses every other call. */
  purge(): Promise<{ readonly ok: true }>;
}

/**
 * The WebSocket tail: a hibernating socket of the object. Messages it sends:
 * - first, text: {@link TailHello};
 * - then binary: whole record batches, one message per flush (a backlog is sent in pages); the first batch may begin
 *   below the requested offset.
 * Messages it takes: text {@link TailAck}, which moves the window of `tail.window.bytes`.
 * It closes with {@link TAIL_CLOSE} codes; the reason of `resume` is the offset to continue from.
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
  /** The reader has acknowledged too little of what was sent: connect again at the offset in the reason. */
  resume: 1013,
  /** The partition was moved or deleted: look it up again. */
  moved: 1012,
  /** A message was no acknowledgement. */
  unreadable: 1008,
} as const;
