/**
 * Whether a leader may tell how far its log is committed. A leader that was just elected, or has just woken up, may
 * know a lower high watermark than readers were told before. Until it has caught up with every earlier one, whoever asks
 * for an end waits here for a bounded time (KIP-207). Once verified, an end stays so: a leader's high watermark never
 * falls. Pure but for its timer port.
 */
import type { TimerPort } from "../../../base/ports.ts";

/** How long those who ask wait for the leader to hear what its followers hold. */
const WAIT_MS = 2_000;

export class VerifiedEnd {
  readonly #timers: TimerPort;
  #isVerified = false;
  /** All who wait share one wait: those who come later wait for less time. */
  #waiting: Promise<void> | null = null;
  #release: (() => void) | null = null;

  constructor(timers: TimerPort) {
    this.#timers = timers;
  }

  get isVerified(): boolean {
    return this.#isVerified;
  }

  verified(): void {
    this.#isVerified = true;
    this.release();
  }

  /** Ends the waiting: the end is verified, or will not be. */
  release(): void {
    this.#release?.();
  }

  /** Resolves once the end is verified, or when time is up. */
  wait(): Promise<void> {
    if (this.#isVerified) return Promise.resolve();
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
