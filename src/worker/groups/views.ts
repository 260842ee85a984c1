/** Groups and their members, as their objects describe them. */
import * as z from "zod";
import { refuse, type Refusal } from "../../base/errors.ts";
import type { GroupDescription, MemberDescription } from "../../objects/contracts/group.ts";
import { limitOf, limitParameter, type PageSizes } from "../admin/paging.ts";
import { list } from "../admin/resources.ts";
import { json } from "../answers.ts";
import { ONCE, pathGroup } from "../consumers/instance.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import { callCoordinator } from "../../gateway/objects.ts";
import { pathPartition, pathText } from "../params.ts";
import { defineRoute, type Ctx, type Outcome, type Route, type RouteSpec } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import {
  assignmentExample,
  assignmentsExample,
  consumerExample,
  consumersExample,
  groupExample,
  groupsExample,
} from "./examples.ts";
import { coordinators } from "./coordinator.ts";
import { groupsAfter, isCursor, urlAfter } from "./cursor.ts";
import { describeAny, describeGroup, G, GROUP_ERRORS, GROUPS } from "./group.ts";
import {
  assignmentData,
  assignmentListSchema,
  assignmentSchema,
  consumerData,
  consumerListSchema,
  consumerSchema,
  groupData,
  groupListSchema,
  groupPlace,
  groupSchema,
  groupsPlace,
} from "./resources.ts";

/** Groups of one page: each is a call that wakes an object. */
const PAGE: PageSizes = { usual: 100, max: 100 };
/** Of a page of names: one call of the controller. */
const PAGE_OF_NAMES: PageSizes = { usual: 1_000, max: 1_000 };

async function listGroups(c: Ctx, service: Service): Promise<Outcome> {
  const state = c.req.query("state") ?? "true";
  if (state !== "true" && state !== "false") {
    return refuse("INVALID_REQUEST", "The query's state is true or false.");
  }
  const isNamesOnly = state === "false";
  const count = limitOf(c, isNamesOnly ? PAGE_OF_NAMES : PAGE);
  if (typeof count === "object") return count;
  const cursor = {
    after: c.req.query("after") ?? "",
    digest: c.req.query("after_digest") ?? null,
  };
  if (!isCursor(cursor)) {
    return refuse("INVALID_REQUEST", "The query's after is no group's id.");
  }
  // One more than is shown tells whether there is a next page.
  const found = await groupsAfter(service, cursor, count + 1);
  if (!found.ok) return found;
  const shown = found.groupIds.slice(0, count);
  const coordinatorOf = await coordinators(service);
  const described = isNamesOnly ? [] : await inBatches(shown, (id) => describeAny(service, id));
  const data = shown.map((id, i) => {
    const group = described[i];
    return groupData(c, service, id, group?.ok === true ? group : null, coordinatorOf(id));
  });
  const self = groupsPlace(c, service);
  const hasNext = found.groupIds.length > count || found.hasMore === true;
  const last = shown.at(-1);
  const next = hasNext && last !== undefined ? await urlAfter(self, last, count, state) : null;
  return json(list("KafkaConsumerGroupList", self, data, next));
}

/** Answers with something made from a group's description. */
async function withGroup(
  c: Ctx,
  service: Service,
  answer: (group: GroupDescription) => unknown | Refusal,
): Promise<Outcome> {
  const groupId = pathGroup(c);
  if (typeof groupId !== "string") return groupId;
  const group = await describeGroup(service, groupId);
  if (!group.ok) return group;
  const answered = answer(group);
  return isRefused(answered) ? answered : json(answered);
}

function isRefused(value: unknown): value is Refusal {
  return typeof value === "object" && value !== null && "ok" in value && value.ok === false;
}

/** The path's member. UNKNOWN_MEMBER_ID. */
function memberOf(c: Ctx, group: GroupDescription): MemberDescription | Refusal {
  const memberId = pathText(c, "consumer_id");
  const text = "The group has no such member.";
  return (
    group.members.find((member) => member.memberId === memberId) ??
    refuse("UNKNOWN_MEMBER_ID", text)
  );
}

async function getGroup(c: Ctx, service: Service): Promise<Outcome> {
  const groupId = pathGroup(c);
  if (typeof groupId !== "string") return groupId;
  const [group, coordinatorOf] = await Promise.all([
    describeGroup(service, groupId),
    coordinators(service),
  ]);
  if (!group.ok) return group;
  return json(groupData(c, service, groupId, group, coordinatorOf(groupId)));
}

function listConsumers(c: Ctx, service: Service): Promise<Outcome> {
  return withGroup(c, service, ({ groupId, members }) => {
    const self = `${groupPlace(c, service, groupId).self}/consumers`;
    const data = members.map((member) => consumerData(c, service, groupId, member));
    return list("KafkaConsumerList", self, data);
  });
}

function getConsumer(c: Ctx, service: Service): Promise<Outcome> {
  return withGroup(c, service, (group) => {
    const member = memberOf(c, group);
    return isRefused(member) ? member : consumerData(c, service, group.groupId, member);
  });
}

