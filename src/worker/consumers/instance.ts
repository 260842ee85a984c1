/** Shared by the routes of consumer instances: reading the instance from the path, and calling its group. */
import { refuse, type ErrorName, type Refusal } from "../../base/errors.ts";
import { groupIdProblem, groupNameProblem } from "../../base/ids.ts";
import { GROUP_NAME_LENGTH_MAX } from "../../base/limits.ts";
import type { CoordinatorApi } from "../../objects/contracts/group.ts";
import { callCoordinator, type CallOptions } from "../../gateway/objects.ts";
import { pathText } from "../params.ts";
import type { Ctx } from "../route.ts";
import type { Service } from "../../gateway/service.ts";

/** The path of one instance. */
export const I = "/consumers/{group}/instances/{instance}";

/** Enough for a group's object to write a row and call the controller. */
const SHORT_MS = 15_000;

/** For calls that only read or are idempotent. */
export const REPEATABLE: CallOptions = { repeatable: true, deadlineMs: SHORT_MS };
export const ONCE: CallOptions = { repeatable: false, deadlineMs: SHORT_MS };

/** The path's `{group}`: any id that Kafka clients may give and that a URL can carry. INVALID_GROUP_ID. */
export function pathGroup(c: Ctx): string | Refusal {
  const group = pathText(c, "group");
  const problem = groupIdProblem(group);
  return problem === null ? group : refuse("INVALID_GROUP_ID", problem);
}

/** An instance as its path names it. */
export interface NamedInstance {
  readonly ok: true;
  readonly service: Service;
  readonly group: string;
  readonly instanceId: string;
}

/** The path's instance. INVALID_GROUP_ID; UNKNOWN_MEMBER_ID for a name that no instance can have. */
export function namedInstance(c: Ctx, service: Service): NamedInstance | Refusal {
  const group = pathGroup(c);
  if (typeof group !== "string") return group;
  const instanceId = pathText(c, "instance");
  if (groupNameProblem(instanceId) !== null) return refuse("UNKNOWN_MEMBER_ID");
  return { ok: true, service, group, instanceId };
}

/** Calls the group of an instance. */
export function callGroup<A extends { readonly ok: true }>(
  { service, group }: NamedInstance,
  options: CallOptions,
  call: (coordinator: CoordinatorApi) => Promise<A | Refusal>,
): Promise<A | Refusal> {
  return callCoordinator(service, group, options, call);
}

/** Errors of every route of an instance. */
export const INSTANCE_ERRORS: readonly ErrorName[] = [
  "INVALID_GROUP_ID",
  "UNKNOWN_MEMBER_ID",
  "REQUEST_TIMED_OUT",
];

/** The last answer that the client says it has received (`Last-Poll-Id`); null where it does not say. INVALID_REQUEST. */
export function receivedOf(c: Ctx): string | null | Refusal {
  const received = c.req.query("last_poll_id") ?? c.req.raw.headers.get("last-poll-id") ?? null;
  if (received === null || received.length <= GROUP_NAME_LENGTH_MAX) return received;
  return refuse("INVALID_REQUEST", "Last-Poll-Id is the X-Poll-Id of an answer, or empty.");
}
