/** Checks a group's id before an object of that name is called. */
import { refuse, type Refusal } from "../base/errors.ts";
import { groupIdProblem } from "../base/ids.ts";

/** For a group that is to have members. Null where the id is legal, else INVALID_GROUP_ID. */
export function groupIdRefusal(groupId: string): Refusal | null {
  return groupId === ""
    ? refusalOf("The group's id is empty.")
    : refusalOf(groupIdProblem(groupId));
}

/**
 * For requests about offsets only. Nobody can join a group with an empty id, but clients that assign partitions by
 * hand commit to it, and it can be described and deleted, as in Kafka.
 */
export function offsetsGroupIdRefusal(groupId: string): Refusal | null {
  return refusalOf(groupIdProblem(groupId));
}

function refusalOf(problem: string | null): Refusal | null {
  return problem === null ? null : refuse("INVALID_GROUP_ID", problem);
}
