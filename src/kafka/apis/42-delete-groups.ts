/** DeleteGroups (42): deletes groups without members, with their offsets. */
import { codeOfGroup, NONE } from "../errors.ts";
import { offsetsGroupIdRefusal } from "../group-names.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import type { Handler } from "../handler.ts";

export const deleteGroups: Handler<42> = async ({ groupsNames }, { session }) => ({
  results: await inBatches(groupsNames, async (groupId) => {
    const deleted =
      offsetsGroupIdRefusal(groupId) ??
      (await session.coordinator(groupId, {}, (coordinator) => coordinator.deleteGroup()));
    return { groupId, errorCode: deleted.ok ? NONE : codeOfGroup(deleted) };
  }),
});
