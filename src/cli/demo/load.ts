/**
 * A load of idempotent producers with acks=all, each of which repeats a request with the same sequence until it is
 * acknowledged, as Kafka's producers do. Counts the repeats and the gaps.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "./cluster.ts";
import type { Ledger } from "./ledger.ts";
import { recordOf, type ProducedRecord } from "./produced-record.ts";

const PRODUCERS_PER_PARTITION = 2;
const RECORDS_PER_REQUEST = 20;
/** A producer's pace; the demo is not about throughput. */
const INTERVAL_MS = 50;
const RETRY_MS = 50;
/** A producer without an acknowledgement for this long has failed. */
const GIVE_UP_MS = 30_000;

export class Load {
  /** Records, by partition. */
  readonly acknowledged: number[];
  /** Requests that were sent again. */
  retries = 0;
  readonly #cluster: Cluster;
  readonly #ledger: Ledger;
  /** By partition: when it last acknowledged anything, and the longest time in which it did not. */
  readonly #lastMs: number[];
  readonly #gapMs: number[];
  #gapBeforeMs = 0;
  #isStopping = false;

  constructor(cluster: Cluster, ledger: Ledger, partitions: number) {
    this.#cluster = cluster;
    this.#ledger = ledger;
    this.#lastMs = Array.from({ length: partitions }, () => Number.NaN);
    this.#gapMs = Array.from({ length: partitions }, () => 0);
    this.acknowledged = Array.from({ length: partitions }, () => 0);
  }

  get producers(): number {
    return this.#gapMs.length * PRODUCERS_PER_PARTITION;
  }

  /** The longest time, in milliseconds, in which a partition acknowledged nothing: before and after the mark. */
  get longestGaps(): { readonly beforeMs: number; readonly afterMs: number } {
    return { beforeMs: this.#gapBeforeMs, afterMs: Math.max(...this.#gapMs) };
  }

  /** Gaps are measured separately from here on; one in progress counts as a later one. */
  mark(): void {
    this.#gapBeforeMs = Math.max(...this.#gapMs);
    this.#gapMs.fill(0);
  }

  /** Produces until `stop`; everything that was sent is acknowledged then. */
  async run(signal: AbortSignal): Promise<void> {
    const partitions = [...this.#gapMs.keys()];
    await Promise.all(
      Array.from({ length: PRODUCERS_PER_PARTITION }, () => partitions)
        .flat()
        .map((partition) => this.#produce(partition, signal)),
    );
  }

  stop(): void {
    this.#isStopping = true;
  }

  async #produce(partition: number, signal: AbortSignal): Promise<void> {
    const producer = await this.#cluster.producerId();
    for (let first = 0; !this.#isStopping; first += RECORDS_PER_REQUEST) {
      const nextMs = performance.now() + INTERVAL_MS;
      const records = Array.from({ length: RECORDS_PER_REQUEST }, (_, i) =>
        recordOf(producer, first + i),
      );
      const baseOffset = await this.#untilAcknowledged(partition, records, signal);
      for (const [i, record] of records.entries()) {
        this.#ledger.acknowledged(partition, baseOffset + i, record);
      }
      this.#count(partition, records.length);
      await sleep(Math.max(0, nextMs - performance.now()), undefined, { signal });
    }
  }

  #count(partition: number, records: number): void {
    const nowMs = performance.now();
    const gapMs = nowMs - this.#lastMs[partition]!;
    if (gapMs > this.#gapMs[partition]!) this.#gapMs[partition] = gapMs;
    this.#lastMs[partition] = nowMs;
    this.acknowledged[partition]! += records;
  }

  async #untilAcknowledged(
    partition: number,
    records: readonly ProducedRecord[],
    signal: AbortSignal,
  ): Promise<number> {
    const giveUpMs = performance.now() + GIVE_UP_MS;
    for (;;) {
      const answer = await this.#cluster.append(partition, records, signal);
      signal.throwIfAborted();
      if ("baseOffset" in answer) return answer.baseOffset;
      if (performance.now() > giveUpMs) {
        throw new Error(`Partition ${partition} acknowledges nothing any more: ${answer.again}`);
      }
      this.retries += 1;
      await sleep(RETRY_MS, undefined, { signal });
    }
  }
}
