/** Looks at the cluster and at the load all the time, remembers what has changed, and shows it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Broker, Cluster, Partition } from "./cluster.ts";
import type { Load } from "./load.ts";
import { changesBetween } from "./scene.ts";
import { openScreen } from "./screen.ts";

const STEP_MS = 250;

export class Watch {
  readonly #cluster: Cluster;
  readonly #load: Load;
  readonly #totalMs: number;
  readonly #screen = openScreen();
  readonly #startMs = performance.now();
  readonly #events: string[] = [];
  /** Records per second in each step, by partition. */
  readonly #rates: number[][];
  #brokers: readonly Broker[];
  #partitions: readonly Partition[];

  constructor(
    cluster: Cluster,
    load: Load,
    totalMs: number,
    found: { readonly brokers: readonly Broker[]; readonly partitions: readonly Partition[] },
  ) {
    this.#cluster = cluster;
    this.#load = load;
    this.#totalMs = totalMs;
    this.#brokers = found.brokers;
    this.#partitions = found.partitions;
    this.#rates = found.partitions.map(() => []);
  }

  get partitions(): readonly Partition[] {
    return this.#partitions;
  }

  get elapsedMs(): number {
    return performance.now() - this.#startMs;
  }

  tell(event: string): void {
    this.#events.push(`${(this.elapsedMs / 1_000).toFixed(1).padStart(5)} s  ${event}`);
  }

  /** Until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    let acknowledged = [...this.#load.acknowledged];
    let lastMs = performance.now();
    try {
      while (!signal.aborted) {
        const nextMs = performance.now() + STEP_MS;
        await this.#look();
        const nowMs = performance.now();
        const written = [...this.#load.acknowledged];
        for (const [partition, rates] of this.#rates.entries()) {
          const records = written[partition]! - acknowledged[partition]!;
          rates.push((records / (nowMs - lastMs)) * 1_000);
        }
        acknowledged = written;
        lastMs = nowMs;
        this.#show();
        await sleep(Math.max(0, nextMs - performance.now()), undefined, { signal }).catch(() => {});
      }
    } finally {
      this.#screen.stop();
    }
  }

  #show(): void {
    this.#screen.show({
      elapsedMs: this.elapsedMs,
      totalMs: this.#totalMs,
      acknowledged: this.#load.acknowledged,
      rates: this.#rates,
      retries: this.#load.retries,
      brokers: this.#brokers,
      partitions: this.#partitions,
      events: this.#events,
    });
  }

  async #look(): Promise<void> {
    try {
      const before = this.#partitions;
      [this.#brokers, this.#partitions] = await Promise.all([
        this.#cluster.brokers(),
        this.#cluster.partitions(),
      ]);
      for (const change of changesBetween(before, this.#partitions)) this.tell(change);
    } catch {
      // A view may fail while a leader moves; the next one is a moment away.
    }
  }
}
