/**
 * The one config table: every setting's name, type, default, validator, scope and text.
 * Topic creation, the alter routes, the objects, the service's environment and
 * `docs/configuration.md` are all derived from it. Only what the code honours stands here.
 *
 * A *topic* setting may be given per topic; a *service* setting comes from an environment variable
 * (`environmentName(name)`), e.g. `auto.create.topics.enable` from AUTO_CREATE_TOPICS_ENABLE.
 * A topic setting's default may be changed for the whole service in the same way.
 */
import {
  CHUNK_BYTES_MAX,
  INT_MAX,
  REPLICATION_FACTOR_MAX,
  TOPIC_PARTITIONS_MAX,
} from "./limits.ts";

export const COMPRESSION_TYPES = [
  "producer",
  "uncompressed",
  "gzip",
  "snappy",
  "lz4",
  "zstd",
] as const;
const TIMESTAMP_TYPES = ["CreateTime", "LogAppendTime"] as const;

type Kind = "boolean" | "integer" | "text" | "choice";

interface Setting<T extends boolean | number | string> {
  readonly kind: Kind;
  readonly scope: "topic" | "service";
  readonly fallback: T;
  /** Bounds of an integer, both included. */
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  readonly doc: string;
}

type Scope = "topic" | "service";

const bool = (scope: Scope, fallback: boolean, doc: string): Setting<boolean> => ({
  kind: "boolean",
  scope,
  fallback,
  doc,
});
const int = (
  scope: Scope,
  fallback: number,
  min: number,
  max: number,
  doc: string,
): Setting<number> => ({ kind: "integer", scope, fallback, min, max, doc });
const text = (scope: Scope, fallback: string, doc: string): Setting<string> => ({
  kind: "text",
  scope,
  fallback,
  doc,
});
const choice = <C extends readonly string[]>(
  scope: Scope,
  choices: C,
  fallback: C[number],
  doc: string,
): Setting<C[number]> => ({ kind: "choice", scope, fallback, choices, doc });

const DAY_MS = 86_400_000;

export const CONFIG = {
  // Topics.
  "retention.ms": int(
    "topic",
    7 * DAY_MS,
    -1,
    INT_MAX,
    "Segments whose newest record is older than this many milliseconds are deleted; -1 keeps them.",
  ),
  "retention.bytes": int(
    "topic",
    -1,
    -1,
    INT_MAX,
    "The oldest segments of a partition are deleted while the rest holds at least this many bytes; -1 is no bound.",
  ),
  "segment.bytes": int(
    "topic",
    67_108_864,
    1_024,
    1_073_741_824,
    "A segment that would grow beyond this many bytes is closed: retention acts on whole closed segments.",
  ),
  "segment.ms": int(
    "topic",
    7 * DAY_MS,
    1,
    INT_MAX,
    "A segment older than this many milliseconds is closed by the next append.",
  ),
  "max.message.bytes": int(
    "topic",
    1_048_588,
    0,
    CHUNK_BYTES_MAX,
    "The largest record batch, in bytes as stored. One batch lies in one row, and the platform's rows end below 2 MB.",
  ),
  "min.insync.replicas": int(
    "topic",
    1,
    1,
    32,
    "An append with acks=all is refused while fewer replicas than this are in sync.",
  ),
  "unclean.leader.election.enable": bool(
    "topic",
    false,
    "Whether a replica that is not in sync may lead when no other can: the partition is served again, and acknowledged records may be lost.",
  ),
  "compression.type": choice(
    "topic",
    COMPRESSION_TYPES,
    "producer",
    "How batches are stored: as the producer sent them, or in this compression.",
  ),
  "message.timestamp.type": choice(
    "topic",
    TIMESTAMP_TYPES,
    "CreateTime",
    "Whether a record carries the producer's time or the time of its append.",
  ),

  // The service.
  "cluster.id": text("service", "odradek", "The cluster's id in /v3/clusters/{cluster_id}."),
  "auto.create.topics.enable": bool(
    "service",
    false,
    "Whether producing to a topic that does not exist creates it.",
  ),
  "num.partitions": int(
    "service",
    1,
    1,
    TOPIC_PARTITIONS_MAX,
    "Partitions of a topic that is created without saying how many.",
  ),
  "default.replication.factor": int(
    "service",
    1,
    1,
    REPLICATION_FACTOR_MAX,
    "Replicas of a topic that is created without saying how many.",
  ),
  "producer.id.expiration.ms": int(
    "service",
    DAY_MS,
    1_000,
    INT_MAX,
    "A partition forgets an idempotent producer that has not written for this many milliseconds.",
  ),
  "replica.lag.time.max.ms": int(
    "service",
    10_000,
    500,
    INT_MAX,
    "A follower that has not had everything of its leader for this many milliseconds leaves the in-sync set.",
  ),
  "replica.selector.nearest": bool(
    "service",
    true,
    "Whether readers are sent to the nearest in-sync replica (by client.rack, or by the region of the request) rather than to the leader.",
  ),
  "request.timeout.ms": int(
    "service",
    30_000,
    100,
    600_000,
    "How long an append with acks=all waits for the in-sync replicas; beyond, whether it stays is not known.",
  ),
  "queued.max.bytes": int(
    "service",
    8_388_608,
    65_536,
    67_108_864,
    "Bytes that appends to one partition may have in flight; beyond, an append is answered with 429.",
  ),
  "tail.memory.bytes": int(
    "service",
    1_048_576,
    0,
    16_777_216,
    "Bytes of the newest chunks that an awake partition keeps in memory for its readers.",
  ),
  "tail.window.bytes": int(
    "service",
    16_777_216,
    1_048_576,
    268_435_456,
    "Bytes sent to a WebSocket tail without an acknowledgement before it is closed with the offset to resume from (1 MiB a second is forgiven).",
  ),
  "group.min.session.timeout.ms": int(
    "service",
    1_000,
    100,
    INT_MAX,
    "The shortest session timeout that a member of a consumer group may ask for.",
  ),
  "group.max.session.timeout.ms": int(
    "service",
    1_800_000,
    1_000,
    INT_MAX,
    "The longest session timeout that a member of a consumer group may ask for.",
  ),
  "group.initial.rebalance.delay.ms": int(
    "service",
    0,
    0,
    60_000,
    "How long the first rebalance of an empty group waits for more members. Kafka waits 3 seconds; here a rebalance costs a row.",
  ),
  "group.max.size": int(
    "service",
    1_000,
    1,
    10_000,
    "Members and instances that one consumer group may have.",
  ),
  "offsets.retention.minutes": int(
    "service",
    10_080,
    1,
    10_000_000,
    "Committed offsets of a group are deleted when it has been empty for so long; where it never had members, so long after the commit.",
  ),
  "offset.metadata.max.bytes": int(
    "service",
    4_096,
    0,
    65_536,
    "The longest metadata of one committed offset, in bytes of UTF-8.",
  ),
  "kafka.advertised.host": text(
    "service",
    "localhost",
    "The host that clients of Kafka's wire protocol are told to connect to: one at which the service is reached. With npm start its default is HOST, unless that stands for all addresses.",
  ),
  "kafka.advertised.port": int(
    "service",
    9_092,
    1,
    65_535,
    "The port that they are told for broker 1; broker n has the port n - 1 above it.",
  ),
  "kafka.listeners": int(
    "service",
    3,
    1,
    100,
    "How many ports there are from kafka.advertised.port on. Brokers beyond share them in turn, and clients are told of one for each port: any port serves any request.",
  ),
  "connections.max.idle.ms": int(
    "service",
    600_000,
    1_000,
    86_400_000,
    "How long a connection of Kafka's wire protocol is kept on which nothing is asked, in milliseconds.",
  ),
  "cors.allow.origins": text(
    "service",
    "",
    "Origins that browsers may call from, comma-separated; * for any; empty for none.",
  ),
} as const satisfies Record<string, Setting<boolean> | Setting<number> | Setting<string>>;

