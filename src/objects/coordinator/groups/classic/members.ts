/**
 * The members of a group as its object holds them while it is awake: what is stored of each, and what is known only
 * in memory: deadlines, and the join or sync that waits for an answer.
 */
import { fromBase64, toBase64 } from "../../../../base/bytes.ts";
import { refuse, type ErrorName, type Refusal } from "../../../../base/errors.ts";
import type {
  JoinedGroup,
  JoinGroupRequest,
  JoinRefusal,
  MemberProtocol,
  SyncedGroup,
} from "../../../contracts/members.ts";
import type { StoredMember } from "../image/changes.ts";
import type { StoredInstance } from "../image/image.ts";

/** The protocol type of consumers, HTTP instances among them. */
export const CONSUMER = "consumer";

export interface Member {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  clientId: string;
  clientHost: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  /** An HTTP instance: its metadata is made from its subscription, and its `protocols` are empty. */
  readonly isInstance: boolean;
  protocols: readonly MemberProtocol[];
  /** When its session ends unless it is heard of before, in milliseconds since the epoch. */
  deadlineMs: number;
  /** Whether it has joined the rebalance that is being prepared. */
  hasJoined: boolean;
  /** Whether it has read since it joined, as instances may under the cooperative assignor. */
  hasReadSinceJoining: boolean;
  answerJoin: ((answer: JoinedGroup | JoinRefusal) => void) | null;
  answerSync: ((answer: SyncedGroup | Refusal) => void) | null;
}

/** Members by id. */
export type Members = ReadonlyMap<string, Member>;

const NOTHING_PENDING = {
  deadlineMs: 0,
  hasJoined: false,
  hasReadSinceJoining: false,
  answerJoin: null,
  answerSync: null,
};

export function newMember(memberId: string, request: JoinGroupRequest): Member {
  const { groupInstanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs } = request;
  return {
    ...{ memberId, groupInstanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs },
    isInstance: false,
    protocols: request.protocols,
    ...NOTHING_PENDING,
  };
}

export function instanceMember(memberId: string, { spec }: StoredInstance): Member {
  const { clientId, clientHost, sessionTimeoutMs, maxPollIntervalMs } = spec;
  return {
    ...{ memberId, groupInstanceId: null, clientId, clientHost, sessionTimeoutMs },
    rebalanceTimeoutMs: maxPollIntervalMs,
    isInstance: true,
    protocols: [],
    ...NOTHING_PENDING,
  };
}

export function storedMember(member: Member): StoredMember {
  const { memberId, groupInstanceId, clientId, clientHost } = member;
  const { sessionTimeoutMs, rebalanceTimeoutMs, isInstance, protocols } = member;
  return {
    ...{ memberId, groupInstanceId, clientId, clientHost },
    ...{ sessionTimeoutMs, rebalanceTimeoutMs, isInstance },
    protocols: protocols.map(({ name, metadata }) => ({ name, metadata: toBase64(metadata) })),
  };
}

/** A member as it is when its object wakes up: with a whole session before it. */
export function loadedMember(stored: StoredMember, nowMs: number): Member {
  return {
    ...stored,
    ...NOTHING_PENDING,
    protocols: stored.protocols.map(({ name, metadata }) => ({
      name,
      metadata: fromBase64(metadata),
    })),
    deadlineMs: nowMs + stored.sessionTimeoutMs,
  };
}

/** The static member with this instance id (KIP-345). */
export function staticMemberOf(members: Members, groupInstanceId: string): Member | undefined {
  for (const member of members.values()) {
    if (member.groupInstanceId === groupInstanceId) return member;
  }
  return undefined;
}

/** Fails the member's pending join and sync, if there are any. */
export function failPending(member: Member, error: ErrorName): void {
  const { answerJoin, answerSync } = member;
  member.answerJoin = null;
  member.answerSync = null;
  answerJoin?.(refuse(error));
  answerSync?.(refuse(error));
}

/** Whether the protocols are those that the member has given before, byte by byte. */
export function hasSameProtocols(member: Member, protocols: readonly MemberProtocol[]): boolean {
  return (
    member.protocols.length === protocols.length &&
    member.protocols.every((own, at) => {
      const other = protocols[at]!;
      return own.name === other.name && isSame(own.metadata, other.metadata);
    })
  );
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

export function metadataUnder(member: Member, protocolName: string): Uint8Array {
  return member.protocols.find(({ name }) => name === protocolName)?.metadata ?? new Uint8Array(0);
}

/** Bytes that the names and metadata of protocols take. */
export function metadataBytes(protocols: readonly MemberProtocol[]): number {
  let bytes = 0;
  for (const { name, metadata } of protocols) bytes += name.length + metadata.length;
  return bytes;
}
