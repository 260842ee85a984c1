/**
 * DeleteRecords that wait until the in-sync replicas have raised their log start too (KIP-107): then the records are
 * gone for everybody, whichever of these replicas is read from or leads next. Pure but for its timer port.
 */
import { refuse, type Refusal } from "../../../base/errors.ts";
import type { ClockPort, TimerPort } from "../../../base/ports.ts";
import { Purgatory } from "./purgatory.ts";

export class DelayedDeletes {
  /** A deletion below an offset waits as an append of the record before it does. */
  readonly #waiting: Purgatory;

  constructor(clock: ClockPort, timers: TimerPort) {
    this.#waiting = new Purgatory(clock, timers);
  }

  get isWaiting(): boolean {
    return this.#waiting.isWaiting;
  }

  /** Resolves with null once {@link advance} has reached `offset`. Errors: REQUEST_TIMED_OUT, and that of {@link end}. */
  wait(offset: number, timeoutMs: number): Promise<Refusal | null> {
    return new Promise((resolve) => {
      this.#waiting.wait(offset - 1, timeoutMs, (refused) =>
        resolve(refused && refuse(refused.error, refused.message)),
      );
    });
  }

  /** The log starts of all in-sync replicas are at `logStartOffset` or above. */
  advance(logStartOffset: number): void {
    this.#waiting.advance(logStartOffset);
  }

  /** Refuses all of them. */
  end(refusal: Refusal): void {
    this.#waiting.refuseAll(refusal);
  }
}
