/**
 * A leader's answer to a follower's pull: the next chunks if the follower's log is a prefix of its own, else where the two
 * diverge by leader epoch (KIP-101, KIP-279, KIP-595), or where to begin anew.
 */
import { refuse } from "../../../base/errors.ts";
import { PULL_BYTES_MAX } from "../../../base/limits.ts";
import type { ReplicaCore } from "../core.ts";
import type { Leadership } from "./leadership.ts";
import type { Log } from "../log/log.ts";
import { isSamePoint } from "../log/epochs.ts";
import type { LogPoint, PullAnswer, PullRequest } from "../../contracts/replication.ts";

/** Errors: UNKNOWN_LEADER_EPOCH, FENCED_LEADER_EPOCH (with the newer assignment), NOT_LEADER_OR_FOLLOWER. */
export function answerPull(
  core: ReplicaCore,
  leadership: Leadership | null,
  request: PullRequest,
): PullAnswer {
  const { leaderEpoch, from, position, maxBytes } = request;
  const { assignment, log, highWatermark } = core;
  if (leaderEpoch > assignment.leaderEpoch) return refuse("UNKNOWN_LEADER_EPOCH");
  if (leaderEpoch < assignment.leaderEpoch) {
    return { ...refuse("FENCED_LEADER_EPOCH"), error: "FENCED_LEADER_EPOCH", assignment };
  }
  if (!leadership) return refuse("NOT_LEADER_OR_FOLLOWER");
  const differs =
    from.leaderEpoch < 0 ? compareBeginnings(log, from.offset, position) : compareEpochs(log, from);
  if (differs) return differs;
  leadership.pulled(request);
  const durable = leadership.durable().offset;
  const chunks = log.reader
    .copyChunks(from.offset, Math.min(maxBytes, PULL_BYTES_MAX))
    .filter(({ facts }) => facts.last_offset < durable);
  const { logStartOffset } = log;
  const state = { leaderEpoch, highWatermark, logStartOffset };
  // rule: a-new-beginning-is-told-the-token-again
  const fencing = from.leaderEpoch < 0 && from.offset > 0 ? log.fencing.below(from.offset) : null;
  return { ok: true, kind: "chunks", chunks, ...state, ...(fencing && { fencing }) };
}

/**
 * A follower that holds nothing has no epoch to compare: it continues if it is at a chunk boundary of this log, at the
 * same byte position, and begins where this log begins otherwise.
 */
function compareBeginnings(log: Log, offset: number, position: number): PullAnswer | null {
  const isHeld = offset <= log.endOffset && !isBefore(log, offset);
  return isHeld && log.reader.positionAt(offset) === position ? null : resetTo(log);
}

function compareEpochs(log: Log, from: LogPoint): PullAnswer | null {
  if (isSamePoint(from, log.point())) return null;
  // Nothing is stored here to compare with: a log that ends there may hold anything.
  if (from.offset <= log.localStartOffset && from.offset <= log.reader.firstChunkOffset()) {
    return resetTo(log);
  }
  const at = log.reader.endOfEpoch(from.leaderEpoch);
  // rule: a-prefix-ends-in-an-epoch-of-both
  const isOfBoth = at.leaderEpoch === from.leaderEpoch;
  return isOfBoth && at.offset >= from.offset ? null : { ok: true, kind: "diverging", at };
}

/** Whether an offset is below all that is stored. The first chunk may begin below the local start. */
function isBefore(log: Log, offset: number): boolean {
  return offset < log.localStartOffset && offset < log.reader.firstChunkOffset();
}

/** The follower begins anew where this log begins. */
function resetTo(log: Log): PullAnswer {
  const { producers, fencing, ...begin } = log.beginning();
  // rule: a-new-beginning-has-the-token-in-force
  return { ok: true, kind: "reset", begin, producers, ...(fencing && { fencing }) };
}
