/**
 * A leader's answer to a follower's pull: the next chunks where the follower's log is a prefix of
 * its own, else where the two diverge, by leader epoch (KIP-101, KIP-279, KIP-595).
 */
import { refuse } from "../../base/errors.ts";
import { PULL_BYTES_MAX } from "../../base/limits.ts";
import type { ReplicaCore } from "./core.ts";
import type { Leadership } from "./leadership.ts";
import type { Log } from "./log.ts";
import { isSamePoint } from "./epochs.ts";
import type { LogPoint, PullAnswer, PullRequest } from "./peers.ts";

export function answerPull(
  core: ReplicaCore,
  leadership: Leadership | null,
  { brokerId, leaderEpoch, from, maxBytes }: PullRequest,
): PullAnswer {
  const { assignment, log, highWatermark } = core;
  if (leaderEpoch > assignment.leaderEpoch) return refuse("UNKNOWN_LEADER_EPOCH");
  if (leaderEpoch < assignment.leaderEpoch) {
    return { ...refuse("FENCED_LEADER_EPOCH"), error: "FENCED_LEADER_EPOCH", assignment };
  }
  if (!leadership) return refuse("NOT_LEADER_OR_FOLLOWER");
  if (!isSamePoint(from, log.point())) {
    const answer = from.leaderEpoch < 0 ? beginAnew(log, from) : compareEpochs(log, from);
    if (answer) return answer;
  }
  leadership.pulled(brokerId, from);
  const durable = leadership.durable().offset;
  const chunks = log
    .copyChunks(from.offset, Math.min(maxBytes, PULL_BYTES_MAX))
    .filter(({ facts }) => facts.last_offset < durable);
  const logStartOffset = log.startOffset;
  return { ok: true, kind: "chunks", chunks, leaderEpoch, highWatermark, logStartOffset };
}

/** Who holds nothing can only differ in where it goes on: at a chunk of this log, or it begins where this log does. */
function beginAnew(log: Log, from: LogPoint): PullAnswer | null {
  const isHeld = from.offset >= log.beginOffset && from.offset <= log.endOffset;
  return isHeld && log.isBoundary(from.offset) ? null : resetTo(log);
}

function compareEpochs(log: Log, from: LogPoint): PullAnswer | null {
  // Nothing is held here to compare with: what ends there may hold anything.
  if (from.offset <= log.beginOffset) return resetTo(log);
  const at = log.endOfEpoch(from.leaderEpoch);
  const isPrefix = at.leaderEpoch === from.leaderEpoch && at.offset >= from.offset;
  return isPrefix ? null : { ok: true, kind: "diverging", at };
}

function resetTo(log: Log): PullAnswer {
  const { producers, ...begin } = log.beginning();
  return { ok: true, kind: "reset", begin, producers };
}
