/**
 * Long polls: reads that wait until enough bytes are readable or their time is up. A waiter keeps a call open, so waiters
 * are bounded in time and number. Pure but for its timer port.
 */
import type { TimerPort } from "../../../base/ports.ts";

interface Waiter {
  missingBytes: number;
  readonly answer: () => void;
  readonly cancel: () => void;
}

const WAITERS_MAX = 10_000;

export class Waiters {
  readonly #timers: TimerPort;
  readonly #waiting = new Set<Waiter>();

  constructor(timers: TimerPort) {
    this.#timers = timers;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Calls `answer` once, which does not throw: when so many more bytes are readable, or after `delayMs`. */
  wait(missingBytes: number, delayMs: number, answer: () => void): void {
    if (this.#waiting.size >= WAITERS_MAX) return answer();
    const cancel = this.#timers.after(delayMs, () => {
      this.#waiting.delete(waiter);
      answer();
    });
    const waiter: Waiter = { missingBytes, answer, cancel };
    this.#waiting.add(waiter);
  }

  /** So many bytes have become readable. */
  advance(bytes: number): void {
    for (const waiter of this.#waiting) {
      waiter.missingBytes -= bytes;
      if (waiter.missingBytes <= 0) this.#finish(waiter);
    }
  }

  /** Answers all of them now: what they wait for has changed. */
  release(): void {
    for (const waiter of [...this.#waiting]) this.#finish(waiter);
  }

  #finish(waiter: Waiter): void {
    this.#waiting.delete(waiter);
    waiter.cancel();
    waiter.answer();
  }
}
