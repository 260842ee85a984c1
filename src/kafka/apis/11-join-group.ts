/**
 * JoinGroup (11): answers when the rebalance has all members. The members' metadata is opaque: it goes to the group's
 * object and to the group's leader as bytes.
 */
import { codeOfGroup, NONE } from "../errors.ts";
import { groupIdRefusal } from "../group-names.ts";
import type { Refusal } from "../../base/errors.ts";
import type { Request, Response } from "../messages/index.ts";
import type { Handler } from "../handler.ts";
import type { Context } from "../session.ts";
import type {
  JoinedGroup,
  JoinGroupRequest,
  JoinRefusal,
} from "../../objects/contracts/members.ts";

/** A rebalance may take as long as the slowest member's timeout; the group's object ends it. */
export const REBALANCE_MS = 1_900_000;

/** The first version whose members are given an id first, and then join with it (KIP-394). */
const MEMBER_ID_REQUIRED_SINCE = 4;

export const joinGroup: Handler<11> = async (request, context) => {
  const { groupId, memberId } = request;
  const refused = groupIdRefusal(groupId);
  if (refused !== null) return refusalAnswer(refused, memberId);
  const asked = joinRequest(request, context);
  const options = { deadlineMs: REBALANCE_MS };
  const joined = await context.session.coordinator<JoinedGroup>(groupId, options, (coordinator) =>
    coordinator.joinGroup(asked),
  );
  if (!joined.ok) return refusalAnswer(joined, memberId);
  const { generationId, protocolName, leader, members } = joined;
  return {
    errorCode: NONE,
    generationId,
    protocolName,
    leader,
    memberId: joined.memberId,
    members,
  };
};

function joinRequest(
  request: Request<11>,
  { session, clientId, version }: Context,
): JoinGroupRequest {
  const { memberId, groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs, protocolType } = request;
  return {
    groupId: request.groupId,
    memberId,
    groupInstanceId,
    clientId,
    clientHost: session.peer.host,
    sessionTimeoutMs,
    // No timeout, or one that nobody could meet: as in version 0.
    rebalanceTimeoutMs: rebalanceTimeoutMs <= 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
    protocolType,
    // Copies: a view would keep the whole frame in memory.
    protocols: request.protocols.map(({ name, metadata }) => ({
      name,
      metadata: metadata.slice(),
    })),
    requireKnownMemberId: version >= MEMBER_ID_REQUIRED_SINCE,
  };
}

function refusalAnswer(refusal: Refusal, memberId: string): Response<11> {
  return {
    errorCode: codeOfGroup(refusal),
    generationId: -1,
    protocolName: "",
    leader: "",
    memberId: (refusal as JoinRefusal).memberId ?? memberId,
    members: [],
  };
}
