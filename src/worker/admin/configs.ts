/** The settings of topics: their values, the sources of the values, and changing them. */
import * as z from "zod";
import {
  isTopicConfig,
  TOPIC_CONFIG_NAMES,
  unknownConfig,
  type ConfigName,
} from "../../base/config.ts";
import { refuse } from "../../base/errors.ts";
import type { ConfigChange, TopicMetadata } from "../../objects/contracts/controller.ts";
import { synonymsOf } from "../../gateway/config-synonyms.ts";
import { json } from "../answers.ts";
import { BODY_ERRORS, readJson } from "../read-json.ts";
import { forget, topicMetadata } from "../../gateway/metadata.ts";
import { callController } from "../../gateway/objects.ts";
import { pathText } from "../params.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { configExample, configsExample } from "./examples.ts";
import { limitOf, limitParameter, type PageSizes } from "./paging.ts";
import {
  clusterPlace,
  configListSchema,
  configSchema,
  head,
  list,
  topicPlace,
} from "./resources.ts";

const CONFIGS = "/v3/clusters/{cluster_id}/topics/{topic}/configs";

/** Topics of a page of the settings of all topics. */
const PAGE_TOPICS: PageSizes = { usual: 100, max: 1_000 };

/** The body that sets one setting, of a topic or a broker. */
export const update = z
  .strictObject({ value: z.string().nullable() })
  .meta({ id: "UpdateConfigRequest" });

/** The body that changes several settings at once. */
export const alteration = z
  .strictObject({
    data: z.array(
      z.strictObject({
        name: z.string(),
        value: z.string().nullable().optional(),
        operation: z.enum(["SET", "DELETE", "APPEND", "SUBTRACT"]).nullable().optional(),
      }),
    ),
    validate_only: z.boolean().optional(),
  })
  .meta({ id: "AlterConfigsRequest" });

function configData(c: Ctx, service: Service, topic: TopicMetadata, name: ConfigName): unknown {
  const synonyms = synonymsOf(service, topic, name);
  const { value, source } = synonyms[0]!;
  return {
    ...head(
      "KafkaTopicConfig",
      topicPlace(c, service, topic.topic).item("configs", "config", name),
    ),
    cluster_id: service.clusterId,
    topic_name: topic.topic,
    name,
    value,
    is_default: source === "DEFAULT_CONFIG",
    is_read_only: false,
    is_sensitive: false,
    source,
    synonyms,
  };
}

async function listConfigs(c: Ctx, service: Service): Promise<Outcome> {
  const topic = await topicMetadata(service, pathText(c, "topic"), true);
  if (!topic.ok) return topic;
  const { metadata } = topic;
  const self = `${topicPlace(c, service, metadata.topic).self}/configs`;
  const data = TOPIC_CONFIG_NAMES.map((name) => configData(c, service, metadata, name));
  return json(list("KafkaTopicConfigList", self, data));
}

/** Settings of all topics in the order of their names, a page of topics at a time. */
async function listAllConfigs(c: Ctx, service: Service): Promise<Outcome> {
  const limit = limitOf(c, PAGE_TOPICS);
  if (typeof limit === "object") return limit;
  const after = c.req.query("after") ?? "";
  const cluster = await callController(service, true, (controller) => controller.metadata(null));
  if (!cluster.ok) return cluster;
  const topics = cluster.topics
    .filter(({ topic }) => topic > after)
    .toSorted((a, b) => (a.topic < b.topic ? -1 : 1));
  const shown = topics.slice(0, limit);
  const data = shown.flatMap((topic) =>
    TOPIC_CONFIG_NAMES.map((name) => configData(c, service, topic, name)),
  );
  const self = `${clusterPlace(c, service).self}/topics/-/configs`;
  const last = shown.at(-1)?.topic ?? "";
  const next =
    shown.length < topics.length
      ? `${self}?after=${encodeURIComponent(last)}&limit=${limit}`
      : null;
  return json(list("KafkaTopicConfigList", self, data, next));
}

async function getConfig(c: Ctx, service: Service): Promise<Outcome> {
  const topic = await topicMetadata(service, pathText(c, "topic"), true);
  if (!topic.ok) return topic;
  const name = pathText(c, "name");
  if (!isTopicConfig(name)) return refuse("UNKNOWN_CONFIG", unknownConfig("topic", name));
  return json(configData(c, service, topic.metadata, name));
}

async function alter(
  service: Service,
  name: string,
  changes: readonly ConfigChange[],
  validateOnly: boolean,
): Promise<Outcome> {
  const altered = await callController(service, false, (controller) =>
    controller.alterConfigs(name, changes, validateOnly),
  );
  if (!validateOnly) forget(name);
  return altered.ok ? new Response(null, { status: 204 }) : altered;
}

