/**
 * The group image: what a group's object knows durably, as the sum of its changes. Only `applyChangeSet` of apply.ts
 * (and the snapshot's loader) alters it; nothing here decides, and nothing here touches storage.
 */
import type { InstanceSpec, Subscription } from "../../../contracts/instances.ts";
import { PartitionMap } from "../partition-map.ts";
import type { StoredMember, TopicBaseline } from "./changes.ts";

export interface StoredOffset {
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string;
  readonly committedMs: number;
  /** Empty where the commit did not give one. */
  readonly topicId: string;
  /** How long it is kept after the commit, in milliseconds; absent: for `offsets.retention.minutes`. */
  readonly retentionMs?: number;
}

export interface Position {
  readonly offset: number;
  readonly topicId: string;
}

export interface StoredInstance {
  readonly spec: InstanceSpec;
  subscription: Subscription | null;
  /** Assigned by hand: topic id by partition; null where it was not. */
  assigned: PartitionMap<string> | null;
  readonly seeks: PartitionMap<Position>;
}

export interface GroupImage {
  /** Counts change sets. */
  version: number;
  /** When the group began, in milliseconds since the epoch; 0: there is no group. */
  sinceMs: number;
  /** Null where the object's name is the group's id. */
  groupId: string | null;
  generationId: number;
  /** Empty until a member has given one. */
  protocolType: string;
  protocolName: string;
  leader: string;
  /** Whether the members have their assignments. */
  isAssigned: boolean;
  /** Whether another rebalance is due; the next generation ends that. */
  isUnsettled: boolean;
  readonly members: Map<string, StoredMember>;
  /** The assignment's bytes in base64, by member id. */
  readonly assignments: Map<string, string>;
  /** Partitions that a member has lost and may still be reading, encoded as its assignment; by member id. */
  readonly revoking: Map<string, string>;
  /**
   * Since when the group has had no members, or the last instance was closed where that came later; null while
   * there are members. In milliseconds since the epoch.
   */
  emptySinceMs: number | null;
  readonly offsets: PartitionMap<StoredOffset>;
  /** Where the group began to read partitions of which nothing was committed. */
  readonly initialPositions: PartitionMap<Position>;
  /** By topic name. */
  readonly topicBaselines: Map<string, TopicBaseline>;
  /** Subscriptions whose topics were looked up at least once, as `subscriptionKeys`. */
  readonly resolvedSubscriptions: Set<string>;
  readonly instances: Map<string, StoredInstance>;
  /** Since when nothing was heard of a member, where that was recorded; in milliseconds since the epoch. */
  readonly silent: Map<string, number>;
}

export function emptyImage(): GroupImage {
  return {
    version: 0,
    sinceMs: 0,
    groupId: null,
    generationId: 0,
    protocolType: "",
    protocolName: "",
    leader: "",
    isAssigned: false,
    isUnsettled: false,
    members: new Map(),
    assignments: new Map(),
    revoking: new Map(),
    emptySinceMs: null,
    offsets: new PartitionMap(),
    initialPositions: new PartitionMap(),
    topicBaselines: new Map(),
    resolvedSubscriptions: new Set(),
    instances: new Map(),
    silent: new Map(),
  };
}
