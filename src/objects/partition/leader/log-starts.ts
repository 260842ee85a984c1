/**
 * DeleteRecords that wait until the in-sync replicas have raised their log start too (KIP-107): whoever reads
 * from any of them, or from one that leads later, finds the records gone. Pure but for its timer port.
 */
import { refuse, type Refusal } from "../../../base/errors.ts";
import type { ClockPort, TimerPort } from "../../../base/ports.ts";
import { Commits } from "./commits.ts";

export class LogStarts {
  /** Deletions before an offset wait as appends of the record before it do. */
  readonly #waiting: Commits;

  constructor(clock: ClockPort, timers: TimerPort) {
    this.#waiting = new Commits(clock, timers);
  }

  get isWaiting(): boolean {
    return this.#waiting.isWaiting;
  }

  /** Null once {@link advance} has come to `offset`. REQUEST_TIMED_OUT, and what {@link end} is given. */
  wait(offset: number, timeoutMs: number): Promise<Refusal | null> {
    return new Promise((resolve) => {
      this.#waiting.wait(offset - 1, timeoutMs, (refused) =>
        resolve(refused && refuse(refused.error, refused.message)),
      );
    });
  }

  /** Every in-sync replica begins here, or behind it. */
  advance(logStartOffset: number): void {
    this.#waiting.advance(logStartOffset);
  }

  end(refusal: Refusal): void {
    this.#waiting.refuseAll(refusal);
  }
}
