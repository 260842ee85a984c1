/** Calls of Kafka's classic group protocol. Types only. */
import type { ErrorName, Refusal } from "../../base/errors.ts";

/** One assignment protocol that a member supports, with its metadata (opaque bytes). */
export interface MemberProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

export interface JoinGroupRequest {
  /** Given where the object's name does not contain it: see `isLongGroupId`. */
  readonly groupId?: string;
  /** Empty for a member that has none yet. */
  readonly memberId: string;
  /** Static membership (KIP-345); null without. */
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionTimeoutMs: number;
  /** How long a rebalance waits for this member to join again, in milliseconds. */
  readonly rebalanceTimeoutMs: number;
  readonly protocolType: string;
  /** In order of preference. */
  readonly protocols: readonly MemberProtocol[];
  /** Whether a member without an id is refused with MEMBER_ID_REQUIRED and an id to join with (KIP-394). */
  readonly requireKnownMemberId: boolean;
  /** Whether it understands {@link JoinedGroup.skipAssignment} (JoinGroup 9 on, KIP-814). */
  readonly supportsSkippingAssignment?: boolean;
}

export interface JoinedGroup {
  readonly ok: true;
  readonly generationId: number;
  readonly protocolType: string;
  readonly protocolName: string;
  readonly leader: string;
  readonly memberId: string;
  readonly skipAssignment: boolean;
  /** All members with their metadata under the chosen protocol, in the leader's answer; else empty. */
  readonly members: readonly {
    readonly memberId: string;
    readonly groupInstanceId: string | null;
    readonly metadata: Uint8Array;
  }[];
}

/** MEMBER_ID_REQUIRED carries the id to join with. */
export interface JoinRefusal extends Refusal {
  readonly memberId?: string;
}

export interface SyncGroupRequest {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly generationId: number;
  /** Null below SyncGroup 5. Else they must be the group's: INCONSISTENT_GROUP_PROTOCOL. */
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  /** From the leader, by member id; empty from the others. */
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[];
}

export interface SyncedGroup {
  readonly ok: true;
  readonly protocolType: string;
  readonly protocolName: string;
  readonly assignment: Uint8Array;
}

export interface HeartbeatRequest {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly generationId: number;
}

export interface LeavingMember {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

export interface LeftGroup {
  readonly ok: true;
  /** In the request's order; an error of null: the member has left. */
  readonly members: readonly (LeavingMember & { readonly error: ErrorName | null })[];
}
