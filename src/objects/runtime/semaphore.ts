/** A bounded number of calls at once: who comes when all slots are taken waits for its turn. */
import type { TimerPort } from "../../base/ports.ts";

export class Slots {
  readonly #waiting: (() => void)[] = [];
  readonly #timer: TimerPort | null;
  #free: number;

  /**
   * With `timer` a slot is handed on by way of it: on one machine all objects share a thread, which looks for
   * anything else, such as new connections, only when it has nothing to go on with.
   */
  constructor(count: number, timer: TimerPort | null = null) {
    this.#free = count;
    this.#timer = timer;
  }

  async take(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** A slot is handed on to who waits longest, or becomes free. */
  leave(): void {
    const next = this.#waiting.shift();
    if (!next) this.#free += 1;
    else if (this.#timer) this.#timer.after(0, next);
    else next();
  }
}
