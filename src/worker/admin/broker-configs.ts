/** The settings of a broker: its own, the service's, and what holds for topics that say nothing. Only read here. */
import {
  brokerName,
  CONFIG_NAMES,
  isConfigOf,
  unknownConfig,
  type ConfigName,
} from "../../base/config.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import { parseWhole } from "../../base/ids.ts";
import type { BrokerDescription } from "../../objects/contracts/controller.ts";
import { json } from "../answers.ts";
import { callController } from "../../gateway/objects.ts";
import { pathText } from "../params.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { brokerConfigExample, brokerConfigsExample } from "./examples.ts";
import {
  brokerConfigListSchema,
  brokerConfigSchema,
  clusterPlace,
  head,
  list,
  type Place,
} from "./resources.ts";
import { brokerSynonyms } from "../../gateway/config-synonyms.ts";

const CONFIGS = "/v3/clusters/{cluster_id}/brokers/{broker_id}/configs";

type Found = { readonly ok: true; readonly broker: BrokerDescription } | Refusal;

async function findBroker(c: Ctx, service: Service): Promise<Found> {
  const cluster = await callController(service, true, (controller) => controller.metadata([]));
  if (!cluster.ok) return cluster;
  const id = parseWhole(pathText(c, "broker_id"));
  const broker = cluster.brokers.find(({ brokerId }) => brokerId === id);
  return broker === undefined ? refuse("BROKER_NOT_FOUND") : { ok: true, broker };
}

function placeOf(c: Ctx, service: Service, { brokerId }: BrokerDescription): Place {
  return clusterPlace(c, service).item("brokers", "broker", brokerId);
}

function configData(c: Ctx, service: Service, broker: BrokerDescription, own: ConfigName): unknown {
  const synonyms = brokerSynonyms(service, broker.configs ?? {}, own);
  const { name, value, source } = synonyms[0]!;
  return {
    ...head("KafkaBrokerConfig", placeOf(c, service, broker).item("configs", "config", name)),
    cluster_id: service.clusterId,
    broker_id: broker.brokerId,
    name,
    value,
    is_default: source === "DEFAULT_CONFIG",
    is_read_only: !isConfigOf("broker", own),
    is_sensitive: false,
    source,
    synonyms,
  };
}

async function listConfigs(c: Ctx, service: Service): Promise<Outcome> {
  const found = await findBroker(c, service);
  if (!found.ok) return found;
  const { broker } = found;
  const data = CONFIG_NAMES.map((name) => configData(c, service, broker, name));
  return json(list("KafkaBrokerConfigList", `${placeOf(c, service, broker).self}/configs`, data));
}

async function getConfig(c: Ctx, service: Service): Promise<Outcome> {
  const found = await findBroker(c, service);
  if (!found.ok) return found;
  const name = pathText(c, "name");
  const own = CONFIG_NAMES.find((one) => brokerName(one) === name);
  if (own === undefined) return refuse("UNKNOWN_CONFIG", unknownConfig("broker", name));
  return json(configData(c, service, found.broker, own));
}

export const brokerConfigRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: CONFIGS,
    id: "listBrokerConfigs",
    needs: [["cluster", "describeConfigs"]],
    tag: "Brokers",
    summary: "All settings of a broker",
    description:
      "By Kafka's names: its own, those of the service, and what holds for topics that say nothing (`log.retention.ms`). Those that are read-only come from the service's environment.",
    answers: {
      200: {
        description: "The settings.",
        content: {
          "application/json": { schema: brokerConfigListSchema, example: brokerConfigsExample },
        },
      },
    },
    errors: ["BROKER_NOT_FOUND"],
    handler: listConfigs,
  }),
  defineRoute({
    method: "GET",
    path: `${CONFIGS}/{name}`,
    id: "getBrokerConfig",
    needs: [["cluster", "describeConfigs"]],
    tag: "Brokers",
    summary: "One setting of a broker",
    answers: {
      200: {
        description: "It.",
        content: {
          "application/json": { schema: brokerConfigSchema, example: brokerConfigExample },
        },
      },
    },
    errors: ["BROKER_NOT_FOUND", "UNKNOWN_CONFIG"],
    handler: getConfig,
  }),
];
