/** DescribeGroups (15): state, protocol and members; a group that is not there is described as Dead, as in Kafka. */
import { codeOfGroup, NONE } from "../errors.ts";
import { offsetsGroupIdRefusal } from "../group-names.ts";
import { inBatches } from "../in-batches.ts";
import type { Response } from "../messages/index.ts";
import type { Handler } from "../served.ts";
import type { Session } from "../session.ts";

type GroupAnswer = Response<15>["groups"][number];

export const describeGroups: Handler<15> = async ({ groups }, { session }) => ({
  groups: await inBatches(groups, (groupId) => describe(session, groupId)),
});

async function describe(session: Session, groupId: string): Promise<GroupAnswer> {
  const group =
    offsetsGroupIdRefusal(groupId) ??
    (await session.coordinator(groupId, { repeatable: true }, (coordinator) =>
      coordinator.describeGroup(),
    ));
  if (!group.ok) {
    const empty = { groupState: "", protocolType: "", protocolData: "", members: [] };
    return { errorCode: codeOfGroup(group), groupId, ...empty };
  }
  return {
    errorCode: NONE,
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
