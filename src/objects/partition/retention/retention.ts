/**
 * Deletes records from the start of a log: at the word of a client (DeleteRecords), and by time and size (retention).
 * Only a leader decides; followers raise their log start with their leader's. Which segments are due is decided in
 * decision.ts; rows are deleted in bounded steps, by the alarm.
 */
import { letsGo } from "../../../base/config.ts";
import { refuse } from "../../../base/errors.ts";
import type { ReplicaCore, Result } from "../core.ts";
import { allSegments, maxTimestampWithin } from "../log/tables.ts";
import type { Role } from "../role.ts";
import { decideRetention, retainedFrom, type RetainedSegment } from "./decision.ts";

/** Looking for due segments more often would cost more than it saves. */
const ENFORCE_PAUSE_MS = 1_000;
const KEPT = "The topic's cleanup.policy does not contain delete: its records are not deleted.";

export class Retention {
  readonly #core: ReplicaCore;
  readonly #role: Role;

  constructor(core: ReplicaCore, role: Role) {
    this.#core = core;
    this.#role = role;
  }

  /** See {@link Replica.deleteRecords}. */
  async deleteRecords(
    before: number,
    timeoutMs: number = this.#core.config["request.timeout.ms"],
  ): Promise<Result<{ readonly ok: true; readonly logStartOffset: number }>> {
    const refusal = this.#role.refusalToLead();
    if (refusal) return refusal;
    if (!letsGo(this.#core.config)) return refuse("POLICY_VIOLATION", KEPT);
    if (before < 0 || before > this.#core.highWatermark) {
      const unknown = await this.#role.refusalOfEnd();
      if (unknown) return unknown;
    }
    const { log, highWatermark } = this.#core;
    const offset = before === -1 ? highWatermark : before;
    // rule: deletion-is-below-the-high-watermark
    if (offset < 0 || offset > highWatermark) {
      return refuse("OFFSET_OUT_OF_RANGE", `The log ends at offset ${highWatermark}.`);
    }
    // As in Kafka, an offset below the log start is no error: those records are deleted already.
    if (offset > log.logStartOffset) this.#raiseStart(offset);
    const { logStartOffset } = log;
    const notHeld = await this.#role.leadership?.startHeld(timeoutMs);
    return notHeld ?? { ok: true, logStartOffset };
  }

  /** Raises the log start above the segments that are due, deletes rows below it, and sets the next alarm. */
  enforce(): void {
    if (!this.#role.leadership) return;
    const { log, config, ports } = this.#core;
    const nowMs = ports.clock.nowMs();
    const segments = this.#segments(nowMs);
    const decision = decideRetention(segments, config, nowMs);
    const newStart = (segments[decision.segments - 1]?.lastOffset ?? -1) + 1;
    // What is not committed yet is not deleted: the high watermark is about to rise.
    if (newStart > this.#core.highWatermark) return this.#core.setAlarm(nowMs + ENFORCE_PAUSE_MS);
    if (newStart > log.logStartOffset) this.#raiseStart(newStart);
    else this.#core.deleteBelowStart();
    if (decision.nextDueMs !== null) {
      this.#core.setAlarm(Math.max(decision.nextDueMs, nowMs + ENFORCE_PAUSE_MS));
    }
  }

  /** The closed segments, oldest first, then the active one if it holds anything. */
  #segments(nowMs: number): readonly RetainedSegment[] {
    const { log, config, ports } = this.#core;
    const closed = allSegments(ports.storage).map((segment) => ({
      lastOffset: segment.last_offset,
      sizeBytes: segment.size_bytes,
      maxTimestamp: retainedFrom(segment.max_timestamp, segment.closed_ms, config),
    }));
    const { baseOffset, position, startedMs } = log.segment;
    const lastOffset = log.endOffset - 1;
    const newest = maxTimestampWithin(ports.storage, baseOffset, lastOffset);
    if (newest === null) return closed;
    const sizeBytes = log.endPosition - position;
    // A timestamp in the future says nothing about the age of the active segment: its records were written before the
    // segment was due to be closed. Without any timestamp, the active segment does not age.
    const isFuture = newest > nowMs + config["message.timestamp.after.max.ms"];
    const maxTimestamp = isFuture
      ? retainedFrom(newest, startedMs + config["segment.ms"], config)
      : newest < 0
        ? nowMs
        : newest;
    return [...closed, { lastOffset, sizeBytes, maxTimestamp }];
  }

  #raiseStart(offset: number): void {
    this.#core.raiseStart(offset);
    this.#role.leadership?.startRaised();
  }
}
