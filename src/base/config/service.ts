/** Settings of the service as a whole: topics that are created, replication, and bounds of a partition. */
import { INT_MAX, REPLICATION_FACTOR_MAX, TOPIC_PARTITIONS_MAX } from "../limits.ts";
import { bool, DAY_MS, int, text } from "../setting.ts";

export const SERVICE_SETTINGS = {
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
    "A follower that has not caught up with its leader for this many milliseconds leaves the in-sync set.",
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
    "How long an append with acks=all waits for the in-sync replicas, in milliseconds; after that its outcome is not known.",
  ),
  "queued.max.bytes": int(
    "service",
    8_388_608,
    65_536,
    67_108_864,
    "Bytes that appends to one partition may have in flight; beyond this, an append is answered with 429.",
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
    "Bytes sent to a WebSocket tail without an acknowledgement before it is closed with the offset to resume from (1 MiB a second does not count).",
  ),
} as const;
