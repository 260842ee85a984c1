/**
 * The one config table: every setting's name, type, default, validator, scope and text.
 * Topic creation, the alter routes, the objects, the service's environment and
 * `docs/configuration.md` are all derived from it. Of
 * Kafka's topic settings all are there: what has no effect here says so, and a value that would
 * promise what the code does not do is refused with the reason.
 *
 * A *topic* setting may be given per topic; a *service* setting comes from an environment variable
 * (`environmentName(name)`), e.g. `auto.create.topics.enable` from AUTO_CREATE_TOPICS_ENABLE.
 * A topic setting's default may be changed for the whole service in the same way.
 */
import {
  CHUNK_BYTES_MAX,
  INT_MAX,
  OFFSETS_RETENTION_MS_MAX,
  REPLICATION_FACTOR_MAX,
  TOPIC_PARTITIONS_MAX,
} from "./limits.ts";
import { didYouMean } from "./nearest-name.ts";
import { bool, choice, int, list, LONG_MAX, long, parseValue, text } from "./setting.ts";
import type { Setting, Value } from "./setting.ts";

export const COMPRESSION_TYPES = [
  "producer",
  "uncompressed",
  "gzip",
  "snappy",
  "lz4",
  "zstd",
] as const;
const TIMESTAMP_TYPES = ["CreateTime", "LogAppendTime"] as const;

const DAY_MS = 86_400_000;
const INT32_MAX = 2_147_483_647;
/** The largest array of a Java runtime, Kafka's bound for one record. */
const DECOMPRESSED_MAX = 2_147_483_639;

const NO_EFFECT = "It is kept and described and has no effect:";
const NO_COMPACTION = `${NO_EFFECT} topics are not compacted yet.`;
const NO_TIERS = `${NO_EFFECT} there is no tiered storage.`;
const THROTTLED = {
  element: { pattern: /^(?:\*|\d{1,10}:\d{1,10})$/, expected: "partition:broker pairs, or *," },
};

const throttle: Setting<number> = {
  ...long(
    INT_MAX,
    0,
    `${NO_EFFECT} replication is not throttled. Kafka's tools set it around a reassignment.`,
  ),
  scope: "broker",
};

