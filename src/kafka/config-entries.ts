/** The settings of topics and brokers as DescribeConfigs and CreateTopics report them. */
import {
  brokerName,
  CONFIG_NAMES,
  isConfigOf,
  settingOf,
  TOPIC_CONFIG_NAMES,
} from "../base/config.ts";
import type { ConfigName } from "../base/config.ts";
import type { TopicMetadata } from "../objects/contracts/controller.ts";
import type { Service } from "../gateway/service.ts";
import { brokerSynonyms, synonymsOf } from "../gateway/config-synonyms.ts";

/** Kinds of resources, by Kafka's numbers (org.apache.kafka.common.config.ConfigResource). */
export const RESOURCE = { topic: 2, broker: 4 } as const;

/** Where a value comes from, by Kafka's numbers (DescribeConfigsResponse.ConfigSource). */
const SOURCES = {
  DYNAMIC_TOPIC_CONFIG: 1,
  DYNAMIC_BROKER_CONFIG: 2,
  STATIC_BROKER_CONFIG: 4,
  DEFAULT_CONFIG: 5,
} as const;

/** Kinds of values, by Kafka's numbers (DescribeConfigsResponse.ConfigType). */
const TYPES = { boolean: 1, text: 2, choice: 2, integer: 3, long: 5, double: 6, list: 7 } as const;

interface Synonym {
  readonly name: string;
  readonly value: string;
  readonly source: number;
}

export interface ConfigEntry {
  readonly name: string;
  readonly value: string;
  readonly readOnly: boolean;
  readonly configSource: number;
  readonly isSensitive: boolean;
  /** Everything that gives it a value, in order of precedence. */
  readonly synonyms: readonly Synonym[];
  readonly configType: number;
  readonly documentation: string;
}

/** `wanted` null: all. */
export function topicConfigEntries(
  service: Service,
  topic: TopicMetadata,
  wanted: ReadonlySet<string> | null,
): ConfigEntry[] {
  return TOPIC_CONFIG_NAMES.filter((name) => wanted?.has(name) ?? true).map((name) => {
    const synonyms = synonymsOf(service, topic, name).map(({ source, ...synonym }) => ({
      ...synonym,
      source: SOURCES[source],
    }));
    return configEntry(name, synonyms, false);
  });
}

/**
 * The settings of a broker (`configs`) and of the service, and the defaults for topics under the names that Kafka has
 * for them on brokers. All but the broker's own come from the environment and are read-only.
 */
export function brokerConfigEntries(
  service: Service,
  configs: Readonly<Record<string, string>>,
  wanted: ReadonlySet<string> | null,
): ConfigEntry[] {
  return CONFIG_NAMES.filter((own) => wanted?.has(brokerName(own)) ?? true).map((own) => {
    const name = brokerName(own);
    const found = brokerSynonyms(service, configs, own).map(({ source, ...synonym }) => ({
      ...synonym,
      source: SOURCES[source],
    }));
    return { ...configEntry(own, found, !isConfigOf("broker", own)), name };
  });
}

function configEntry(
  name: ConfigName,
  synonyms: ConfigEntry["synonyms"],
  readOnly: boolean,
): ConfigEntry {
  const { value, source: configSource } = synonyms[0]!;
  const { kind, doc: documentation } = settingOf(name);
  const configType = TYPES[kind];
  return {
    name,
    value,
    readOnly,
    configSource,
    isSensitive: false,
    synonyms,
    configType,
    documentation,
  };
}
