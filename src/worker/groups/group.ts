/** Shared by the routes of groups: the paths, and calling a group's object. */
import { refuse, type ErrorName, type Refusal } from "../../base/errors.ts";
import type { GroupDescription } from "../../objects/contracts/group.ts";
import { REPEATABLE } from "../consumers/instance.ts";
import { callCoordinator } from "../../gateway/objects.ts";
import type { Service } from "../../gateway/service.ts";
import type { CommittedOffset } from "../../objects/contracts/offsets.ts";

/** The path of all groups, and of one. */
export const GROUPS = "/v3/clusters/{cluster_id}/consumer-groups";
export const G = `${GROUPS}/{group}`;

/** The group as its object describes it; state `Dead` where there is none. */
export function describeAny(
  service: Service,
  groupId: string,
): Promise<GroupDescription | Refusal> {
  return callCoordinator(service, groupId, REPEATABLE, (group) => group.describeGroup());
}

/** As {@link describeAny}; GROUP_ID_NOT_FOUND where there is none. */
export async function describeGroup(
  service: Service,
  groupId: string,
): Promise<GroupDescription | Refusal> {
  const group = await describeAny(service, groupId);
  return group.ok && group.state === "Dead" ? refuse("GROUP_ID_NOT_FOUND") : group;
}

/** All that the group has committed, by topic and partition. */
export async function allCommitted(
  service: Service,
  groupId: string,
): Promise<{ readonly ok: true; readonly offsets: readonly CommittedOffset[] } | Refusal> {
  const fetched = await callCoordinator(service, groupId, REPEATABLE, (group) =>
    group.fetchOffsets(null),
  );
  if (!fetched.ok) return fetched;
  return { ok: true, offsets: fetched.offsets.filter(({ offset }) => offset >= 0) };
}

/** Errors of every route of one group. */
export const GROUP_ERRORS: readonly ErrorName[] = [
  "INVALID_GROUP_ID",
  "GROUP_ID_NOT_FOUND",
  "REQUEST_TIMED_OUT",
];
