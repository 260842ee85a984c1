/**
 * Lets decisions that come at once be made a few in each turn of the event loop. Those of one turn are one commit of
 * storage, and other events are handled before the next: where all objects share one thread, hundreds of commits in a row
 * would keep everybody else waiting for seconds.
 */
import type { TimerPort } from "../../base/ports.ts";

/** A decision costs a millisecond or less, and the commit some milliseconds more. */
export const DECISIONS_PER_TURN = 16;

export class Turns {
  readonly #timer: TimerPort;
  readonly #waiting: (() => void)[] = [];
  /** A decision was made in this turn, and a timer is set for the next one. */
  #isTaken = false;

  constructor(timer: TimerPort) {
    this.#timer = timer;
  }

  /** Resolves when the caller may decide: at once for the first, for the others in the order in which they came. */
  async take(): Promise<void> {
    if (this.#isTaken) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#end();
  }

  /** This turn's decisions are made; the next ones follow in a timer's callback. */
  #end(): void {
    this.#isTaken = true;
    this.#timer.after(0, () => {
      const next = this.#waiting.splice(0, DECISIONS_PER_TURN);
      this.#isTaken = false;
      if (next.length > 0) this.#end();
      for (const decide of next) decide();
    });
  }
}
