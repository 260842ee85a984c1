/** What the producers of a round have in common; each kind is a file of its own. */
import type { Outcome } from "../support/live-clients.ts";
import type { LiveHistory } from "../support/live-history.ts";
import type { World } from "./world.ts";

/** An idempotent batch that was not accepted for this long: something has stopped. */
export const PATIENCE_MS = 90_000;

/**
 * Of the repeats that are answered with "nothing was written", how many are believed for good: the producer
 * ends, and no attempt, this or an earlier one, may ever be there.
 */
export const BELIEF = 0.2;

/** What became of records that were one batch. */
export interface Sent {
  readonly values: readonly string[];
  readonly outcome: Outcome;
}

/** One producer, as long as it lives. */
export interface Sender {
  /** Sends and repeats as its kind does; `n` is the number of the first record, and its sequence. */
  send(values: readonly string[], n: number): Promise<readonly Sent[]>;
  close(): Promise<void>;
}

export interface SenderSpec {
  readonly world: World;
  readonly history: LiveHistory;
  readonly idempotent: boolean;
  readonly stream: number;
  readonly random: () => number;
}
