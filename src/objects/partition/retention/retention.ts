/**
 * Decides what of a log's start is let go, by time and by bytes (Kafka's `cleanup.policy=delete`),
 * and when to look again. Pure: acts on facts of segments.
 */
import { letsGo, type EffectiveConfig } from "../../../base/config.ts";

/** A segment as retention sees it. */
export interface RetainedSegment {
  readonly lastOffset: number;
  readonly sizeBytes: number;
  readonly maxTimestamp: number;
}

export interface RetentionDecision {
  /** Segments to let go, counted from the oldest. */
  readonly segments: number;
  /** When the oldest of the rest will be due by time; null when time lets nothing go. */
  readonly nextDueMs: number | null;
}

/** How long records are kept, in milliseconds; below 0: for good. */
export function retentionMsOf(config: EffectiveConfig): number {
  return letsGo(config) ? config["retention.ms"] : -1;
}

/**
 * From when a segment ages, all of which was written by `writtenMs`: its newest timestamp, but no
 * later than the topic would have let a record be when it was written
 * (`message.timestamp.after.max.ms`), so that one in microseconds does not keep it for ever. Without
 * any timestamp, from when it was written, as in Kafka from when its file last was.
 */
export function retainedFrom(
  maxTimestamp: number,
  writtenMs: number,
  config: EffectiveConfig,
): number {
  if (maxTimestamp < 0) return writtenMs;
  return Math.min(maxTimestamp, writtenMs + config["message.timestamp.after.max.ms"]);
}

/**
 * `segments`: oldest first, the active one last (if it holds anything). The active one may be among
 * those to let go by time: the caller closes it first. By bytes, the newest segment always stays:
 * as in Kafka, only what is over the bound without it may go.
 */
export function decideRetention(
  segments: readonly RetainedSegment[],
  config: EffectiveConfig,
  nowMs: number,
): RetentionDecision {
  const retentionMs = retentionMsOf(config);
  const retentionBytes = letsGo(config) ? config["retention.bytes"] : -1;
  let surplusBytes =
    retentionBytes < 0
      ? -1
      : segments.reduce((bytes, segment) => bytes + segment.sizeBytes, 0) - retentionBytes;
  let gone = 0;
  for (const segment of segments) {
    const isExpired = retentionMs >= 0 && nowMs - segment.maxTimestamp > retentionMs;
    const isSurplus = surplusBytes >= segment.sizeBytes && gone < segments.length - 1;
    if (!isExpired && !isSurplus) break;
    surplusBytes -= segment.sizeBytes;
    gone += 1;
  }
  const oldest = segments[gone];
  const nextDueMs = oldest && retentionMs >= 0 ? oldest.maxTimestamp + retentionMs + 1 : null;
  return { segments: gone, nextDueMs };
}
