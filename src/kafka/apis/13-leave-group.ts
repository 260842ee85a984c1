/** LeaveGroup (13): removes one member, or from version 3 on several, static ones by their instance id (KIP-345). */
import { codeOf, codeOfGroup, NONE } from "../errors.ts";
import { groupIdRefusal } from "../group-names.ts";
import type { Handler } from "../handler.ts";
import type { LeavingMember } from "../../objects/contracts/members.ts";

const SEVERAL_SINCE = 3;

export const leaveGroup: Handler<13> = async (request, { session, version }) => {
  const { groupId } = request;
  const leaving: readonly LeavingMember[] =
    version >= SEVERAL_SINCE
      ? request.members
      : [{ memberId: request.memberId, groupInstanceId: null }];
  const left =
    groupIdRefusal(groupId) ??
    (await session.coordinator(groupId, {}, (coordinator) => coordinator.leaveGroup(leaving)));
  if (!left.ok) return { errorCode: codeOfGroup(left) };
  const members = left.members.map(({ memberId, groupInstanceId, error }) => ({
    memberId,
    groupInstanceId,
    errorCode: error === null ? NONE : codeOf(error),
  }));
  if (version >= SEVERAL_SINCE) return { errorCode: NONE, members };
  return { errorCode: members[0]?.errorCode ?? NONE };
};
