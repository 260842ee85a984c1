/** What groups commit, and what is told of it. Types only. */
import type { ErrorName } from "../../base/errors.ts";

/** A partition, by topic name. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface OffsetToCommit extends TopicPartition {
  /**
   * The offset to go on from: that of the last record processed, plus one. A negative one is kept as it is and
   * says that there is none: readers begin where their own rule says.
   */
  readonly offset: number;
  /** Of the last record processed; -1 when not said. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  /** Of the topic as the caller knows it: what is committed holds for no later topic of the name. */
  readonly topicId?: string;
  /** The id is the client's own word (OffsetCommit 10), and the commit is of no other topic. */
  readonly isTopicIdGiven?: boolean;
}

export interface CommitRequest {
  /** As in {@link JoinGroupRequest}. */
  readonly groupId?: string;
  /** Generation -1: by nobody of the group, which is accepted only while it has no members. */
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly generationId: number;
  readonly offsets: readonly OffsetToCommit[];
  /** How long they are to be kept, in milliseconds (OffsetCommit 2 to 4); absent: as the service is set. */
  readonly retentionMs?: number;
}

export interface Committed {
  readonly ok: true;
  /** In the request's order; null: committed. All of them in one row. */
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
  /** In the request's order; null: it is gone. GROUP_SUBSCRIBED_TO_TOPIC. */
  readonly errors: readonly (ErrorName | null)[];
}
