/** Creates and closes consumer instances. Their state is in the group's object, so any worker serves any of them. */
import * as z from "zod";
import { V2_JSON } from "../answers.ts";
import { BODY_ERRORS, readJson } from "../read-json.ts";
import { callCoordinator } from "../../gateway/objects.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import {
  callGroup,
  I,
  INSTANCE_ERRORS,
  namedInstance,
  ONCE,
  pathGroup,
  receivedOf,
} from "./instance.ts";
import { answerV2 } from "./negotiation.ts";
import { NO_CONTENT, v2Content } from "./schemas.ts";
import { instanceSchema, readInstanceSpec } from "./settings.ts";

const created = z
  .object({ instance_id: z.string(), base_uri: z.string() })
  .meta({ id: "ConsumerInstanceResponse" });

/** Absolute, from the request's own URL; its names are encoded, so that any name is one segment. */
function baseUri(c: Ctx, group: string, instanceId: string): string {
  const url = c.req.url;
  const origin = url.slice(0, url.indexOf("/", url.indexOf("//") + 2));
  const names = [group, instanceId].map(encodeURIComponent);
  return `${origin}/consumers/${names[0]}/instances/${names[1]}`;
}

async function createInstance(c: Ctx, service: Service): Promise<Outcome> {
  const group = pathGroup(c);
  if (typeof group !== "string") return group;
  const body = await readJson(c.req.raw, z.unknown(), {});
  if (!body.ok) return body;
  const clientHost = c.req.raw.headers.get("cf-connecting-ip") ?? "";
  const read = readInstanceSpec(body.value, service.config, { clientHost });
  if (!read.ok) return read;
  const made = await callCoordinator(service, group, ONCE, (coordinator) =>
    coordinator.createInstance(read.spec, group),
  );
  if (!made.ok) return made;
  const { instanceId } = made;
  return answerV2(c, { instance_id: instanceId, base_uri: baseUri(c, group, instanceId) });
}

async function closeInstance(c: Ctx, service: Service): Promise<Outcome> {
  const named = namedInstance(c, service);
  if (!named.ok) return named;
  const received = receivedOf(c);
  if (received !== null && typeof received === "object") return received;
  const closed = await callGroup(named, ONCE, (group) =>
    group.closeInstance(named.instanceId, received ?? undefined),
  );
  return closed.ok ? new Response(null, { status: 204 }) : closed;
}

const example = {
  instance_id: "reader-1",
  base_uri: "https://log.example/consumers/delays/instances/reader-1",
};

export const instanceRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: "/consumers/{group}",
    id: "createInstance",
    needs: [["group", "read"]],
    tag: "Consumers",
    summary: "A consumer instance: a member of a group that is read by requests",
    description:
      "Every request may go to any location: the instance's state lives with its group. It is gone when it was closed, or when it has not polled for session.timeout.ms; its partitions move on then.",
    body: v2Content(instanceSchema, {
      name: "reader-1",
      format: "json",
      "auto.offset.reset": "earliest",
      "auto.commit.enable": "false",
    }),
    bodyOptional: true,
    answers: {
      200: {
        description: "The instance, and where the requests about it go.",
        content: v2Content(created, example),
      },
    },
    errors: [
      ...BODY_ERRORS,
      "INVALID_GROUP_ID",
      "INVALID_CONSUMER_CONFIG",
      "INSTANCE_EXISTS",
      "GROUP_MAX_SIZE_REACHED",
      "NOT_ACCEPTABLE",
      "COORDINATOR_NOT_AVAILABLE",
      "REQUEST_TIMED_OUT",
    ],
    handler: createInstance,
  }),
  defineRoute({
    method: "DELETE",
    path: I,
    id: "closeInstance",
    needs: [["group", "read"]],
    tag: "Consumers",
    summary: "Close an instance: its partitions move on at once",
    description: `What was delivered last is committed where auto.commit.enable is set; a client that names its last answer (\`Last-Poll-Id\`) has nothing committed that it did not receive. Bodies and answers are \`${V2_JSON}\` or \`application/json\`.`,
    answers: NO_CONTENT,
    errors: INSTANCE_ERRORS,
    handler: closeInstance,
  }),
];
