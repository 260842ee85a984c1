/**
 * How far one instance has read. Its position in a partition moves only when a later request shows that the last
 * answer has arrived; until then the answer can be given again. In memory only: after a restart the instance goes on
 * from what was committed, sought, or recorded as the group's initial position.
 */
import type { TopicPartition } from "../../../contracts/offsets.ts";
import { PartitionMap } from "../partition-map.ts";

/** Positions that move once the answer of the poll has arrived. */
interface PendingAnswer {
  readonly pollId: string;
  readonly positions: PartitionMap<number>;
}

export class Reading {
  /** Offsets to go on from, of partitions where that is known. */
  readonly positions = new PartitionMap<number>();
  /** The poll under way, or the last one. */
  pollId = "";
  /** When the instance's session ends, when it last polled and committed: in milliseconds since the epoch. */
  deadlineMs = 0;
  lastPollMs = 0;
  lastCommitMs: number;
  /** Index of the partition that the last poll served first. */
  firstServed = 0;
  #pending: PendingAnswer | null = null;
  readonly #topicIds = new Map<string, string>();

  constructor(nowMs: number) {
    this.lastCommitMs = nowMs;
  }

  /** The present poll's answer is sent with these positions. */
  deliver(positions: readonly (TopicPartition & { readonly nextOffset: number })[]): void {
    const map = new PartitionMap<number>();
    for (const { topic, partition, nextOffset } of positions) map.set(topic, partition, nextOffset);
    this.#pending = { pollId: this.pollId, positions: map };
  }

  /**
   * Moves the positions where the pending answer has arrived. `received`: the poll id of the last answer that the
   * client has; absent: a client that sends another request has the one before.
   */
  acknowledge(received: string | undefined): void {
    const pending = this.#pending;
    this.#pending = null;
    // rule: positions-move-with-arrived-answers
    if (pending && (received === undefined || received === pending.pollId)) this.#move(pending);
  }

  /** The pending answer has arrived: what it delivered is being committed. */
  acknowledgePending(): void {
    if (this.#pending) this.#move(this.#pending);
    this.#pending = null;
  }

  /** The pending answer was not sent. */
  discardPending(): void {
    this.#pending = null;
  }

  /** Whether a commit of this offset can only come from a client that has the pending answer. */
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

  /** Takes note of the ids of the topics to read; positions in a topic that was created again are forgotten. */
  updateTopicIds(
    partitions: readonly (readonly [topic: string, partition: number, topicId: string])[],
  ): void {
    const recreated = new Set<string>();
    for (const [topic, , topicId] of partitions) {
      if (topicId === "") continue;
      const known = this.#topicIds.get(topic);
      if (known !== undefined && known !== topicId) recreated.add(topic);
      this.#topicIds.set(topic, topicId);
    }
    if (recreated.size > 0) this.retain((topic) => !recreated.has(topic));
  }

  /** Id of the topic that was last read under the name since the object woke up. */
  topicIdOf(topic: string): string | undefined {
    return this.#topicIds.get(topic);
  }

  /** Forgets the partitions that `keep` refuses. */
  retain(keep: (topic: string, partition: number) => boolean): void {
    this.positions.retain(keep);
    this.#pending?.positions.retain(keep);
  }

  #move(pending: PendingAnswer): void {
    for (const [topic, partition, next] of pending.positions.entries()) {
      this.positions.set(topic, partition, next);
    }
  }
}
