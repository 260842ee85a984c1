/** Commits of consumer groups, and answers about them. Types only. */
import type { ErrorName } from "../../base/errors.ts";

/** A partition, by topic name. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface OffsetToCommit extends TopicPartition {
  /**
   * The offset to read from next: that of the last record processed, plus one. A negative offset is kept as it is and
   * means that there is none: readers begin where their reset rule says.
   */
  readonly offset: number;
  /** Of the last record processed; -1: not given. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  /** The topic's id as the caller knows it; the commit does not hold for a later topic of the same name. */
  readonly topicId?: string;
  /** The id comes from the client (OffsetCommit 10), and the commit holds for no other topic. */
  readonly isTopicIdGiven?: boolean;
}

export interface CommitRequest {
  /** As in {@link JoinGroupRequest}. */
  readonly groupId?: string;
  /** With generation -1 the commit is of no member, and is accepted only while the group has none. */
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly generationId: number;
  readonly offsets: readonly OffsetToCommit[];
  /** How long they are kept, in milliseconds (OffsetCommit 2 to 4); absent: for `offsets.retention.minutes`. */
  readonly retentionMs?: number;
}

export interface Committed {
  readonly ok: true;
  /** In the request's order; null: committed. */
  readonly errors: readonly (ErrorName | null)[];
}

export interface CommittedOffset extends TopicPartition {
  /** -1: nothing is committed. */
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string;
  readonly committedMs: number;
  readonly topicId?: string;
}

export interface FetchedOffsets {
  readonly ok: true;
  readonly offsets: readonly CommittedOffset[];
}

export interface DeletedOffsets {
  readonly ok: true;
  /** In the request's order; null: deleted. GROUP_SUBSCRIBED_TO_TOPIC. */
  readonly errors: readonly (ErrorName | null)[];
}
