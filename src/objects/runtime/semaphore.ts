/** A counting semaphore: a bounded number of calls at once, the rest in the order in which they came. */
import type { TimerPort } from "../../base/ports.ts";

export class Semaphore {
  readonly #waiting: (() => void)[] = [];
  readonly #timer: TimerPort | null;
  #permits: number;

  /**
   * With `timer` a permit is handed on by way of it: on one machine all objects share a thread, which looks for
   * anything else, such as new connections, only when it has nothing to go on with.
   */
  constructor(permits: number, timer: TimerPort | null = null) {
    this.#permits = permits;
    this.#timer = timer;
  }

  /** Resolves when a permit is had. */
  async acquire(): Promise<void> {
    if (this.#permits > 0) this.#permits -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Hands the permit on to who waits longest. */
  release(): void {
    const next = this.#waiting.shift();
    if (!next) this.#permits += 1;
    else if (this.#timer) this.#timer.after(0, next);
    else next();
  }
}