function listAssignments(c: Ctx, service: Service): Promise<Outcome> {
  return withGroup(c, service, (group) => {
    const member = memberOf(c, group);
    if (isRefused(member)) return member;
    const { groupId } = group;
    const { memberId, partitions } = member;
    const place = groupPlace(c, service, groupId).item("consumers", "consumer", memberId);
    const data = partitions.map((at) => assignmentData(c, service, groupId, memberId, at));
    return list("KafkaConsumerAssignmentList", `${place.self}/assignments`, data);
  });
}

function getAssignment(c: Ctx, service: Service): Promise<Outcome> {
  return withGroup(c, service, (group) => {
    const member = memberOf(c, group);
    if (isRefused(member)) return member;
    const [topic, partition] = [pathText(c, "topic"), pathPartition(c)];
    const at = member.partitions.find((one) => one.topic === topic && one.partition === partition);
    return at === undefined
      ? refuse("UNKNOWN_TOPIC_OR_PARTITION", "The member has no such partition.")
      : assignmentData(c, service, group.groupId, member.memberId, at);
  });
}

async function deleteGroup(c: Ctx, service: Service): Promise<Outcome> {
  const groupId = pathGroup(c);
  if (typeof groupId !== "string") return groupId;
  const deleted = await callCoordinator(service, groupId, ONCE, (group) => group.deleteGroup());
  return deleted.ok ? new Response(null, { status: 204 }) : deleted;
}

type View = Pick<RouteSpec, "path" | "id" | "needs" | "summary" | "handler" | "errors">;

function view(spec: View, schema: z.ZodType, example: unknown): Route {
  return defineRoute({
    ...spec,
    method: "GET",
    tag: "Groups",
    answers: {
      200: { description: "The answer.", content: { "application/json": { schema, example } } },
    },
    errors: [...GROUP_ERRORS, ...(spec.errors ?? [])],
  });
}

export const groupViewRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: GROUPS,
    id: "listConsumerGroups",
    needs: [["group", "describe"]],
    tag: "Groups",
    summary: "The consumer groups, in the order of their ids",
    description:
      "A page at a time: `metadata.next` leads to the next one. Each group on a page is a call of its object; with `state=false` none is called, and pages are longer. Kafka clients may give groups ids that are longer than a URL (16 KB, percent-encoded): they are listed, and only Kafka clients reach them.",
    query: z.object({
      after: z.string().optional().describe("Only groups whose id comes after this one."),
      after_digest: z
        .string()
        .meta({ pattern: "^[0-9a-f]{64}$" })
        .optional()
        .describe("Of an id that no URL can carry and that begins with `after`: as in the link."),
      state: z
        .enum(["true", "false"])
        .optional()
        .describe(`false: only names; up to ${PAGE_OF_NAMES.max} of them a page.`),
      limit: limitParameter("Groups", PAGE),
    }),
    answers: {
      200: {
        description: "The groups.",
        content: { "application/json": { schema: groupListSchema, example: groupsExample } },
      },
    },
    errors: ["INVALID_REQUEST", "REQUEST_TIMED_OUT"],
    handler: listGroups,
  }),
  view(
    {
      path: G,
      id: "getConsumerGroup",
      needs: [["group", "describe"]],
      summary: "One consumer group",
      handler: getGroup,
    },
    groupSchema,
    groupExample,
  ),
  view(
    {
      path: `${G}/consumers`,
      id: "listConsumers",
      needs: [["group", "describe"]],
      summary: "The members of a group",
      handler: listConsumers,
    },
    consumerListSchema,
    consumersExample,
  ),
  view(
    {
      path: `${G}/consumers/{consumer_id}`,
      id: "getConsumer",
      needs: [["group", "describe"]],
      summary: "One member of a group",
      handler: getConsumer,
      errors: ["UNKNOWN_MEMBER_ID"],
    },
    consumerSchema,
    consumerExample,
  ),
  view(
    {
      path: `${G}/consumers/{consumer_id}/assignments`,
      id: "listConsumerAssignments",
      needs: [["group", "describe"]],
      summary: "The partitions of a member",
      handler: listAssignments,
      errors: ["UNKNOWN_MEMBER_ID"],
    },
    assignmentListSchema,
    assignmentsExample,
  ),
  view(
    {
      path: `${G}/consumers/{consumer_id}/assignments/{topic}/partitions/{partition_id}`,
      id: "getConsumerAssignment",
      needs: [["group", "describe"]],
      summary: "One partition of a member",
      handler: getAssignment,
      errors: ["UNKNOWN_MEMBER_ID", "UNKNOWN_TOPIC_OR_PARTITION"],
    },
    assignmentSchema,
    assignmentExample,
  ),
  defineRoute({
    method: "DELETE",
    path: G,
    id: "deleteConsumerGroup",
    needs: [["group", "delete"]],
    tag: "Groups",
    summary: "Delete a group and all that it has committed",
    description: "Only a group that has neither members nor instances.",
    answers: { 204: { description: "Deleted." } },
    errors: [...GROUP_ERRORS, "NON_EMPTY_GROUP", "COORDINATOR_NOT_AVAILABLE"],
    handler: deleteGroup,
  }),
];
