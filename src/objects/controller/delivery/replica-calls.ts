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
   * Waits up to `deadlineMs` for the calls to the object, then runs `begin` if none is open, or if the newest began
   * `overtakeMs` ago, so that it is taken for lost; null where neither is so. Of several that wait for the same call one
   * begins, and the others wait for what it has begun.
   */
  async whenFree<T>(
    name: string,
    deadlineMs: number,
    overtakeMs: () => number,
    begin: () => T,
  ): Promise<T | null> {
    const { clock, timer } = this.#ports;
    const untilMs = clock.nowMs() + deadlineMs;
    let waitedFor: Promise<void> | null = null;
    for (;;) {
      const calls = this.#open.get(name);
      // Nothing is awaited between this look and the beginning of the call.
      if (!calls) return begin();
      const { newest, sinceMs } = calls;
      const nowMs = clock.nowMs();
      if (nowMs >= untilMs || newest === waitedFor) {
        return nowMs - sinceMs >= overtakeMs() ? begin() : null;
      }
      await within(timer, untilMs - nowMs, newest);
      waitedFor = newest;
    }
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