async function setConfig(c: Ctx, service: Service): Promise<Outcome> {
  const name = pathText(c, "name");
  if (!isTopicConfig(name)) return refuse("UNKNOWN_CONFIG", unknownConfig("topic", name));
  const body = await readJson(c.req.raw, update);
  if (!body.ok) return body;
  const change: ConfigChange = { name, value: body.value.value, operation: "SET" };
  return alter(service, pathText(c, "topic"), [change], false);
}

async function resetConfig(c: Ctx, service: Service): Promise<Outcome> {
  const name = pathText(c, "name");
  if (!isTopicConfig(name)) return refuse("UNKNOWN_CONFIG", unknownConfig("topic", name));
  const change: ConfigChange = { name, value: null, operation: "DELETE" };
  return alter(service, pathText(c, "topic"), [change], false);
}

async function alterConfigs(c: Ctx, service: Service): Promise<Outcome> {
  const body = await readJson(c.req.raw, alteration);
  if (!body.ok) return body;
  const changes = changesOf(body.value);
  return alter(service, pathText(c, "topic"), changes, body.value.validate_only === true);
}

export function changesOf({ data }: z.output<typeof alteration>): ConfigChange[] {
  return data.map(({ name, value, operation }) => ({
    name,
    value: value ?? null,
    operation: operation ?? "SET",
  }));
}

const alterationExample = {
  data: [
    { name: "retention.ms", value: "3600000" },
    { name: "segment.ms", operation: "DELETE" },
  ],
};

/** The route of `-`, which stands for all topics, comes before those of one topic. */
export const configRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/v3/clusters/{cluster_id}/topics/-/configs",
    id: "listAllTopicConfigs",
    needs: [["topic", "describeConfigs"]],
    tag: "Configs",
    summary: "All settings of all topics",
    description:
      "In the order of the topics' names, so many topics at a time: `metadata.next` leads to the next page.",
    query: z.object({
      after: z.string().optional().describe("Only topics whose name comes after this one."),
      limit: limitParameter("Topics", PAGE_TOPICS),
    }),
    answers: {
      200: {
        description: "The settings.",
        content: { "application/json": { schema: configListSchema, example: configsExample } },
      },
    },
    errors: ["INVALID_REQUEST"],
    handler: listAllConfigs,
  }),
  defineRoute({
    method: "GET",
    path: CONFIGS,
    id: "listConfigs",
    needs: [["topic", "describeConfigs"]],
    tag: "Configs",
    summary: "All settings of a topic",
    description:
      "With their defaults. `synonyms` lists everything that gives the setting a value, the one that holds first.",
    answers: {
      200: {
        description: "The settings.",
        content: { "application/json": { schema: configListSchema, example: configsExample } },
      },
    },
    errors: ["UNKNOWN_TOPIC", "INVALID_TOPIC_EXCEPTION"],
    handler: listConfigs,
  }),
  defineRoute({
    method: "POST",
    path: `${CONFIGS}:alter`,
    id: "alterConfigs",
    needs: [["topic", "alterConfigs"]],
    tag: "Configs",
    summary: "Change several settings, all or none",
    description:
      "SET (the default), DELETE, which returns a setting to its default, or for lists APPEND and SUBTRACT. With `validate_only` everything is checked and nothing is changed.",
    body: {
      "application/json": { schema: alteration, example: alterationExample },
    },
    answers: { 204: { description: "Changed." } },
    errors: ["UNKNOWN_TOPIC", "INVALID_CONFIG", ...BODY_ERRORS],
    handler: alterConfigs,
  }),
  defineRoute({
    method: "GET",
    path: `${CONFIGS}/{name}`,
    id: "getConfig",
    needs: [["topic", "describeConfigs"]],
    tag: "Configs",
    summary: "One setting of a topic",
    answers: {
      200: {
        description: "The setting.",
        content: { "application/json": { schema: configSchema, example: configExample } },
      },
    },
    errors: ["UNKNOWN_TOPIC", "INVALID_TOPIC_EXCEPTION", "UNKNOWN_CONFIG"],
    handler: getConfig,
  }),
  defineRoute({
    method: "PUT",
    path: `${CONFIGS}/{name}`,
    id: "setConfig",
    needs: [["topic", "alterConfigs"]],
    tag: "Configs",
    summary: "Set one setting of a topic",
    body: { "application/json": { schema: update, example: { value: "3600000" } } },
    answers: { 204: { description: "Set." } },
    errors: ["UNKNOWN_TOPIC", "UNKNOWN_CONFIG", "INVALID_CONFIG", ...BODY_ERRORS],
    handler: setConfig,
  }),
  defineRoute({
    method: "DELETE",
    path: `${CONFIGS}/{name}`,
    id: "resetConfig",
    needs: [["topic", "alterConfigs"]],
    tag: "Configs",
    summary: "Return one setting of a topic to its default",
    answers: { 204: { description: "Reset." } },
    errors: ["UNKNOWN_TOPIC", "UNKNOWN_CONFIG"],
    handler: resetConfig,
  }),
];
