/** A counting semaphore: bounds the number of calls at once; the others wait in the order in which they came. */
import type { TimerPort } from "../../base/ports.ts";

export class Semaphore {
  readonly #waiting: (() => void)[] = [];
  readonly #timer: TimerPort | null;
  #permits: number;
  /** A timer is set for the next permit. */
  #isPaced = false;

  /**
   * @param timer where given, permits are given one at a time, each after the first in a timer's callback. Where all
   *   objects share one thread, that lets other events, such as new connections, be handled in between.
   */
  constructor(permits: number, timer: TimerPort | null = null) {
    this.#permits = permits;
    this.#timer = timer;
  }

  /** Resolves when the caller has a permit. */
  async acquire(): Promise<void> {
    if (this.#permits === 0 || this.#isPaced) {
      return new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#permits -= 1;
    this.#pace();
  }

  /** Returns a permit, which the call that waits longest gets. */
  release(): void {
    this.#permits += 1;
    if (this.#waiting.length === 0) return;
    if (this.#timer === null) this.#give();
    else this.#pace();
  }

  #give(): void {
    const next = this.#permits > 0 ? this.#waiting.shift() : undefined;
    if (!next) return;
    this.#permits -= 1;
    next();
    this.#pace();
  }

  /** Gives the next permit in a timer's callback. */
  #pace(): void {
    if (this.#timer === null || this.#isPaced) return;
    this.#isPaced = true;
    this.#timer.after(0, () => {
      this.#isPaced = false;
      this.#give();
    });
  }
}
