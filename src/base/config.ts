/**
 * The one config table: every setting's name, type, default, validator, scope and text. Topic creation, the alter
 * routes, the objects, the service's environment and `docs/configuration.md` are all derived from it. The rows are in
 * `config/`, by what they are about.
 *
 * All of Kafka's topic settings are here. A setting without effect says so in its text, and a value that would promise
 * something that the service does not do is refused with the reason.
 *
 * A *topic* setting may be given per topic; a *service* setting comes from an environment variable
 * (`environmentName(name)`), e.g. `auto.create.topics.enable` from AUTO_CREATE_TOPICS_ENABLE.
 * A topic setting's default may be changed for the whole service in the same way.
 */
import { BROKER_SETTINGS } from "./config/brokers.ts";
import { GROUP_SETTINGS } from "./config/groups.ts";
import { LISTENER_SETTINGS } from "./config/listeners.ts";
import { SERVICE_SETTINGS } from "./config/service.ts";
import { TOPIC_SETTINGS } from "./config/topics.ts";
import { TOPIC_SETTINGS_WITHOUT_EFFECT } from "./config/without-effect.ts";
import { INT_MAX } from "./limits.ts";
import { didYouMean } from "./nearest-name.ts";
import { LONG_MAX, parseValue } from "./setting.ts";
import type { Setting, Value } from "./setting.ts";

export { COMPRESSION_TYPES } from "./config/topics.ts";

export const CONFIG = {
  ...TOPIC_SETTINGS,
  ...TOPIC_SETTINGS_WITHOUT_EFFECT,
  ...BROKER_SETTINGS,
  ...SERVICE_SETTINGS,
  ...GROUP_SETTINGS,
  ...LISTENER_SETTINGS,
} as const satisfies Record<
  string,
  Setting<boolean> | Setting<number> | Setting<string> | Setting<readonly string[]>
>;

export type ConfigName = keyof typeof CONFIG;

/** The effective value of every setting for one topic (or, without a topic, for the service), typed. */
export type EffectiveConfig = { readonly [N in ConfigName]: (typeof CONFIG)[N]["fallback"] };

const SHOWN_LENGTH_MAX = 100;

export const CONFIG_NAMES = Object.keys(CONFIG) as ConfigName[];
export const TOPIC_CONFIG_NAMES = CONFIG_NAMES.filter((name) => isTopicConfig(name));

export function isConfigName(name: string): name is ConfigName {
  return Object.hasOwn(CONFIG, name);
}

/** Whether a topic, or a broker, may carry this setting of its own. */
export function isConfigOf(scope: "topic" | "broker", name: string): name is ConfigName {
  return isConfigName(name) && CONFIG[name].scope === scope;
}

/** Whether a topic may carry this setting of its own. */
export function isTopicConfig(name: string): name is ConfigName {
  return isConfigOf("topic", name);
}

/** Kafka's name for a topic setting's default on brokers: `retention.ms` → `log.retention.ms`. */
export function brokerName(name: ConfigName): string {
  return settingOf(name).broker ?? name;
}

/** The message for an unknown setting, with the one that was probably meant. */
export function unknownConfig(scope: "topic" | "broker", written: string): string {
  const names = scope === "topic" ? TOPIC_CONFIG_NAMES : CONFIG_NAMES.map(brokerName);
  const shown = written.slice(0, SHOWN_LENGTH_MAX);
  return `Unknown ${scope} config name: ${shown}${didYouMean(written, names)}`;
}

/** `retention.ms` → `RETENTION_MS` */
export function environmentName(name: ConfigName): string {
  return name.replaceAll(".", "_").toUpperCase();
}

export type ParsedConfig =
  | { readonly ok: true; readonly value: Value; readonly text: string }
  | { readonly ok: false; readonly problem: string };

/** Parses a setting's text and returns it in its canonical form, or what is wrong with it. Never throws. */
export function parseConfig(name: ConfigName, written: string): ParsedConfig {
  const setting = settingOf(name);
  const parsed = parseValue(setting, written);
  if (typeof parsed === "string") {
    return { ok: false, problem: `Invalid value for ${name}: ${parsed} expected.` };
  }
  if (setting.only !== undefined && parsed.text !== defaultText(name)) {
    const problem = `${name} can only be ${defaultText(name)} here: ${setting.only}.`;
    return { ok: false, problem };
  }
  return { ok: true, ...parsed };
}

/** The value of a setting that neither the topic nor the environment gives, as text. */
export function defaultText(name: ConfigName): string {
  const { kind, fallback } = settingOf(name);
  return kind === "long" && fallback === INT_MAX ? String(LONG_MAX) : String(fallback);
}

/** The setting's row, whatever its kind. */
export function settingOf(name: ConfigName): Setting<Value> {
  return CONFIG[name];
}

/** Whether segments are deleted at all: with compaction alone, none is. */
export function letsGo(config: Pick<EffectiveConfig, "cleanup.policy">): boolean {
  return config["cleanup.policy"].includes("delete");
}

/** A compacted topic refuses records without a key: nothing could ever replace them. */
export function needsKeys(config: Pick<EffectiveConfig, "cleanup.policy">): boolean {
  return config["cleanup.policy"].includes("compact");
}

/**
 * The effective settings: each from the first source that names it, else its default. Sources map names of the table
 * to text. Values that do not parse are ignored, because they were checked where they came in (and a later version
 * may have narrowed a bound).
 */
export function effectiveConfig(
  ...sources: readonly Readonly<Record<string, string>>[]
): EffectiveConfig {
  const config: Record<string, Value> = {};
  for (const name of CONFIG_NAMES) {
    config[name] = CONFIG[name].fallback;
    for (const source of sources) {
      if (!Object.hasOwn(source, name)) continue;
      const parsed = parseConfig(name, source[name]!);
      if (!parsed.ok) continue;
      config[name] = parsed.value;
      break;
    }
  }
  return config as EffectiveConfig;
}

/** The settings that the environment gives, by their names in the table. */
export function configFromEnvironment(
  env: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of CONFIG_NAMES) {
    const value = env[environmentName(name)];
    if (typeof value === "string" && value !== "") found[name] = value;
  }
  return found;
}
