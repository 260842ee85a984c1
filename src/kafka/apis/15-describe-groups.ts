/**
 * DescribeGroups (15): state, protocol and members. A group that does not exist is described as Dead, as in Kafka,
 * and from version 6 on refused with GROUP_ID_NOT_FOUND.
 */
import { refuse } from "../../base/errors.ts";
import { codeOfGroup, NONE } from "../errors.ts";
import { offsetsGroupIdRefusal } from "../group-names.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import type { Response } from "../messages/index.ts";
import type { Handler } from "../handler.ts";
import type { Session } from "../session.ts";

const ERROR_SINCE = 6;

type GroupAnswer = Response<15>["groups"][number];

export const describeGroups: Handler<15> = async ({ groups }, { session, version }) => ({
  groups: await inBatches(groups, (groupId) => describe(session, groupId, version >= ERROR_SINCE)),
});

async function describe(
  session: Session,
  groupId: string,
  isErrorIfMissing: boolean,
): Promise<GroupAnswer> {
  const group =
    offsetsGroupIdRefusal(groupId) ??
    (await session.coordinator(groupId, { repeatable: true }, (coordinator) =>
      coordinator.describeGroup(),
    ));
  if (!group.ok) {
    const empty = { groupState: "", protocolType: "", protocolData: "", members: [] };
    return { errorCode: codeOfGroup(group), errorMessage: group.message, groupId, ...empty };
  }
  const isMissing = group.state === "Dead" && isErrorIfMissing;
  const missing = isMissing ? refuse("GROUP_ID_NOT_FOUND") : null;
  return {
    errorCode: missing === null ? NONE : codeOfGroup(missing),
    errorMessage: missing?.message ?? null,
    groupId,
    groupState: group.state,
    protocolType: group.protocolType,
    protocolData: group.protocolName,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: member.metadata,
      memberAssignment: member.assignment,
    })),
  };
}
