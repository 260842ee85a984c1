/**
 * The configuration of one deployment, read from its environment once per isolate: settings, keys, origins.
 * Everything here is a plain value, so that it may outlive a request.
 */
import {
  configFromEnvironment,
  effectiveConfig,
  isConfigName,
  parseConfig,
  type EffectiveConfig,
} from "../base/config.ts";
import type { Env } from "../objects/runtime/env.ts";

export interface Service {
  readonly env: Env;
  readonly clusterId: string;
  /** All settings as they hold without a topic. */
  readonly config: EffectiveConfig;
  /** The settings that the environment gives, as text: second in precedence after a topic's own. */
  readonly configTexts: Readonly<Record<string, string>>;
  /** Accepted keys; empty when none is configured. */
  readonly keys: readonly string[];
  readonly openOnLoopback: boolean;
  /** null: CORS is off. Contains "*" when any origin may call. */
  readonly corsOrigins: ReadonlySet<string> | null;
}

let last: Service | null = null;

/** The service of this environment. The runtime hands every request the same `env` object. */
export function serviceOf(env: Env): Service {
  if (last !== null && last.env === env) return last;
  last = readService(env);
  return last;
}

function readService(env: Env): Service {
  const configTexts = legible(configFromEnvironment(env));
  const config = effectiveConfig(configTexts);
  const origins = listed(config["cors.allow.origins"]);
  return {
    env,
    clusterId: config["cluster.id"],
    config,
    configTexts,
    keys: listed(env.API_KEYS ?? ""),
    openOnLoopback: env.OPEN_ON_LOOPBACK === "true",
    corsOrigins: origins.length > 0 ? new Set(origins) : null,
  };
}

/** Without values that do not parse: they do not hold, so they must not be shown as if they did. */
function legible(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(texts).filter(
      ([name, text]) => isConfigName(name) && parseConfig(name, text).ok,
    ),
  );
}

function listed(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
