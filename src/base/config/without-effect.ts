/**
 * The rest of Kafka's topic settings: accepted, because tools and clients set them, and stored without effect; or only
 * with their default, where another value would promise something that the service does not do.
 */
import { INT_MAX } from "../limits.ts";
import {
  bool,
  choice,
  DAY_MS,
  int,
  INT32_MAX,
  list,
  long,
  NO_COMPACTION,
  NO_EFFECT,
} from "../setting.ts";

/** The largest array of a Java runtime, Kafka's bound for one record. */
const DECOMPRESSED_MAX = 2_147_483_639;

const NO_TIERS = `${NO_EFFECT} there is no tiered storage.`;
const THROTTLED = {
  element: { pattern: /^(?:\*|\d{1,10}:\d{1,10})$/, expected: "partition:broker pairs, or *," },
};

export const TOPIC_SETTINGS_WITHOUT_EFFECT = {
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
} as const;