export type ConfigName = keyof typeof CONFIG;

/** Every setting as it holds for one topic (or, without a topic, for the service), typed. */
export type EffectiveConfig = { readonly [N in ConfigName]: (typeof CONFIG)[N]["fallback"] };

export const CONFIG_NAMES = Object.keys(CONFIG) as ConfigName[];
export const TOPIC_CONFIG_NAMES = CONFIG_NAMES.filter((name) => isTopicConfig(name));

export function isConfigName(name: string): name is ConfigName {
  return Object.hasOwn(CONFIG, name);
}

/** Whether a topic may carry this setting of its own. */
export function isTopicConfig(name: string): name is ConfigName {
  return isConfigName(name) && CONFIG[name].scope === "topic";
}

/** `retention.ms` → `RETENTION_MS` */
export function environmentName(name: ConfigName): string {
  return name.replaceAll(".", "_").toUpperCase();
}

export type ParsedConfig =
  | { readonly ok: true; readonly value: boolean | number | string }
  | { readonly ok: false; readonly problem: string };

/** Reads a setting's text; says what is wrong with it, never throws. */
export function parseConfig(name: ConfigName, written: string): ParsedConfig {
  const setting = CONFIG[name] as Setting<boolean | number | string>;
  const problem = (expected: string): ParsedConfig => ({
    ok: false,
    problem: `Invalid value for ${name}: ${expected} expected.`,
  });
  switch (setting.kind) {
    case "boolean": {
      const lower = written.trim().toLowerCase();
      if (lower !== "true" && lower !== "false") return problem("true or false");
      return { ok: true, value: lower === "true" };
    }
    case "integer": {
      const min = setting.min ?? 0;
      const max = setting.max ?? INT_MAX;
      const number = /^\s*-?\d{1,16}\s*$/.test(written) ? Number(written) : Number.NaN;
      if (!(number >= min && number <= max)) return problem(`a whole number of ${min} to ${max}`);
      return { ok: true, value: number };
    }
    case "choice": {
      if (!setting.choices?.includes(written)) {
        return problem(`one of ${setting.choices?.join(", ")}`);
      }
      return { ok: true, value: written };
    }
    case "text":
      return written.length <= 1_024
        ? { ok: true, value: written }
        : problem("at most 1024 characters");
  }
}

/** What a setting is worth when neither the topic nor the environment says anything, as text. */
export function defaultText(name: ConfigName): string {
  return String(CONFIG[name].fallback);
}

/**
 * All settings as they hold: each from the first source that names it, else its default.
 * Sources map names as in the table to text; values that do not parse are passed over, because
 * they were checked where they came in (and a later version may have narrowed a bound).
 */
export function effectiveConfig(
  ...sources: readonly Readonly<Record<string, string>>[]
): EffectiveConfig {
  const config: Record<string, boolean | number | string> = {};
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
