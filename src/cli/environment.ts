/**
 * Reads and checks the environment of the local server before anything starts: where it listens, where its data is,
 * and the settings it passes to the service.
 */
import { resolve } from "node:path";
import {
  CONFIG,
  CONFIG_NAMES,
  configFromEnvironment,
  defaultText,
  effectiveConfig,
  environmentName,
  parseConfig,
  type ConfigName,
} from "../base/config.ts";
import { nearestName } from "../base/nearest-name.ts";
import { isLoopbackHost, WILDCARDS } from "./hosts.ts";

export interface LocalSettings {
  /** 0 picks a free port. */
  readonly port: number;
  /** Of broker 1; 0 picks free ones. */
  readonly kafkaPort: number;
  /** How many ports there are from it on. */
  readonly kafkaListeners: number;
  readonly host: string;
  readonly loopback: boolean;
  /** Absolute path. */
  readonly dataDir: string;
  /** Whether callers have a key to present. */
  readonly hasKey: boolean;
  /** The service's environment, on top of what wrangler.toml declares. */
  readonly variables: Readonly<Record<string, string>>;
}

export type ReadSettings =
  | { readonly ok: true; readonly settings: LocalSettings }
  | { readonly ok: false; readonly problem: string };

type Environment = Readonly<Record<string, string | undefined>>;

interface Variable {
  readonly name: string;
  readonly fallback: string;
  readonly doc: string;
}

/** The local server's own variables; the settings of the service come from the config table. */
const VARIABLES: readonly Variable[] = [
  { name: "PORT", fallback: "8787", doc: "HTTP port; 0 picks a free one." },
  { name: "HOST", fallback: "127.0.0.1", doc: "Address to listen on." },
  { name: "DATA_DIR", fallback: ".odradek", doc: "Where the data are kept." },
  {
    name: "KAFKA_PORT",
    fallback: "9092",
    doc: "Port of Kafka's wire protocol for broker 1; the other brokers have the next ones. 0 picks free ones.",
  },
  {
    name: "API_KEYS",
    fallback: "",
    doc: "Accepted keys, comma-separated (for Kafka clients the password of SASL PLAIN). Without one, only loopback callers are let in.",
  },
];

/** Changed characters that are taken for a slip. */
const SLIPS_MAX = 2;

export function readSettings(env: Environment): ReadSettings {
  const given = (name: string): string => {
    const value = env[name];
    return value === undefined || value === ""
      ? VARIABLES.find((variable) => variable.name === name)!.fallback
      : value;
  };
  for (const name of ["PORT", "KAFKA_PORT"]) {
    if (!isPort(given(name))) return problem(`${name} must be a port, 0 to 65535.`);
  }
  const settings = configFromEnvironment(env);
  for (const [name, value] of Object.entries(settings)) {
    const parsed = parseConfig(name as ConfigName, value);
    if (!parsed.ok) return problem(`${environmentName(name as ConfigName)}: ${parsed.problem}`);
  }
  const host = given("HOST");
  const loopback = isLoopbackHost(host);
  const keys = given("API_KEYS");
  const variables: Record<string, string> = { OPEN_ON_LOOPBACK: String(loopback) };
  // Clients are told to connect to HOST, if that is an address and no other was set.
  if (!WILDCARDS.has(host)) variables[environmentName("kafka.advertised.host")] = host;
  // Someone who tries a consumer on one machine should not wait three seconds for other members.
  variables[environmentName("group.initial.rebalance.delay.ms")] = "0";
  for (const [name, value] of Object.entries(settings)) {
    variables[environmentName(name as ConfigName)] = value;
  }
  if (keys !== "") variables["API_KEYS"] = keys;
  return {
    ok: true,
    settings: {
      port: Number(given("PORT")),
      kafkaPort: Number(given("KAFKA_PORT")),
      kafkaListeners: effectiveConfig(settings)["kafka.listeners"],
      host,
      loopback,
      dataDir: resolve(given("DATA_DIR")),
      hasKey: keys.split(",").some((key) => key.trim() !== ""),
      variables,
    },
  };
}

/**
 * Variables that are none of ours, and whose names differ from one of ours by a slip: a line for each. Only a hint, since
 * an environment holds the variables of other programs too.
 */
export function misspeltVariables(env: Environment): string[] {
  const names = [...VARIABLES.map(({ name }) => name), ...CONFIG_NAMES.map(environmentName)];
  return Object.keys(env)
    .filter((name) => env[name] !== "" && !names.includes(name))
    .flatMap((name) => {
      const meant = nearestName(name, names, SLIPS_MAX);
      if (meant === null || meant.toLowerCase() === name.toLowerCase()) return [];
      if (env[meant] !== undefined) return [];
      return `Warning: ${name} is no setting of this service; did you mean ${meant}?`;
    });
}

/** The part of the usage text that lists every variable. */
export function describeEnvironment(): string {
  const own = VARIABLES.map(({ name, fallback, doc }) => entry(name, fallback, doc));
  const settings = CONFIG_NAMES.map((name) =>
    entry(environmentName(name), defaultText(name), CONFIG[name].doc),
  );
  return [
    "Environment:",
    ...own,
    "",
    "Settings of the service (those of topics hold for topics that have none of their own):",
    ...settings,
  ].join("\n");
}

function entry(name: string, fallback: string, doc: string): string {
  const shown = fallback === "" ? "" : ` [${fallback}]`;
  return `  ${name}${shown}\n      ${doc}`;
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
}

function problem(text: string): ReadSettings {
  return { ok: false, problem: text };
}
