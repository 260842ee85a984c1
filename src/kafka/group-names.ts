/** A group's id as clients give it, judged before an object of that name is called. */
import { refuse, type Refusal } from "../base/errors.ts";
import { groupIdProblem } from "../base/ids.ts";

/** Of a group that is to have members. INVALID_GROUP_ID; null where it is legal. */
export function groupIdRefusal(groupId: string): Refusal | null {
  return groupId === ""
    ? refusalOf("The group's id is empty.")
    : refusalOf(groupIdProblem(groupId));
}

/**
 * Where offsets are all that there is to it: nobody can join a group whose id is empty, but clients that assign
 * partitions by hand commit to it, and it can be looked at and deleted, as in Kafka.
 */
export function offsetsGroupIdRefusal(groupId: string): Refusal | null {
  return refusalOf(groupIdProblem(groupId));
}

function refusalOf(problem: string | null): Refusal | null {
  return problem === null ? null : refuse("INVALID_GROUP_ID", problem);
}
