/** The clients of a round that are running, each with what it is doing: one that does not end can be named. */
import { setTimeout as sleep } from "node:timers/promises";

/** What a client is doing, in its own words. */
export class Activity {
  #doing = "begins";
  #sinceMs = performance.now();

  is(doing: string): void {
    this.#doing = doing;
    this.#sinceMs = performance.now();
  }

  toString(): string {
    const seconds = Math.round((performance.now() - this.#sinceMs) / 1_000);
    return `${this.#doing} for ${seconds} s`;
  }
}

export class Clients {
  readonly #failed: (error: unknown) => void;
  readonly #running = new Map<Promise<void>, readonly [string, Activity]>();

  /** @param failed is told what a client throws */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  start(name: string, client: (activity: Activity) => Promise<void>): void {
    const activity = new Activity();
    const running = client(activity)
      .catch(this.#failed)
      .finally(() => this.#running.delete(running));
    this.#running.set(running, [name, activity]);
  }

  /** Waits until all have ended, whether well or not; throws naming those that have not within `ms`. */
  async ended(ms: number): Promise<void> {
    if (await endsWithin(Promise.all(this.#running.keys()), ms)) return;
    const left = [...this.#running.values()].map(([name, activity]) => `${name} ${activity}`);
    throw new Error(`not ended within ${ms} ms: ${left.join("; ")}`);
  }
}

/** Whether it ends within `ms`; what it throws is thrown here. */
export function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  return Promise.race([work.then(() => true), sleep(ms, false, { ref: false })]);
}
