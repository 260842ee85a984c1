/**
 * Decides which segments at the start of a log are due for deletion, by time and by size (Kafka's
 * `cleanup.policy=delete`), and when to decide again. Pure: acts on facts of segments.
 */
import { letsGo, type EffectiveConfig } from "../../../base/config.ts";

/** What retention knows of a segment. */
export interface RetainedSegment {
  readonly lastOffset: number;
  readonly sizeBytes: number;
  /** From when it ages, in ms. */
  readonly maxTimestamp: number;
}

export interface RetentionDecision {
  /** How many segments are due, counted from the oldest. */
  readonly segments: number;
  /** When the oldest of the others will be due by time, in ms; null if none will be. */
  readonly nextDueMs: number | null;
}

/** How long records are kept, in milliseconds; below 0: without end. */
export function retentionMsOf(config: EffectiveConfig): number {
  return letsGo(config) ? config["retention.ms"] : -1;
}

/**
 * From when a segment ages that was completely written by `writtenMs`: from its newest timestamp, but no later than the
 * topic allowed for a record at that time (`message.timestamp.after.max.ms`), so that a timestamp in microseconds does
 * not keep it for ever. Without any timestamp, from when it was written; Kafka takes the file's modification time.
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
 * By time, every segment may be due, the active one included. By size, as in Kafka, a segment is due if the log without
 * it is still as large as `retention.bytes`, and the newest never is.
 *
 * @param segments oldest first, the active one last (if it holds anything)
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
