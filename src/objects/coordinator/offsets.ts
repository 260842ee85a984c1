/** Committed offsets: what is written, read, deleted, and when they have had their time. */
import type { EffectiveConfig } from "../../base/config.ts";
import type { ErrorName } from "../../base/errors.ts";
import type { CommittedOffset, OffsetToCommit, TopicPartition } from "./api.ts";
import { packByTopic, type Change } from "./changes.ts";
import type { GroupImage } from "./image.ts";

const MINUTE_MS = 60_000;

interface CommitDecision {
  /** In the request's order; null: it is committed. */
  readonly errors: readonly (ErrorName | null)[];
  /** One change, of all that may be committed; none where nothing may. */
  readonly changes: readonly Change[];
}

export function decideCommit(
  offsets: readonly OffsetToCommit[],
  config: EffectiveConfig,
): CommitDecision {
  const bytesMax = config["offset.metadata.max.bytes"];
  const errors = offsets.map(({ metadata }) => (isLonger(metadata, bytesMax) ? TOO_LARGE : null));
  const taken = offsets.filter((_, at) => errors[at] === null);
  if (taken.length === 0) return { errors, changes: [] };
  return { errors, changes: [committed(taken)] };
}

const TOO_LARGE: ErrorName = "OFFSET_METADATA_TOO_LARGE";

/** Whether the text takes more bytes of UTF-8. */
function isLonger(text: string, bytesMax: number): boolean {
  if (text.length * 3 <= bytesMax) return false;
  return text.length > bytesMax || new TextEncoder().encode(text).length > bytesMax;
}

function committed(offsets: readonly OffsetToCommit[]): Change {
  return {
    type: "committed",
    offsets: packByTopic(offsets, ({ partition, offset, leaderEpoch, metadata }) => {
      if (metadata !== "") return [partition, offset, leaderEpoch, metadata] as const;
      return leaderEpoch >= 0
        ? ([partition, offset, leaderEpoch] as const)
        : ([partition, offset] as const);
    }),
  };
}

/** Those asked for, in that order, or all. */
export function fetchCommitted(
  image: GroupImage,
  partitions: readonly TopicPartition[] | null,
): CommittedOffset[] {
  return (partitions ?? image.offsets.keys()).map(({ topic, partition }) => {
    const found = image.offsets.get(topic, partition);
    if (!found)
      return { topic, partition, offset: -1, leaderEpoch: -1, metadata: "", committedMs: -1 };
    const { topicId, ...offset } = found;
    return { topic, partition, ...offset, ...(topicId === "" ? {} : { topicId }) };
  });
}

/** When an offset has had its time: only of a group that has neither members nor instances. */
function expiresMs(image: GroupImage, committedMs: number, config: EffectiveConfig): number {
  const sinceMs = Math.max(image.emptySinceMs ?? committedMs, committedMs);
  return sinceMs + config["offsets.retention.minutes"] * MINUTE_MS;
}

/** When the next offset expires; Infinity while somebody is there. */
export function nextExpiryMs(image: GroupImage, config: EffectiveConfig): number {
  if (image.emptySinceMs === null || image.instances.size > 0) return Number.POSITIVE_INFINITY;
  let nextMs = Number.POSITIVE_INFINITY;
  for (const [, , { committedMs }] of image.offsets.entries()) {
    nextMs = Math.min(nextMs, expiresMs(image, committedMs, config));
  }
  return nextMs;
}

/** What has expired. */
export function decideExpiry(
  image: GroupImage,
  config: EffectiveConfig,
  nowMs: number,
): readonly Change[] {
  // rule: offsets-of-living-groups-stay
  if (image.emptySinceMs === null || image.instances.size > 0) return [];
  const partitions = image.offsets
    .entries()
    .filter(([, , { committedMs }]) => expiresMs(image, committedMs, config) <= nowMs)
    .map(([topic, partition]) => ({ topic, partition }));
  return partitions.length === 0 ? [] : [{ type: "offsets-deleted", partitions }];
}
