/** Decisions about a topic's own settings: all of a request or nothing of it. */
import {
  defaultText,
  isTopicConfig,
  parseConfig,
  settingOf,
  TOPIC_CONFIG_NAMES,
} from "../../base/config.ts";
import { listElements } from "../../base/setting.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import type { ConfigChange } from "./api.ts";
import type { TopicDecision } from "./changes.ts";
import { topicNamed, type ClusterImage } from "./cluster.ts";
import { withConfigs } from "./partitions.ts";

type Configs = Readonly<Record<string, string>>;

/** Checks the settings that a topic is to have of its own; their text comes back in canonical form. */
export function readTopicConfigs(
  written: Readonly<Record<string, string>>,
): { readonly ok: true; readonly configs: Configs } | Refusal {
  const configs: Record<string, string> = {};
  for (const [name, value] of Object.entries(written)) {
    const read = readSetting(name, value);
    if (!read.ok) return read;
    configs[name] = read.value;
  }
  return { ok: true, configs: inTableOrder(configs) };
}

/** Kafka's incremental alteration (KIP-339), each setting named at most once. */
export function decideAlterConfigs(
  image: ClusterImage,
  name: string,
  changes: readonly ConfigChange[],
): TopicDecision | Refusal {
  const topic = topicNamed(image, name);
  if (!topic) return refuse("UNKNOWN_TOPIC");
  const configs: Record<string, string> = { ...topic.configs };
  const named = new Set<string>();
  for (const change of changes) {
    if (named.has(change.name)) {
      return refuse("INVALID_REQUEST", "A setting is named more than once.");
    }
    named.add(change.name);
    const problem = applyAlteration(configs, change);
    if (problem) return problem;
  }
  const after = inTableOrder(configs);
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

function applyAlteration(configs: Record<string, string>, change: ConfigChange): Refusal | null {
  switch (change.operation) {
    case "SET": {
      const read = readSetting(change.name, change.value);
      if (!read.ok) return read;
      configs[change.name] = read.value;
      return null;
    }
    case "DELETE":
      if (!isTopicConfig(change.name)) return unknownSetting(change.name);
      delete configs[change.name];
      return null;
    case "APPEND":
    case "SUBTRACT": {
      const read = readSetting(change.name, alteredList(configs, change));
      if (!read.ok) return read;
      configs[change.name] = read.value;
      return null;
    }
    default:
      return refuse("INVALID_REQUEST", "A setting is altered by SET, DELETE, APPEND or SUBTRACT.");
  }
}

/** The list after the change, as text; null where there is none to change. Elements are appended once. */
function alteredList(configs: Configs, { name, value, operation }: ConfigChange): string | null {
  if (!isTopicConfig(name) || settingOf(name).kind !== "list" || value === null) return null;
  const before = listElements(configs[name] ?? defaultText(name));
  const named = listElements(value);
  if (operation === "SUBTRACT") return before.filter((one) => !named.includes(one)).join(",");
  return [...before, ...named.filter((one) => !before.includes(one))].join(",");
}

function readSetting(
  name: string,
  value: string | null,
): { readonly ok: true; readonly value: string } | Refusal {
  if (!isTopicConfig(name)) return unknownSetting(name);
  if (typeof value !== "string")
    return refuse("INVALID_CONFIG", `${name} needs a value, and only a list can be appended to.`);
  const parsed = parseConfig(name, value);
  if (!parsed.ok) return refuse("INVALID_CONFIG", parsed.problem);
  return { ok: true, value: parsed.text };
}

function unknownSetting(name: string): Refusal {
  return refuse("INVALID_CONFIG", `Topics have no setting '${name.slice(0, 100)}'.`);
}

/** One order for equal settings, so that they are equal as text. */
function inTableOrder(configs: Configs): Configs {
  const ordered: Record<string, string> = {};
  for (const name of TOPIC_CONFIG_NAMES) {
    if (Object.hasOwn(configs, name)) ordered[name] = configs[name]!;
  }
  return ordered;
}
