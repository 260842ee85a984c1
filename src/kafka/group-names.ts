/** A group's id as clients give it, judged before an object of that name is called. */
import { refuse, type Refusal } from "../base/errors.ts";
import { groupNameProblem } from "../base/ids.ts";

/** INVALID_GROUP_ID; null where it is legal. */
export function groupIdRefusal(groupId: string): Refusal | null {
  const problem = groupNameProblem(groupId);
  return problem === null ? null : refuse("INVALID_GROUP_ID", problem);
}
