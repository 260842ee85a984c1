/** What an instance reads: topics that it shares with its group, or partitions assigned by hand. */
import * as z from "zod";
import { topicText } from "../text-schemas.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import { topicNameProblem } from "../../base/ids.ts";
import { GROUP_PARTITIONS_MAX, PATTERN_LENGTH_MAX } from "../../base/limits.ts";
import { BODY_ERRORS, readJson } from "../read-json.ts";
import { topicMetadata, type KnownTopic } from "../../gateway/metadata.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { callGroup, I, INSTANCE_ERRORS, namedInstance, REPEATABLE } from "./instance.ts";
import { answerV2 } from "./negotiation.ts";
import { NO_CONTENT, partitionsExample, partitionsSchema, v2Content } from "./schemas.ts";
import type { Subscription } from "../../objects/contracts/instances.ts";
import type { TopicPartition } from "../../objects/contracts/offsets.ts";

const subscriptionRequest = z
  .strictObject({
    topics: z.array(topicText).max(GROUP_PARTITIONS_MAX).nullable().optional(),
    topic_pattern: z
      .string()
      .max(PATTERN_LENGTH_MAX)
      .nullable()
      .optional()
      .describe("A regular expression that names match as a whole."),
  })
  .meta({ id: "ConsumerSubscriptionRequest", minProperties: 1 });

const subscriptionAnswer = z
  .object({ topics: z.array(z.string()), topic_pattern: z.string().optional() })
  .meta({ id: "ConsumerSubscription" });

/**
 * The subscription of a request; null for an empty list of topics. ILLEGAL_STATE (topics and a pattern), INVALID_REQUEST
 * (neither), INVALID_TOPIC_EXCEPTION.
 */
function subscriptionOf(
  body: z.output<typeof subscriptionRequest>,
): { readonly ok: true; readonly subscription: Subscription | null } | Refusal {
  const topics = body.topics ?? null;
  const pattern = body.topic_pattern ?? null;
  if (topics !== null && pattern !== null) {
    const text = "A subscription is to topics or to a topic_pattern, not to both.";
    return refuse("ILLEGAL_STATE", text);
  }
  if (pattern !== null) return { ok: true, subscription: { by: "pattern", pattern } };
  if (topics === null) {
    return refuse("INVALID_REQUEST", "A subscription names topics or a topic_pattern.");
  }
  for (const topic of topics) {
    const problem = topicNameProblem(topic);
    if (problem !== null) return refuse("INVALID_TOPIC_EXCEPTION", problem);
  }
  const subscription = { by: "topics", topics: [...new Set(topics)] } as const;
  return { ok: true, subscription: topics.length === 0 ? null : subscription };
}

async function subscribe(c: Ctx, service: Service): Promise<Outcome> {
  const named = namedInstance(c, service);
  if (!named.ok) return named;
  const body = await readJson(c.req.raw, subscriptionRequest);
  if (!body.ok) return body;
  const read = subscriptionOf(body.value);
  if (!read.ok) return read;
  const { subscription } = read;
  const done = await callGroup(named, REPEATABLE, (group) =>
    subscription === null
      ? group.unsubscribe(named.instanceId)
      : group.subscribe(named.instanceId, subscription),
  );
  return done.ok ? new Response(null, { status: 204 }) : done;
}

async function unsubscribe(c: Ctx, service: Service): Promise<Outcome> {
  const named = namedInstance(c, service);
  if (!named.ok) return named;
  const done = await callGroup(named, REPEATABLE, (group) => group.unsubscribe(named.instanceId));
  return done.ok ? new Response(null, { status: 204 }) : done;
}

async function getSubscription(c: Ctx, service: Service): Promise<Outcome> {
  const named = namedInstance(c, service);
  if (!named.ok) return named;
  const found = await callGroup(named, REPEATABLE, (group) => group.subscription(named.instanceId));
  if (!found.ok) return found;
  const { topics, pattern } = found;
  return answerV2(c, { topics, ...(pattern !== null && { topic_pattern: pattern }) });
}

type Placed = TopicPartition & { readonly topicId: string };

