/** Settings of single brokers: only what Kafka's tools set around a reassignment, without effect here. */
import { INT_MAX } from "../limits.ts";
import { long, NO_COMPACTION, NO_EFFECT } from "../setting.ts";
import type { Setting } from "../setting.ts";

const throttle: Setting<number> = {
  ...long(
    INT_MAX,
    0,
    `${NO_EFFECT} replication is not throttled. Kafka's tools set it around a reassignment.`,
  ),
  scope: "broker",
};

export const BROKER_SETTINGS = {
  "leader.replication.throttled.rate": throttle,
  "follower.replication.throttled.rate": throttle,
  "replica.alter.log.dirs.io.max.bytes.per.second": throttle,

  "log.cleaner.backoff.ms": { ...long(15_000, 0, NO_COMPACTION), scope: "broker" },
} as const;
