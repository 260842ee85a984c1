/**
 * The settings of brokers: what a broker has of its own, which can be altered, and what all of them have, which comes
 * from the service's environment: its own settings, and what holds for topics that say nothing.
 */
import type * as z from "zod";
import {
  brokerName,
  CONFIG_NAMES,
  isConfigOf,
  unknownConfig,
  type ConfigName,
} from "../../base/config.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import { parseWhole } from "../../base/ids.ts";
import { brokerSynonyms } from "../../gateway/config-synonyms.ts";
import { callController } from "../../gateway/objects.ts";
import type { Service } from "../../gateway/service.ts";
import type { BrokerDescription, ConfigChange } from "../../objects/contracts/controller.ts";
import { json } from "../answers.ts";
import { pathText } from "../params.ts";
import { BODY_ERRORS, readJson } from "../read-json.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import { findBroker } from "./brokers.ts";
import { alteration, changesOf, update } from "./configs.ts";
import {
  brokerConfigExample,
  brokerConfigsExample,
  clusterConfigExample,
  clusterConfigsExample,
} from "./examples.ts";
import {
  brokerConfigListSchema,
  brokerConfigSchema,
  clusterConfigListSchema,
  clusterConfigSchema,
  clusterPlace,
  head,
  list,
  type Place,
} from "./resources.ts";

const BROKERS = "/v3/clusters/{cluster_id}/brokers";
const CONFIGS = `${BROKERS}/{broker_id}/configs`;
const CLUSTER_CONFIGS = "/v3/clusters/{cluster_id}/broker-configs";

function placeOf(c: Ctx, service: Service, { brokerId }: BrokerDescription): Place {
  return clusterPlace(c, service).item("brokers", "broker", brokerId);
}

/** The value of a setting at a broker with these settings of its own, and its sources. */
function valueOf(
  service: Service,
  configs: Readonly<Record<string, string>>,
  own: ConfigName,
): Record<string, unknown> {
  const synonyms = brokerSynonyms(service, configs, own);
  const { name, value, source } = synonyms[0]!;
  return {
    name,
    value,
    is_default: source === "DEFAULT_CONFIG",
    is_read_only: !isConfigOf("broker", own),
    is_sensitive: false,
    source,
    synonyms,
  };
}

function configData(c: Ctx, service: Service, broker: BrokerDescription, own: ConfigName): unknown {
  const place = placeOf(c, service, broker).item("configs", "config", brokerName(own));
  return {
    ...head("KafkaBrokerConfig", place),
    cluster_id: service.clusterId,
    broker_id: broker.brokerId,
    ...valueOf(service, broker.configs ?? {}, own),
  };
}

/** A setting that all brokers share. Read-only here, because it is altered in the service's environment. */
function clusterConfigData(c: Ctx, service: Service, own: ConfigName): unknown {
  const place = clusterPlace(c, service).item("broker-configs", "broker-config", brokerName(own));
  return {
    ...head("KafkaClusterConfig", place),
    cluster_id: service.clusterId,
    config_type: "BROKER",
    ...valueOf(service, {}, own),
    is_read_only: true,
  };
}

async function listConfigs(c: Ctx, service: Service): Promise<Outcome> {
  const found = await findBroker(c, service);
  if (!found.ok) return found;
  const { broker } = found;
  const data = CONFIG_NAMES.map((name) => configData(c, service, broker, name));
  return json(list("KafkaBrokerConfigList", `${placeOf(c, service, broker).self}/configs`, data));
}

async function listAllConfigs(c: Ctx, service: Service): Promise<Outcome> {
  const cluster = await callController(service, true, (controller) => controller.metadata([]));
  if (!cluster.ok) return cluster;
  const data = cluster.brokers.flatMap((broker) =>
    CONFIG_NAMES.map((name) => configData(c, service, broker, name)),
  );
  const self = `${clusterPlace(c, service).self}/brokers/-/configs`;
  return json(list("KafkaBrokerConfigList", self, data));
}

/** The setting that the path names. UNKNOWN_CONFIG. */
function namedConfig(c: Ctx): ConfigName | Refusal {
  const name = pathText(c, "name");
  const own = CONFIG_NAMES.find((one) => brokerName(one) === name);
  return own ?? refuse("UNKNOWN_CONFIG", unknownConfig("broker", name));
}

async function getConfig(c: Ctx, service: Service): Promise<Outcome> {
  const found = await findBroker(c, service);
  if (!found.ok) return found;
  const own = namedConfig(c);
  return typeof own === "string" ? json(configData(c, service, found.broker, own)) : own;
}

async function alter(
  c: Ctx,
  service: Service,
  changes: readonly ConfigChange[],
  validateOnly: boolean,
): Promise<Outcome> {
  const brokerId = parseWhole(pathText(c, "broker_id")) ?? -1;
  const altered = await callController(service, false, (controller) =>
    controller.alterBrokerConfigs(brokerId, changes, validateOnly),
  );
  return altered.ok ? new Response(null, { status: 204 }) : altered;
}

async function setConfig(c: Ctx, service: Service): Promise<Outcome> {
  const own = namedConfig(c);
  if (typeof own !== "string") return own;
  const body = await readJson(c.req.raw, update);
  if (!body.ok) return body;
  const change: ConfigChange = {
    name: pathText(c, "name"),
    value: body.value.value,
    operation: "SET",
  };
  return alter(c, service, [change], false);
}

