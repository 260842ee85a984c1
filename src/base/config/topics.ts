/** Settings of topics that decide what happens to their records. */
import { CHUNK_BYTES_MAX, INT_MAX } from "../limits.ts";
import { bool, choice, DAY_MS, int, INT32_MAX, list, long } from "../setting.ts";

export const COMPRESSION_TYPES = [
  "producer",
  "uncompressed",
  "gzip",
  "snappy",
  "lz4",
  "zstd",
] as const;
const TIMESTAMP_TYPES = ["CreateTime", "LogAppendTime"] as const;

export const TOPIC_SETTINGS = {
  "cleanup.policy": list(
    ["delete"],
    { choices: ["compact", "delete"] },
    "With delete, old segments are deleted according to retention.ms and retention.bytes; without it nothing is deleted. compact is accepted, and records without a key are refused, but topics are not compacted yet.",
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
    "How often each replica reads and verifies what it has stored, in milliseconds, so that corruption is found before a reader meets it; at most once a minute. Below 0 it never does, and idle partitions have no alarm. Not a setting of Kafka.",
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
} as const;
