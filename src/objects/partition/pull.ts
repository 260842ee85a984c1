/**
 * A leader's answer to a follower's pull: the next chunks where the follower's log is a prefix of
 * its own, else where the two diverge, by leader epoch (KIP-101, KIP-279, KIP-595).
 */
import { refuse } from "../../base/errors.ts";
import { PULL_BYTES_MAX } from "../../base/limits.ts";
import type { ReplicaCore } from "./core.ts";
import type { Leadership } from "./leadership.ts";
import type { PullAnswer, PullRequest } from "./peers.ts";

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
  const { producers, ...begin } = log.beginning();
  if (from.offset < begin.offset) return { ok: true, kind: "reset", begin, producers };
  // Nothing is held below the beginning: nothing can differ there.
  if (from.offset > begin.offset) {
    const end = log.endOfEpoch(from.leaderEpoch);
    if (end.leaderEpoch !== from.leaderEpoch || end.offset < from.offset) {
      return { ok: true, kind: "diverging", at: end };
    }
  }
  leadership.pulled(brokerId, from);
  const durable = leadership.durable().offset;
  const chunks = log
    .copyChunks(from.offset, Math.min(maxBytes, PULL_BYTES_MAX))
    .filter(({ facts }) => facts.last_offset < durable);
  const logStartOffset = log.startOffset;
  return { ok: true, kind: "chunks", chunks, leaderEpoch, highWatermark, logStartOffset };
}