export const CONFIG = {
  // Topics.
  "cleanup.policy": list(
    ["delete"],
    { choices: ["compact", "delete"] },
    "With delete, old segments are let go by retention.ms and retention.bytes; without it nothing is. compact is taken and described, but topics are kept uncompacted until compaction is there; records without a key are refused already.",
    { broker: "log.cleanup.policy" },
  ),
  "retention.ms": long(
    7 * DAY_MS,
    -1,
    "Segments whose newest record is older than this many milliseconds are deleted; -1 keeps them.",
    { broker: "log.retention.ms" },
  ),
  "retention.bytes": long(
    -1,
    -1,
    "The oldest segments of a partition are deleted while the rest holds at least this many bytes; below 0 there is no bound.",
    { broker: "log.retention.bytes" },
  ),
  "segment.bytes": int(
    "topic",
    67_108_864,
    1_024,
    INT32_MAX,
    "A segment that would grow beyond this many bytes is closed: retention acts on whole closed segments.",
    { broker: "log.segment.bytes" },
  ),
  "segment.ms": long(
    7 * DAY_MS,
    1,
    "A segment older than this many milliseconds is closed by the next append.",
    { broker: "log.roll.ms" },
  ),
  "max.message.bytes": int(
    "topic",
    1_048_588,
    0,
    CHUNK_BYTES_MAX,
    "The largest record batch, in bytes as stored. One batch lies in one row, and the platform's rows end below 2 MB.",
    { broker: "message.max.bytes" },
  ),
  "min.insync.replicas": int(
    "topic",
    1,
    1,
    32,
    "An append with acks=all is refused while fewer replicas than this are in sync.",
  ),
  "scrub.interval.ms": long(
    -1,
    -1,
    "What is stored of a partition is read and verified this often, in milliseconds, by each of its replicas, so that corruption is found before a reader meets it; at most once a minute. Below 0 it never is, and idle partitions have no alarm. Not a setting of Kafka.",
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
    { broker: "log.message.timestamp.type" },
  ),
  "message.timestamp.before.max.ms": long(
    INT_MAX,
    0,
    "How many milliseconds a producer's time may lie before the time of the append (with CreateTime): a batch with an older one is refused.",
    { broker: "log.message.timestamp.before.max.ms" },
  ),
  "message.timestamp.after.max.ms": long(
    3_600_000,
    0,
    "How many milliseconds a producer's time may lie after the time of the append (with CreateTime): a batch with a later one is refused.",
    { broker: "log.message.timestamp.after.max.ms" },
  ),
  "compression.gzip.level": choice(
    "topic",
    ["-1", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    "-1",
    `${NO_EFFECT} what is compressed here has the codec's usual level.`,
  ),
  "compression.lz4.level": int(
    "topic",
    9,
    1,
    17,
    `${NO_EFFECT} what is compressed here has the codec's usual level.`,
  ),
  "compression.zstd.level": int(
    "topic",
    3,
    -131_072,
    22,
    `${NO_EFFECT} what is compressed here has the codec's usual level.`,
  ),
  "max.decompressed.message.bytes": int(
    "topic",
    DECOMPRESSED_MAX,
    1,
    DECOMPRESSED_MAX,
    "The largest record once decompressed. There is no bound of single records; batches have one.",
    { only: "single records are not bounded" },
  ),
  "segment.jitter.ms": long(0, 0, `${NO_EFFECT} segments are closed when they are due.`, {
    broker: "log.roll.jitter.ms",
  }),
  "segment.index.bytes": int(
    "topic",
    10_485_760,
    4,
    INT32_MAX,
    `${NO_EFFECT} there are no index files.`,
    {
      broker: "log.index.size.max.bytes",
    },
  ),
  "index.interval.bytes": int(
    "topic",
    4_096,
    0,
    INT32_MAX,
    `${NO_EFFECT} there are no index files.`,
    {
      broker: "log.index.interval.bytes",
    },
  ),
  "flush.messages": long(
    INT_MAX,
    1,
    `${NO_EFFECT} every append is durable before it is answered.`,
    {
      broker: "log.flush.interval.messages",
    },
  ),
  "flush.ms": long(INT_MAX, 0, `${NO_EFFECT} every append is durable before it is answered.`, {
    broker: "log.flush.interval.ms",
  }),
  preallocate: bool("topic", false, `${NO_EFFECT} there are no segment files.`, {
    broker: "log.preallocate",
  }),
  "file.delete.delay.ms": long(60_000, 0, `${NO_EFFECT} there are no segment files.`, {
    broker: "log.segment.delete.delay.ms",
  }),
  "delete.retention.ms": long(DAY_MS, 0, NO_COMPACTION, {
    broker: "log.cleaner.delete.retention.ms",
  }),
  "min.compaction.lag.ms": long(0, 0, NO_COMPACTION, {
    broker: "log.cleaner.min.compaction.lag.ms",
  }),
  "max.compaction.lag.ms": long(INT_MAX, 1, NO_COMPACTION, {
    broker: "log.cleaner.max.compaction.lag.ms",
  }),
  "min.cleanable.dirty.ratio": {
    kind: "double",
    scope: "topic",
    fallback: 0.5,
    min: 0,
    max: 1,
    doc: NO_COMPACTION,
    broker: "log.cleaner.min.cleanable.ratio",
  },
  "leader.replication.throttled.replicas": list(
    [],
    THROTTLED,
    `${NO_EFFECT} replication is not throttled. Kafka's tools set it around a reassignment.`,
  ),
  "follower.replication.throttled.replicas": list(
    [],
    THROTTLED,
    `${NO_EFFECT} replication is not throttled. Kafka's tools set it around a reassignment.`,
  ),
  "remote.storage.enable": bool("topic", false, "Whether segments move to tiered storage.", {
    only: "there is no tiered storage",
  }),
  "local.retention.ms": long(-2, -2, NO_TIERS, { broker: "log.local.retention.ms" }),
  "local.retention.bytes": long(-2, -2, NO_TIERS, { broker: "log.local.retention.bytes" }),
  "remote.log.copy.disable": bool("topic", false, NO_TIERS),
  "remote.copy.lag.ms": long(0, -1, NO_TIERS, { broker: "log.remote.copy.lag.ms" }),
  "remote.copy.lag.bytes": long(-1, -1, NO_TIERS, { broker: "log.remote.copy.lag.bytes" }),
  "remote.log.delete.on.disable": bool("topic", false, NO_TIERS),
  "errors.deadletterqueue.group.enable": bool(
    "topic",
    false,
    "Whether share groups may write here what they could not deliver.",
    { only: "there are no share groups" },
  ),

  // Brokers.
  "leader.replication.throttled.rate": throttle,
  "follower.replication.throttled.rate": throttle,
  "replica.alter.log.dirs.io.max.bytes.per.second": throttle,

  "log.cleaner.backoff.ms": { ...long(15_000, 0, NO_COMPACTION), scope: "broker" },

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
    3_000,
    0,
    60_000,
    "How long the first rebalance of an empty group waits for more members, so that those that start together are shared to once. `npm start` sets 0 where nothing else is said: on one machine nobody is far away.",
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
    OFFSETS_RETENTION_MS_MAX / 60_000,
    "Committed offsets of a group are deleted when it has been empty for so long; where it never had members, and of topics that its members do not read any more, so long after the commit.",
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
} as const satisfies Record<
  string,
  Setting<boolean> | Setting<number> | Setting<string> | Setting<readonly string[]>
>;

export type ConfigName = keyof typeof CONFIG;

/** Every setting as it holds for one topic (or, without a topic, for the service), typed. */
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

/** What Kafka calls the setting that holds for topics that say nothing: `retention.ms` → `log.retention.ms`. */
export function brokerName(name: ConfigName): string {
  return settingOf(name).broker ?? name;
}

/** What is said of a setting that there is not, with the one that was probably meant. */
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

/** Reads a setting's text, and gives it back in its one canonical form; says what is wrong with it, never throws. */
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

/** What a setting is worth when neither the topic nor the environment says anything, as text. */
export function defaultText(name: ConfigName): string {
  const { kind, fallback } = settingOf(name);
  return kind === "long" && fallback === INT_MAX ? String(LONG_MAX) : String(fallback);
}

/** The setting's row, whatever its kind. */
export function settingOf(name: ConfigName): Setting<Value> {
  return CONFIG[name];
}

/** Whether records are let go at all: a policy of compaction alone keeps what is there. */
export function letsGo(config: Pick<EffectiveConfig, "cleanup.policy">): boolean {
  return config["cleanup.policy"].includes("delete");
}

/** A compacted topic takes no record without a key: nothing could ever replace it. */
export function needsKeys(config: Pick<EffectiveConfig, "cleanup.policy">): boolean {
  return config["cleanup.policy"].includes("compact");
}

/**
 * All settings as they hold: each from the first source that names it, else its default.
 * Sources map names as in the table to text; values that do not parse are passed over, because
 * they were checked where they came in (and a later version may have narrowed a bound).
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
