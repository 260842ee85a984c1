/** Arguments and results of the assignors. Types only. */

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
  /** The partitions that it claims to own: may be out of date, contradict other claims, or not exist any more. */
  readonly owned: readonly TopicPartitions[];
  /** The generation in which it owned them; -1: unknown. */
  readonly generation: number;
}
