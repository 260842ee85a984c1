/**
 * SyncGroup (14): the leader sends all assignments, and each member is answered with its own once they have arrived.
 */
import { codeOfGroup, NONE } from "../errors.ts";
import { groupIdRefusal } from "../group-names.ts";
import type { Handler } from "../handler.ts";
import { REBALANCE_MS } from "./11-join-group.ts";

const NOTHING = new Uint8Array(0);

export const syncGroup: Handler<14> = async (request, { session }) => {
  const { groupId, generationId, memberId, groupInstanceId } = request;
  // Copies: a view would keep the whole frame in memory.
  const assignments = request.assignments.map((given) => ({
    memberId: given.memberId,
    assignment: given.assignment.slice(),
  }));
  const synced =
    groupIdRefusal(groupId) ??
    (await session.coordinator(groupId, { deadlineMs: REBALANCE_MS }, (coordinator) =>
      coordinator.syncGroup({
        generationId,
        memberId,
        groupInstanceId,
        protocolType: null,
        protocolName: null,
        assignments,
      }),
    ));
  if (!synced.ok) return { errorCode: codeOfGroup(synced), assignment: NOTHING };
  return { errorCode: NONE, assignment: synced.assignment };
};
