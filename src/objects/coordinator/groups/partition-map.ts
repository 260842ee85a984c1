/** A map by topic and partition. */
import type { TopicPartition } from "../../contracts/offsets.ts";

export class PartitionMap<T> {
  readonly #topics = new Map<string, Map<number, T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(topic: string, partition: number): T | undefined {
    return this.#topics.get(topic)?.get(partition);
  }

  /** The value of any partition of the topic. */
  first(topic: string): T | undefined {
    return this.#topics.get(topic)?.values().next().value;
  }

  has(topic: string, partition: number): boolean {
    return this.#topics.get(topic)?.has(partition) === true;
  }

  set(topic: string, partition: number, value: T): void {
    let partitions = this.#topics.get(topic);
    if (!partitions) {
      partitions = new Map();
      this.#topics.set(topic, partitions);
    }
    if (!partitions.has(partition)) this.#size += 1;
    partitions.set(partition, value);
  }

  delete(topic: string, partition: number): void {
    const partitions = this.#topics.get(topic);
    if (partitions?.delete(partition) !== true) return;
    this.#size -= 1;
    if (partitions.size === 0) this.#topics.delete(topic);
  }

  clear(): void {
    this.#topics.clear();
    this.#size = 0;
  }

  /** Deletes the partitions that `keep` refuses. */
  retain(keep: (topic: string, partition: number) => boolean): void {
    for (const { topic, partition } of this.keys()) {
      if (!keep(topic, partition)) this.delete(topic, partition);
    }
  }

  keys(): TopicPartition[] {
    return this.entries().map(([topic, partition]) => ({ topic, partition }));
  }

  /** In the order in which topics, and of each its partitions, were first set. */
  entries(): [topic: string, partition: number, value: T][] {
    const entries: [string, number, T][] = [];
    for (const [topic, partitions] of this.#topics) {
      for (const [partition, value] of partitions) entries.push([topic, partition, value]);
    }
    return entries;
  }
}
