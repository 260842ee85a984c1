/** What the assignors are given and what they answer. Types only. */

/** Partitions of one topic. */
export interface TopicPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

export interface AssignorMember {
  readonly memberId: string;
  /** Static membership (KIP-345); null without. */
  readonly groupInstanceId: string | null;
  /** The topics it subscribes to. */
  readonly topics: readonly string[];
  /** What it owned, by its own word: may be stale, contradict others, or name what is no more. */
  readonly owned: readonly TopicPartitions[];
  /** The generation in which it owned that; -1: unknown. */
  readonly generation: number;
}
