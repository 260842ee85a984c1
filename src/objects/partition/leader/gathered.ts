/** Appends that wait for a flush, and what a flush is decided by. Types only. */
import type { EffectiveConfig } from "../../../base/config.ts";
import type { Refusal } from "../../../base/errors.ts";
import type { BatchHeader } from "../../../records/index.ts";
import type { AppendRequest } from "../../contracts/partition.ts";
import type { ProducerStates } from "../log/producers.ts";

/** An append whose batches were split and found whole. Its bytes belong to the flush from here on. */
export interface GatheredAppend {
  readonly bytes: Uint8Array;
  readonly headers: readonly BatchHeader[];
  readonly sparseSequences: boolean;
  readonly acks: AppendRequest["acks"];
  /** See {@link AppendRequest}. */
  readonly unlessRepeated: Refusal | null;
}

/** What the log is like when a flush is decided. */
export interface FlushContext {
  readonly endOffset: number;
  readonly leaderEpoch: number;
  readonly producers: ProducerStates;
  readonly config: EffectiveConfig;
  readonly nowMs: number;
  /** Replicas in sync: with acks=all nothing is written below min.insync.replicas. */
  readonly inSync: number;
}
