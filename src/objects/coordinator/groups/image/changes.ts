/**
 * What can change in a group, as it is recorded: a group is the sum of these. Append-only in two senses: rows are
 * only added, and so are kinds of change and fields. A kind never changes its meaning or its name: names stand in
 * storage (`anchored`, `seen` and `looked` among them, where the code says initial positions, topic baselines and
 * resolved subscriptions).
 */
import type { InstanceSpec, Subscription } from "../../../contracts/instances.ts";
import type { TopicPartition } from "../../../contracts/offsets.ts";
import type { ChangeSet as ChangeSetOf } from "../../../runtime/journal.ts";

/** A member as of the generation it belongs to. Bytes are base64. */
export interface StoredMember {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly isInstance: boolean;
  readonly protocols: readonly { readonly name: string; readonly metadata: string }[];
}

/** What a topic was when a subscription of an instance first covered it. */
export interface TopicBaseline {
  readonly topic: string;
  readonly topicId: string;
  /** Partitions from this number on were added later: they are read from their first record (KAFKA-20035). */
  readonly partitions: number;
}

/** topic, topic id ("": not given), then partition, offset, leader epoch and metadata of each. */
export type PackedOffsets = readonly [
  string,
  string,
  readonly (readonly [number, number, number?, string?])[],
];

/** topic, topic id ("": not given), then partition and offset of each. */
export type PackedPositions = readonly [string, string, readonly (readonly [number, number])[]];

export type Change =
  /** Of a group that did not exist; always the first. */
  | {
      readonly type: "group-began";
      readonly sinceMs: number;
      /** Absent where the object's name is the group's id. */
      readonly groupId?: string;
    }
  | {
      /** A rebalance is complete: these are the members from now on, without assignments yet. */
      readonly type: "generation-began";
      readonly generationId: number;
      readonly protocolType: string;
      readonly protocolName: string;
      readonly leader: string;
      readonly members: readonly StoredMember[];
      /** Baselines of topics that are covered for the first time. */
      readonly seen?: readonly TopicBaseline[];
      /** Subscriptions of instances that were resolved for the first time, as `subscriptionKeys`. */
      readonly looked?: readonly string[];
    }
  /** Of the members that have an assignment: by member id, in base64. */
  | {
      readonly type: "assigned";
      readonly assignments: readonly (readonly [string, string])[];
      /** Partitions that a member has lost and may still be reading, encoded alike. */
      readonly revoking?: readonly (readonly [string, string])[];
    }
  | { readonly type: "members-left"; readonly memberIds: readonly string[] }
  /** Another rebalance is due, as it also is when members have left. */
  | { readonly type: "rebalance-needed" }
  /** The last member has left: the generation rises, so that no commit of an older one counts. */
  | { readonly type: "emptied"; readonly generationId: number }
  /** A static member came back under another id (KIP-345). */
  | { readonly type: "member-replaced"; readonly memberId: string; readonly by: StoredMember }
  /** The member has given up the partitions that it was revoked. */
  | { readonly type: "revoked"; readonly memberId: string }
  | {
      readonly type: "committed";
      readonly offsets: readonly PackedOffsets[];
      /** How long they are kept after the commit, in milliseconds, where the client said so. */
      readonly retentionMs?: number;
    }
  | {
      readonly type: "offsets-deleted";
      readonly partitions: readonly TopicPartition[];
      /** They were of topics that are deleted; initial positions in later topics of the same names stay. */
      readonly keepsAnchors?: boolean;
    }
  /** Initial positions: where the group begins in partitions of which nothing is committed. */
  | { readonly type: "anchored"; readonly positions: readonly PackedPositions[] }
  | { readonly type: "instance-created"; readonly instanceId: string; readonly spec: InstanceSpec }
  | { readonly type: "instance-closed"; readonly instanceId: string }
  | {
      readonly type: "instance-subscribed";
      readonly instanceId: string;
      readonly subscription: Subscription | null;
    }
  | {
      readonly type: "instance-assigned";
      readonly instanceId: string;
      /** Topic, topic id, partitions. */
      readonly partitions: readonly (readonly [string, string, readonly number[]])[];
    }
  /** The instance has sought these positions; they hold until it commits or loses the partition. */
  | {
      readonly type: "sought";
      readonly instanceId: string;
      readonly positions: readonly PackedPositions[];
    }
  /** Nothing was heard of these members since the object woke up: a second silence ends their sessions. */
  | { readonly type: "silent"; readonly memberIds: readonly string[] }
  | { readonly type: "heard"; readonly memberId: string };

export type ChangeSet = ChangeSetOf<Change>;

/** Partitions gathered by topic and topic id, in the order in which they first come. */
export function packByTopic<T extends TopicPartition & { readonly topicId?: string }, P>(
  items: readonly T[],
  pack: (item: T) => P,
): [string, string, P[]][] {
  const topics = new Map<string, [string, string, P[]]>();
  for (const item of items) {
    const topicId = item.topicId ?? "";
    const key = `${topicId}/${item.topic}`;
    const found = topics.get(key);
    // rule: all-partitions-are-packed
    if (found) found[2].push(pack(item));
    else topics.set(key, [item.topic, topicId, [pack(item)]]);
  }
  return [...topics.values()];
}
