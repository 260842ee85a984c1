/** Heartbeat (12): keeps a member in its group, and tells it of a rebalance. Writes no rows. */
import { codeOfGroup, NONE } from "../errors.ts";
import { groupIdRefusal } from "../group-names.ts";
import type { Handler } from "../handler.ts";

export const heartbeat: Handler<12> = async (request, { session }) => {
  const { groupId, generationId, memberId, groupInstanceId } = request;
  const answer =
    groupIdRefusal(groupId) ??
    (await session.coordinator(groupId, { repeatable: true }, (coordinator) =>
      coordinator.heartbeat({ generationId, memberId, groupInstanceId }),
    ));
  return { errorCode: answer.ok ? NONE : codeOfGroup(answer) };
};
