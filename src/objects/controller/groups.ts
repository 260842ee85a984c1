/**
 * The list of consumer groups: their ids only. A group's state is in its own object; this list is what makes it
 * possible to list all groups.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import { groupIdProblem, isLongGroupId } from "../../base/ids.ts";
import { GROUP_IDS_LENGTH_MAX, GROUPS_MAX } from "../../base/limits.ts";
import type { GroupEntry, GroupList } from "../contracts/controller.ts";
import type { Change } from "./image/changes.ts";
import type { ClusterImage } from "./image/cluster.ts";

interface GroupDecision {
  readonly ok: true;
  readonly changes: readonly Change[];
}

/** Registers a group, or a newer incarnation of it. INVALID_GROUP_ID, GROUP_MAX_SIZE_REACHED. */
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
  if (known === undefined && isLongGroupId(groupId) && !hasRoomFor(image, groupId)) {
    return refuse(
      "GROUP_MAX_SIZE_REACHED",
      "The ids of the cluster's groups are too long together.",
    );
  }
  return { ok: true, changes: [{ type: "group-registered", groupId, sinceMs }] };
}

/** Unregisters a group, unless it was registered again since: the request may have been delayed. */
export function decideUnregisterGroup(
  image: ClusterImage,
  { groupId, sinceMs }: GroupEntry,
): GroupDecision {
  const known = image.groups.get(groupId);
  if (known === undefined || known > sinceMs) return { ok: true, changes: [] };
  return { ok: true, changes: [{ type: "group-unregistered", groupId }] };
}

/** The ids after `after`, in the order of their UTF-16 units. */
export function listGroups(image: ClusterImage, after: string, limit: number): GroupList {
  const sorted = [...image.groups.keys()].filter((groupId) => groupId > after).toSorted();
  const groupIds: string[] = [];
  let length = 0;
  for (const groupId of sorted.slice(0, Math.max(0, limit))) {
    length += groupId.length;
    if (length > PAGE_LENGTH_MAX && groupIds.length > 0) break;
    groupIds.push(groupId);
  }
  const hasMore = groupIds.length < sorted.length;
  return { ok: true, groupIds, hasMore, total: image.groups.size };
}

/** Length of the ids of one page, in UTF-16 units: far below what one answer may carry. */
const PAGE_LENGTH_MAX = 4_000_000;

/** Whether the ids' total length stays within its bound; the number of groups bounds that of short ids. */
function hasRoomFor(image: ClusterImage, groupId: string): boolean {
  let length = groupId.length;
  for (const known of image.groups.keys()) length += known.length;
  return length <= GROUP_IDS_LENGTH_MAX;
}
