/**
 * The members of a group as its object holds them while it is awake: what is stored of them, and what
 * is only known as long as it is: deadlines, and who waits for an answer.
 */
import { fromBase64, toBase64 } from "../../../../base/bytes.ts";
import { refuse, type ErrorName } from "../../../../base/errors.ts";
import type { StoredMember } from "../changes.ts";
import type { Refusal } from "../../../../base/errors.ts";
import type {
  JoinedGroup,
  JoinGroupRequest,
  JoinRefusal,
  MemberProtocol,
  SyncedGroup,
} from "../../../contracts/members.ts";

/** The protocol type of consumers, which instances are. */
export const CONSUMER = "consumer";

export interface Member {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  clientId: string;
  clientHost: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  /** An HTTP instance: what it says is made from its subscription, and it has no `protocols`. */
  readonly isInstance: boolean;
  protocols: readonly MemberProtocol[];
  /** When its session ends unless it is heard of before. */
  deadlineMs: number;
  /** Whether it has joined the rebalance that is being prepared. */
  hasJoined: boolean;
  /** Whether it has read on since, as instances may under the cooperative assignor. */
  readsOn: boolean;
  answerJoin: ((answer: JoinedGroup | JoinRefusal) => void) | null;
  answerSync: ((answer: SyncedGroup | Refusal) => void) | null;
}

export function newMember(memberId: string, request: JoinGroupRequest): Member {
  const { groupInstanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs } = request;
  return {
    ...{ memberId, groupInstanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs },
    isInstance: false,
    protocols: request.protocols,
    deadlineMs: 0,
    hasJoined: false,
    readsOn: false,
    answerJoin: null,
    answerSync: null,
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

/** A member as it is after waking up: with its whole session before it. */
export function wokenMember(stored: StoredMember, nowMs: number): Member {
  return {
    ...stored,
    protocols: stored.protocols.map(({ name, metadata }) => ({
      name,
      metadata: fromBase64(metadata),
    })),
    deadlineMs: nowMs + stored.sessionTimeoutMs,
    hasJoined: false,
    readsOn: false,
    answerJoin: null,
    answerSync: null,
  };
}

/** Whoever waits in its name is told that it waits in vain. */
export function turnAway(member: Member, error: ErrorName): void {
  const { answerJoin, answerSync } = member;
  member.answerJoin = null;
  member.answerSync = null;
  answerJoin?.(refuse(error));
  answerSync?.(refuse(error));
}

/** Whether it says the same as before, byte by byte. */
export function saysTheSame(member: Member, protocols: readonly MemberProtocol[]): boolean {
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