async function resetConfig(c: Ctx, service: Service): Promise<Outcome> {
  const own = namedConfig(c);
  if (typeof own !== "string") return own;
  const change: ConfigChange = { name: pathText(c, "name"), value: null, operation: "DELETE" };
  return alter(c, service, [change], false);
}

async function alterConfigs(c: Ctx, service: Service): Promise<Outcome> {
  const body = await readJson(c.req.raw, alteration);
  if (!body.ok) return body;
  return alter(c, service, changesOf(body.value), body.value.validate_only === true);
}

function listClusterConfigs(c: Ctx, service: Service): Outcome {
  const data = CONFIG_NAMES.map((own) => clusterConfigData(c, service, own));
  const self = `${clusterPlace(c, service).self}/broker-configs`;
  return json(list("KafkaClusterConfigList", self, data));
}

function getClusterConfig(c: Ctx, service: Service): Outcome {
  const own = namedConfig(c);
  return typeof own === "string" ? json(clusterConfigData(c, service, own)) : own;
}

type Described = { readonly schema: z.ZodType; readonly example: unknown };

function reading(
  spec: Pick<Route, "path" | "id" | "summary" | "description" | "errors" | "handler">,
  content: Described,
): Route {
  return defineRoute({
    ...spec,
    method: "GET",
    needs: [["cluster", "describeConfigs"]],
    tag: "Brokers",
    answers: {
      200: { description: "What holds.", content: { "application/json": content } },
    },
  });
}

function altering(
  spec: Pick<
    Route,
    "method" | "path" | "id" | "summary" | "description" | "body" | "errors" | "handler"
  >,
): Route {
  return defineRoute({
    ...spec,
    needs: [["cluster", "alterConfigs"]],
    tag: "Brokers",
    answers: { 204: { description: "Altered." } },
    errors: ["BROKER_NOT_FOUND", "INVALID_CONFIG", ...(spec.errors ?? [])],
  });
}

const throttle = "leader.replication.throttled.rate";
const configList = { schema: brokerConfigListSchema, example: brokerConfigsExample };

/** The route of `-`, which stands for all brokers, comes before those of one broker. */
export const brokerConfigRoutes: readonly Route[] = [
  reading(
    {
      path: `${BROKERS}/-/configs`,
      id: "listAllBrokerConfigs",
      summary: "All settings of all brokers",
      handler: listAllConfigs,
    },
    configList,
  ),
  reading(
    {
      path: CONFIGS,
      id: "listBrokerConfigs",
      summary: "All settings of a broker",
      description:
        "By Kafka's names: its own, those of the service, and what holds for topics that say nothing (`log.retention.ms`). Those that are read-only come from the service's environment.",
      errors: ["BROKER_NOT_FOUND"],
      handler: listConfigs,
    },
    configList,
  ),
  altering({
    method: "POST",
    path: `${CONFIGS}:alter`,
    id: "alterBrokerConfigs",
    summary: "Change several settings of a broker, all or none",
    description:
      "SET (the default), DELETE, which returns a setting to its default, or for lists APPEND and SUBTRACT. With `validate_only` everything is checked and nothing is changed. Settings that are read-only are changed in the service's environment.",
    body: {
      "application/json": {
        schema: alteration,
        example: { data: [{ name: throttle, value: "1000000" }] },
      },
    },
    errors: BODY_ERRORS,
    handler: alterConfigs,
  }),
  reading(
    {
      path: `${CONFIGS}/{name}`,
      id: "getBrokerConfig",
      summary: "One setting of a broker",
      errors: ["BROKER_NOT_FOUND", "UNKNOWN_CONFIG"],
      handler: getConfig,
    },
    { schema: brokerConfigSchema, example: brokerConfigExample },
  ),
  altering({
    method: "PUT",
    path: `${CONFIGS}/{name}`,
    id: "setBrokerConfig",
    summary: "Set one setting of a broker",
    body: { "application/json": { schema: update, example: { value: "1000000" } } },
    errors: ["UNKNOWN_CONFIG", ...BODY_ERRORS],
    handler: setConfig,
  }),
  altering({
    method: "DELETE",
    path: `${CONFIGS}/{name}`,
    id: "resetBrokerConfig",
    summary: "Return one setting of a broker to its default",
    errors: ["UNKNOWN_CONFIG"],
    handler: resetConfig,
  }),
  reading(
    {
      path: CLUSTER_CONFIGS,
      id: "listClusterConfigs",
      summary: "The settings that all brokers have",
      description:
        "By Kafka's names, read-only: they come from the service's environment. What a broker has of its own is at the broker.",
      handler: listClusterConfigs,
    },
    { schema: clusterConfigListSchema, example: clusterConfigsExample },
  ),
  reading(
    {
      path: `${CLUSTER_CONFIGS}/{name}`,
      id: "getClusterConfig",
      summary: "One setting that all brokers have",
      errors: ["UNKNOWN_CONFIG"],
      handler: getClusterConfig,
    },
    { schema: clusterConfigSchema, example: clusterConfigExample },
  ),
];
