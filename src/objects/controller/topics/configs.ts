/** Decisions about the own settings of topics and brokers: a request is applied as a whole or refused. */
import {
  brokerName,
  CONFIG_NAMES,
  defaultText,
  isConfigOf,
  isTopicConfig,
  parseConfig,
  settingOf,
  unknownConfig,
} from "../../../base/config.ts";
import { listElements } from "../../../base/setting.ts";
import { refuse, type Refusal } from "../../../base/errors.ts";
import type { ConfigChange } from "../../contracts/controller.ts";
import type { BrokerDecision } from "../brokers.ts";
import type { TopicDecision } from "../image/changes.ts";
import { topicNamed, type ClusterImage } from "../image/cluster.ts";
import { withConfigs } from "../image/partitions.ts";

type Configs = Readonly<Record<string, string>>;

/** Checks a new topic's own settings, and returns their text in canonical form. INVALID_CONFIG. */
export function readTopicConfigs(
  written: Readonly<Record<string, string>>,
): { readonly ok: true; readonly configs: Configs } | Refusal {
  const configs: Record<string, string> = {};
  for (const [name, value] of Object.entries(written)) {
    const read = readSetting("topic", name, value);
    if (!read.ok) return read;
    configs[name] = read.value;
  }
  return { ok: true, configs: inTableOrder(configs) };
}

/** Kafka's incremental alteration (KIP-339); each setting is named at most once. UNKNOWN_TOPIC, INVALID_CONFIG, INVALID_REQUEST. */
export function decideAlterConfigs(
  image: ClusterImage,
  name: string,
  changes: readonly ConfigChange[],
): TopicDecision | Refusal {
  const topic = topicNamed(image, name);
  if (!topic) return refuse("UNKNOWN_TOPIC");
  const altered = alteredConfigs("topic", topic.configs, changes);
  if (!altered.ok) return altered;
  const after = altered.configs;
  // Nothing to record, and no replica to tell.
  if (JSON.stringify(after) === JSON.stringify(topic.configs))
    return { ok: true, changes: [], topic };
  const { topicId } = topic;
  return {
    ok: true,
    changes: [{ type: "configs-altered", topicId, configs: after }],
    topic: withConfigs(topic, after),
  };
}

/** The same for a broker's own settings. BROKER_NOT_FOUND, INVALID_CONFIG, INVALID_REQUEST. */
export function decideAlterBrokerConfigs(
  image: ClusterImage,
  brokerId: number,
  changes: readonly ConfigChange[],
): BrokerDecision | Refusal {
  const broker = image.brokers.get(brokerId);
  if (!broker) return refuse("BROKER_NOT_FOUND");
  const { configs: before = {} } = broker;
  const altered = alteredConfigs("broker", before, changes);
  if (!altered.ok) return altered;
  const { configs } = altered;
  if (JSON.stringify(configs) === JSON.stringify(before)) return { ok: true, changes: [], broker };
  return {
    ok: true,
    changes: [{ type: "broker-configs-altered", brokerId, configs }],
    broker: { ...broker, configs },
  };
}

type Owner = "topic" | "broker";

function alteredConfigs(
  owner: Owner,
  before: Configs,
  changes: readonly ConfigChange[],
): { readonly ok: true; readonly configs: Configs } | Refusal {
  const configs: Record<string, string> = { ...before };
  const named = new Set<string>();
  for (const change of changes) {
    if (named.has(change.name)) {
      return refuse("INVALID_REQUEST", "A setting is named more than once.");
    }
    named.add(change.name);
    const problem = applyAlteration(owner, configs, change);
    if (problem) return problem;
  }
  return { ok: true, configs: inTableOrder(configs) };
}

function applyAlteration(
  owner: Owner,
  configs: Record<string, string>,
  change: ConfigChange,
): Refusal | null {
  switch (change.operation) {
    case "SET": {
      const read = readSetting(owner, change.name, change.value);
      if (!read.ok) return read;
      configs[change.name] = read.value;
      return null;
    }
    case "DELETE":
      if (!isConfigOf(owner, change.name)) return unknownSetting(owner, change.name);
      delete configs[change.name];
      return null;
    case "APPEND":
    case "SUBTRACT": {
      const read = readSetting(owner, change.name, alteredList(configs, change));
      if (!read.ok) return read;
      configs[change.name] = read.value;
      return null;
    }
    default:
      return refuse("INVALID_REQUEST", "A setting is altered by SET, DELETE, APPEND or SUBTRACT.");
  }
}

/** The list after the change, as text; null where the setting is no list or has no value. Appends only new elements. */
function alteredList(configs: Configs, { name, value, operation }: ConfigChange): string | null {
  if (!isTopicConfig(name) || settingOf(name).kind !== "list" || value === null) return null;
  const before = listElements(configs[name] ?? defaultText(name));
  const named = listElements(value);
  if (operation === "SUBTRACT") return before.filter((one) => !named.includes(one)).join(",");
  return [...before, ...named.filter((one) => !before.includes(one))].join(",");
}

function readSetting(
  owner: Owner,
  name: string,
  value: string | null,
): { readonly ok: true; readonly value: string } | Refusal {
  if (!isConfigOf(owner, name)) return unknownSetting(owner, name);
  if (typeof value !== "string")
    return refuse("INVALID_CONFIG", `${name} needs a value, and only a list can be appended to.`);
  const parsed = parseConfig(name, value);
  if (!parsed.ok) return refuse("INVALID_CONFIG", parsed.problem);
  return { ok: true, value: parsed.text };
}

function unknownSetting(owner: Owner, name: string): Refusal {
  if (owner === "broker" && CONFIG_NAMES.some((one) => brokerName(one) === name)) {
    return refuse(
      "INVALID_CONFIG",
      `${name} cannot be altered at a broker: it comes from the service's environment.`,
    );
  }
  return refuse("INVALID_CONFIG", unknownConfig(owner, name));
}

/** Settings in one order, so that equal settings are equal as text. */
function inTableOrder(configs: Configs): Configs {
  const ordered: Record<string, string> = {};
  for (const name of CONFIG_NAMES) {
    if (Object.hasOwn(configs, name)) ordered[name] = configs[name]!;
  }
  return ordered;
}
