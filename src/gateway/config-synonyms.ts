/** Where the values of settings come from: a topic's own, a broker's, the environment, the default. */
import { brokerName, defaultText, isConfigOf, type ConfigName } from "../base/config.ts";
import type { TopicMetadata } from "../objects/contracts/controller.ts";
import type { Service } from "./service.ts";

interface Synonym {
  readonly name: string;
  readonly value: string;
  readonly source:
    | "DYNAMIC_TOPIC_CONFIG"
    | "DYNAMIC_BROKER_CONFIG"
    | "STATIC_BROKER_CONFIG"
    | "DEFAULT_CONFIG";
}

/** Every source that gives a setting a value, in order of precedence. */
export function synonymsOf(service: Service, topic: TopicMetadata, name: ConfigName): Synonym[] {
  const own = topic.configs[name];
  const below = serviceSynonyms(service, name);
  if (own === undefined) return below;
  return [{ name, value: own, source: "DYNAMIC_TOPIC_CONFIG" }, ...below];
}

/** The same for a broker, under the name that Kafka has for the setting on brokers. */
export function brokerSynonyms(
  service: Service,
  configs: Readonly<Record<string, string>>,
  name: ConfigName,
): Synonym[] {
  const own = isConfigOf("broker", name) ? configs[name] : undefined;
  const below = serviceSynonyms(service, name);
  if (own === undefined) return below;
  return [{ name: brokerName(name), value: own, source: "DYNAMIC_BROKER_CONFIG" }, ...below];
}

function serviceSynonyms(service: Service, own: ConfigName): Synonym[] {
  const name = brokerName(own);
  const environment = service.configTexts[own];
  const byDefault: Synonym = { name, value: defaultText(own), source: "DEFAULT_CONFIG" };
  if (environment === undefined) return [byDefault];
  return [{ name, value: environment, source: "STATIC_BROKER_CONFIG" }, byDefault];
}
