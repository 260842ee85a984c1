/** Appends that are queued for a flush, and the state of the log by which a flush is planned. Types only. */
import type { EffectiveConfig } from "../../../base/config.ts";
import type { Refusal } from "../../../base/errors.ts";
import type { BatchHeader } from "../../../records/index.ts";
import type { AppendRequest, FencingCondition } from "../../contracts/partition.ts";
import type { ProducerStates } from "../log/producers.ts";

/** An append of whole batches. Its bytes belong to the flush from here on. */
export interface QueuedAppend {
  readonly bytes: Uint8Array;
  readonly headers: readonly BatchHeader[];
  readonly sparseSequences: boolean;
  readonly acks: AppendRequest["acks"];
  /** See {@link AppendRequest}. */
  readonly unlessRepeated: Refusal | null;
  /** Where its first record has to lie; null: wherever the log ends. */
  readonly expectedOffset: number | null;
  /** See {@link AppendRequest}. */
  readonly fencing: FencingCondition | null;
}

/** The log as it is when a flush is planned. */
export interface FlushContext {
  readonly endOffset: number;
  readonly leaderEpoch: number;
  readonly producers: ProducerStates;
  /** The token in force at the end, which is read only where an append asks for it. */
  readonly fencing: { readonly token: string };
  readonly config: EffectiveConfig;
  readonly nowMs: number;
  /** Size of the in-sync set: with acks=all nothing is written below min.insync.replicas. */
  readonly inSync: number;
}
