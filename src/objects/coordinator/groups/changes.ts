/**
 * What can change in a group, as it is written down: a group is the sum of these. Append-only in two
 * senses: rows are only added, and so are kinds of change and fields. A kind never changes its meaning.
 */
import { assert } from "../../../base/errors.ts";
import type { InstanceSpec, Subscription } from "../../contracts/instances.ts";
import type { TopicPartition } from "../../contracts/offsets.ts";

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
export interface SeenTopic {
  readonly topic: string;
  readonly topicId: string;
  /** Partitions from this number on came later: they are read from their first record (KAFKA-20035). */
  readonly partitions: number;
}

/** topic, topic id ("": not said), then partition, offset, leader epoch and metadata of each. */
export type PackedOffsets = readonly [
  string,
  string,
  readonly (readonly [number, number, number?, string?])[],
];

/** topic, topic id, then partition and offset of each. */
export type PackedPositions = readonly [string, string, readonly (readonly [number, number])[]];

export type Change =
  /** Of a group that did not exist; always the first. */
  | {
      readonly type: "group-began";
      readonly sinceMs: number;
      /** Where the object's name does not say it. */
      readonly groupId?: string;
    }
  | {
      /** A rebalance has everybody: these are the members from now on, and nobody has an assignment. */
      readonly type: "generation-began";
      readonly generationId: number;
      readonly protocolType: string;
      readonly protocolName: string;
      readonly leader: string;
      readonly members: readonly StoredMember[];
      readonly seen?: readonly SeenTopic[];
      /** Subscriptions of instances that were looked at, as `subscriptionKey`. */
      readonly looked?: readonly string[];
    }
  /** By member id, base64; of the members that have one. */
  | {
      readonly type: "assigned";
      readonly assignments: readonly (readonly [string, string])[];
      /** Partitions that a member may still be reading although it has them no more, base64 alike. */
      readonly revoking?: readonly (readonly [string, string])[];
    }
  | { readonly type: "members-left"; readonly memberIds: readonly string[] }
  /** The present assignments do not hold any more: the members are to share anew. So it is when some have left. */
  | { readonly type: "rebalance-needed" }
  /** Nobody is a member: the generation rises, and nobody's commit of an older one counts. */
  | { readonly type: "emptied"; readonly generationId: number }
  /** A static member came back under another id (KIP-345). */
  | { readonly type: "member-replaced"; readonly memberId: string; readonly by: StoredMember }
  /** The member has given up what it was to give up. */
  | { readonly type: "revoked"; readonly memberId: string }
  | {
      readonly type: "committed";
      readonly offsets: readonly PackedOffsets[];
      /** How long they are to be kept after the commit, by the client's own word. */
      readonly retentionMs?: number;
    }
  | {
      readonly type: "offsets-deleted";
      readonly partitions: readonly TopicPartition[];
      /** They were of topics that are no more: where the group begins in later ones of the name stays. */
      readonly keepsAnchors?: boolean;
    }
  /** Where the group begins in partitions of which nothing is committed. */
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
  /** Where an instance goes on reading, by its own word, until it commits or loses the partition. */
  | {
      readonly type: "sought";
      readonly instanceId: string;
      readonly positions: readonly PackedPositions[];
    }
  /** Nothing was heard of them when the object had lost its memory: a second silence is their end. */
  | { readonly type: "silent"; readonly memberIds: readonly string[] }
  | { readonly type: "heard"; readonly memberId: string };

/** One decision: its changes happen together or not at all. */
export interface ChangeSet {
  readonly atMs: number;
  readonly changes: readonly Change[];
}

/** Raised when what a reader must know of the form changes in another way than by additions. */
const FORM_VERSION = 1;

export function encodeChangeSet(set: ChangeSet): string {
  return JSON.stringify({ v: FORM_VERSION, ...set });
}

/** Asserts that this code knows the form: a group is better down than misread by old code. */
export function decodeChangeSet(text: string): ChangeSet {
  const { v, ...set } = JSON.parse(text) as ChangeSet & { readonly v: number };
  assert(v === FORM_VERSION, `a change of form ${v} was written by newer code`);
  return set;
}

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
