/**
 * Calls to replicas that have not answered yet: one at a time to each replica, as far as can be waited for, so
 * that the deletion of its storage is not overtaken by an assignment sent before.
 */
import { within } from "../../../base/deadline.ts";
import type { ClockPort, TimerPort } from "../../../base/ports.ts";

interface Calls {
  count: number;
  /** When the newest began. */
  sinceMs: number;
  newest: Promise<void>;
}

export class ReplicaCalls {
  readonly #ports: { readonly clock: ClockPort; readonly timer: TimerPort };
  /** By object name. */
  readonly #open = new Map<string, Calls>();

  constructor(ports: { readonly clock: ClockPort; readonly timer: TimerPort }) {
    this.#ports = ports;
  }

  /**
   * Waits up to `deadlineMs` for the newest call to the object, then says whether another may begin: none is
   * open, or the newest began `overtakeMs` ago, so that it is taken for lost.
   */
  async isFree(name: string, deadlineMs: number, overtakeMs: () => number): Promise<boolean> {
    const { clock, timer } = this.#ports;
    const before = this.#open.get(name);
    if (before) await within(timer, deadlineMs, before.newest);
    const calls = this.#open.get(name);
    return !calls || clock.nowMs() - calls.sinceMs >= overtakeMs();
  }

  /** Keeps the call as the object's newest until it ends; `onEnd` runs first then. */
  track(name: string, call: Promise<void>, onEnd: () => void): Promise<void> {
    const calls = this.#open.get(name);
    const newest = call.finally(() => {
      onEnd();
      const open = this.#open.get(name);
      if (open) open.count -= 1;
      if (open?.count === 0) this.#open.delete(name);
    });
    const count = (calls?.count ?? 0) + 1;
    this.#open.set(name, { count, sinceMs: this.#ports.clock.nowMs(), newest });
    return newest;
  }
}
