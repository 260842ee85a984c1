/** What the clients of a run asked for and were answered, which the checks compare with the log. */
import type { ErrorName } from "../../src/base/errors.ts";
import type { FencingCondition } from "../../src/objects/contracts/partition.ts";

export type Outcome =
  /** Answered with offsets. */
  | "ok"
  /** Every attempt was refused, with nothing written. */
  | "absent"
  /** Whether it is in the log is not known. */
  | "unknown";

/** One batch of a producer, however often it was sent. */
export interface SentBatch {
  readonly producer: string;
  /** Topic id and partition. */
  readonly log: string;
  readonly values: readonly string[];
  readonly acks: -1 | 0 | 1;
  /** -1 for plain producers. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  /** Written only where its first record gets this offset; -1: wherever the log ends. */
  expectedOffset: number;
  /** Its condition on the partition's fencing token, and the one that it sets; null: neither. */
  readonly fencing: FencingCondition | null;
  readonly invokedMs: number;
  /** Sent once, and delivered once by the network: it cannot be in the log twice. */
  readonly isOnce: boolean;
  outcome: Outcome | "pending";
  completedMs: number;
  baseOffset: number;
  lastOffset: number;
  /** The refusals of earlier attempts. */
  readonly refusals: ErrorName[];
}

export class History {
  readonly batches: SentBatch[] = [];
  readonly producerIds = new Set<number>();
  operations = 0;
  reads = 0;
  /** Whether an unclean election has lost records of a log. */
  isLossy: (log: string) => boolean = () => false;
}
