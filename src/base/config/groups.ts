/** Settings of consumer groups and their committed offsets. */
import { INT_MAX, OFFSETS_RETENTION_MS_MAX } from "../limits.ts";
import { int } from "../setting.ts";

export const GROUP_SETTINGS = {
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
    "How long the first rebalance of an empty group waits for more members, so that members that start together need one rebalance. `npm start` sets 0 unless told otherwise.",
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
    "Committed offsets of a group are deleted when it has been empty for this long. Offsets of a group that never had members, and of topics that its members no longer read, are deleted this long after the commit.",
  ),
  "offset.metadata.max.bytes": int(
    "service",
    4_096,
    0,
    65_536,
    "The longest metadata of one committed offset, in bytes of UTF-8.",
  ),
} as const;
