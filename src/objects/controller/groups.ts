/**
 * The list of consumer groups: ids only. What a group is, its own object knows; this list is there so
 * that all of them can be named.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import { groupIdProblem } from "../../base/ids.ts";
import { GROUPS_MAX } from "../../base/limits.ts";
import type { GroupEntry, GroupList } from "./api.ts";
import type { Change } from "./changes.ts";
import type { ClusterImage } from "./cluster.ts";

interface GroupDecision {
  readonly ok: true;
  readonly changes: readonly Change[];
}

/** Registers a group, or its newer incarnation. */
export function decideRegisterGroup(
  image: ClusterImage,
  { groupId, sinceMs }: GroupEntry,
): GroupDecision | Refusal {
  const problem = groupIdProblem(groupId);
  if (problem !== null) return refuse("INVALID_GROUP_ID", problem);
  const known = image.groups.get(groupId);
  if (known !== undefined && known >= sinceMs) return { ok: true, changes: [] };
  if (known === undefined && image.groups.size >= GROUPS_MAX) {
    return refuse("GROUP_MAX_SIZE_REACHED", `A cluster has at most ${GROUPS_MAX} groups.`);
  }
  return { ok: true, changes: [{ type: "group-registered", groupId, sinceMs }] };
}

/** A message that comes late must not take a group off the list that began again since. */
export function decideUnregisterGroup(
  image: ClusterImage,
  { groupId, sinceMs }: GroupEntry,
): GroupDecision {
  const known = image.groups.get(groupId);
  if (known === undefined || known > sinceMs) return { ok: true, changes: [] };
  return { ok: true, changes: [{ type: "group-unregistered", groupId }] };
}

/** Those after `after`, in the order of their UTF-16 units. */
export function listGroups(image: ClusterImage, after: string, limit: number): GroupList {
  const groupIds = [...image.groups.keys()]
    .filter((groupId) => groupId > after)
    .toSorted()
    .slice(0, Math.max(0, limit));
  return { ok: true, groupIds, total: image.groups.size };
}
