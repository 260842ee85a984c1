/**
 * How far one instance has read. Its position in a partition moves only when a later request shows that
 * the answer has arrived which was sent last; until then the answer can be given once more. Kept in
 * memory: whoever wakes up goes on from what was committed, sought, or found at first.
 */
import { PartitionMap } from "../partition-map.ts";
import type { TopicPartition } from "../../../contracts/offsets.ts";

/** What the last answer moves, once it has arrived. */
interface Pending {
  readonly pollId: string;
  readonly positions: PartitionMap<number>;
}

export class Reading {
  /** Where it goes on, of partitions of which that is known. */
  readonly positions = new PartitionMap<number>();
  /** The poll under way, or the last one. */
  pollId = "";
  deadlineMs = 0;
  lastPollMs = 0;
  lastCommitMs: number;
  /** Which partition is served first. */
  turn = 0;
  #pending: Pending | null = null;
  readonly #topicIds = new Map<string, string>();

  constructor(nowMs: number) {
    this.lastCommitMs = nowMs;
  }

  deliver(positions: readonly (TopicPartition & { readonly nextOffset: number })[]): void {
    const map = new PartitionMap<number>();
    for (const { topic, partition, nextOffset } of positions) map.set(topic, partition, nextOffset);
    this.#pending = { pollId: this.pollId, positions: map };
  }

  /**
   * Another poll begins. `received`: the last answer that has arrived, by its own word; absent: whoever
   * polls again has had the one before.
   */
  arrived(received: string | undefined): void {
    const pending = this.#pending;
    this.#pending = null;
    // rule: positions-move-with-arrived-answers
    if (pending && (received === undefined || received === pending.pollId)) this.#move(pending);
  }

  /** The last answer has arrived: it is committed, or the reader goes. */
  arrivedAll(): void {
    if (this.#pending) this.#move(this.#pending);
    this.#pending = null;
  }

  /** The last answer was not given. */
  takeBack(): void {
    this.#pending = null;
  }

  /** Whether what is committed here can only come from the answer that was sent last. */
  isOfPending({ topic, partition }: TopicPartition, offset: number): boolean {
    const next = this.#pending?.positions.get(topic, partition);
    if (next === undefined) return false;
    return offset > (this.positions.get(topic, partition) ?? -1) && offset <= next;
  }

  seek({ topic, partition }: TopicPartition, offset: number): void {
    // rule: what-is-sought-is-not-pending
    this.#pending?.positions.delete(topic, partition);
    this.positions.set(topic, partition, offset);
  }

  /** The partitions to read, with their topics' ids: of a topic that was created anew nothing is known. */
  notice(
    partitions: readonly (readonly [topic: string, partition: number, topicId: string])[],
  ): void {
    const anew = new Set<string>();
    for (const [topic, , topicId] of partitions) {
      if (topicId === "") continue;
      const known = this.#topicIds.get(topic);
      if (known !== undefined && known !== topicId) anew.add(topic);
      this.#topicIds.set(topic, topicId);
    }
    if (anew.size > 0) this.retain((topic) => !anew.has(topic));
  }

  /** The topic that was read last under a name, since this object woke up. */
  topicIdOf(topic: string): string | undefined {
    return this.#topicIds.get(topic);
  }

  /** Forgets partitions that are not the instance's any more. */
  retain(keep: (topic: string, partition: number) => boolean): void {
    this.positions.retain(keep);
    this.#pending?.positions.retain(keep);
  }

  #move(pending: Pending): void {
    for (const [topic, partition, next] of pending.positions.entries()) {
      this.positions.set(topic, partition, next);
    }
  }
}
