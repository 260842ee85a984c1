/**
 * Whether a leader may say how far its log is committed. One that was elected, or has just woken up,
 * may know an older high watermark than readers were told before; until it has caught up with every
 * earlier one, whoever asks for an end waits here for a bounded time (KIP-207). Once known, an end
 * stays known: a leader's high watermark never falls. Pure but for its timer port.
 */
import type { TimerPort } from "../../../base/ports.ts";

/** How long those who ask wait for a leader to hear what its followers hold. */
const WAIT_MS = 2_000;

export class KnownEnd {
  readonly #timers: TimerPort;
  #isKnown = false;
  /** Those who wait, all together: who comes later waits for less. */
  #waiting: Promise<void> | null = null;
  #release: (() => void) | null = null;

  constructor(timers: TimerPort) {
    this.#timers = timers;
  }

  get isKnown(): boolean {
    return this.#isKnown;
  }

  known(): void {
    this.#isKnown = true;
    this.release();
  }

  /** Ends the waiting: the end is known, or will not be. */
  release(): void {
    this.#release?.();
  }

  /** Resolves when the end is known, or not in time. */
  wait(): Promise<void> {
    if (this.#isKnown) return Promise.resolve();
    this.#waiting ??= new Promise((resolve) => {
      const cancel = this.#timers.after(WAIT_MS, () => this.#release?.());
      this.#release = () => {
        cancel();
        this.#waiting = null;
        this.#release = null;
        resolve();
      };
    });
    return this.#waiting;
  }
}
