/** A counting semaphore: bounds the number of calls at once; the others wait in the order in which they came. */
import type { TimerPort } from "../../base/ports.ts";

export class Semaphore {
  readonly #waiting: (() => void)[] = [];
  readonly #timer: TimerPort | null;
  #permits: number;

  /**
   * @param timer where given, a waiting call gets its permit in a timer's callback. Where all objects share one thread,
   *   that lets other events, such as new connections, be handled in between.
   */
  constructor(permits: number, timer: TimerPort | null = null) {
    this.#permits = permits;
    this.#timer = timer;
  }

  /** Resolves when the caller has a permit. */
  async acquire(): Promise<void> {
    if (this.#permits > 0) this.#permits -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Returns a permit, which the call that waits longest gets. */
  release(): void {
    const next = this.#waiting.shift();
    if (!next) this.#permits += 1;
    else if (this.#timer) this.#timer.after(0, next);
    else next();
  }
}