/** The partitions with the ids of their topics. UNKNOWN_TOPIC, INVALID_TOPIC_EXCEPTION, UNKNOWN_PARTITION. */
async function placed(
  service: Service,
  partitions: readonly TopicPartition[],
): Promise<{ readonly ok: true; readonly partitions: readonly Placed[] } | Refusal> {
  const topics = new Map<string, KnownTopic>();
  const found = new Map<string, Placed>();
  for (const { topic, partition } of partitions) {
    let known = topics.get(topic) ?? (await topicMetadata(service, topic));
    if (known.ok && partition >= known.metadata.partitions.length) {
      // It may have been added a moment ago. Asked once for each topic, however many of its partitions do not exist.
      known = topics.has(topic) ? known : await topicMetadata(service, topic, true);
    }
    if (!known.ok) return known;
    topics.set(topic, known);
    if (partition >= known.metadata.partitions.length) return refuse("UNKNOWN_PARTITION");
    found.set(`${topic}/${partition}`, { topic, partition, topicId: known.metadata.topicId });
  }
  return { ok: true, partitions: [...found.values()] };
}

async function assign(c: Ctx, service: Service): Promise<Outcome> {
  const named = namedInstance(c, service);
  if (!named.ok) return named;
  const body = await readJson(c.req.raw, partitionsSchema);
  if (!body.ok) return body;
  const found = await placed(service, body.value.partitions);
  if (!found.ok) return found;
  const done = await callGroup(named, REPEATABLE, (group) =>
    group.assign(named.instanceId, found.partitions),
  );
  return done.ok ? new Response(null, { status: 204 }) : done;
}

async function getAssignments(c: Ctx, service: Service): Promise<Outcome> {
  const named = namedInstance(c, service);
  if (!named.ok) return named;
  const found = await callGroup(named, REPEATABLE, (group) => group.assignment(named.instanceId));
  return found.ok ? answerV2(c, { partitions: found.partitions }) : found;
}

const SUBSCRIPTION = `${I}/subscription`;
const ASSIGNMENTS = `${I}/assignments`;

const reads = [...INSTANCE_ERRORS, "NOT_ACCEPTABLE"] as const;

export const subscriptionRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: SUBSCRIPTION,
    id: "subscribe",
    needs: [["group", "read"]],
    tag: "Consumers",
    summary: "Subscribe to topics, or to all whose names match",
    description:
      "Replaces the subscription. The partitions are shared with the other members of the group; they are given out with the next polls. Topics and partitions that are added later join by themselves. An empty list of topics ends the subscription.",
    body: v2Content(subscriptionRequest, { topics: ["flights"] }),
    answers: NO_CONTENT,
    errors: [
      ...INSTANCE_ERRORS,
      ...BODY_ERRORS,
      "INVALID_TOPIC_EXCEPTION",
      "ALREADY_SUBSCRIBED",
      "ILLEGAL_STATE",
      "INCONSISTENT_GROUP_PROTOCOL",
    ],
    handler: subscribe,
  }),
  defineRoute({
    method: "GET",
    path: SUBSCRIPTION,
    id: "getSubscription",
    needs: [["group", "describe"]],
    tag: "Consumers",
    summary: "What an instance is subscribed to",
    answers: {
      200: {
        description: "The topics; of a pattern also itself, and the topics that match at present.",
        content: v2Content(subscriptionAnswer, { topics: ["flights"] }),
      },
    },
    errors: reads,
    handler: getSubscription,
  }),
  defineRoute({
    method: "DELETE",
    path: SUBSCRIPTION,
    id: "unsubscribe",
    needs: [["group", "read"]],
    tag: "Consumers",
    summary: "End subscription and assignment",
    answers: NO_CONTENT,
    errors: INSTANCE_ERRORS,
    handler: unsubscribe,
  }),
  defineRoute({
    method: "POST",
    path: ASSIGNMENTS,
    id: "assignPartitions",
    needs: [["group", "read"]],
    tag: "Consumers",
    summary: "Assign partitions by hand",
    description:
      "Replaces what was assigned by hand. The instance is no member then: the partitions of others do not change, and others may read the same ones. An instance that is subscribed cannot be assigned to.",
    body: v2Content(partitionsSchema, partitionsExample),
    answers: NO_CONTENT,
    errors: [
      ...INSTANCE_ERRORS,
      ...BODY_ERRORS,
      "INVALID_TOPIC_EXCEPTION",
      "UNKNOWN_TOPIC",
      "UNKNOWN_PARTITION",
      "ALREADY_SUBSCRIBED",
    ],
    handler: assign,
  }),
  defineRoute({
    method: "GET",
    path: ASSIGNMENTS,
    id: "getAssignments",
    needs: [["group", "describe"]],
    tag: "Consumers",
    summary: "The partitions that an instance reads",
    description:
      "Assigned by hand, or what a subscribed instance has been given. After subscribing that is nothing before the first poll.",
    answers: {
      200: {
        description: "The partitions.",
        content: v2Content(partitionsSchema, partitionsExample),
      },
    },
    errors: reads,
    handler: getAssignments,
  }),
];
