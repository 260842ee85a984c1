/** What a replica tells about itself: to operators, and to the controller before it elects. Reads only. */
import type { Probed } from "../contracts/assignment.ts";
import type { ReplicaDescription } from "../contracts/partition.ts";
import type { ReplicaCore } from "./core.ts";
import type { Appends } from "./leader/appends.ts";
import type { Leadership } from "./leader/leadership.ts";
import { allSegments } from "./log/tables.ts";

/** What the rules know of it; the shell adds what it has counted. */
export type RulesDescription = Omit<
  ReplicaDescription,
  "peerCalls" | "wakeRowsRead" | "rowsRead" | "rowsWritten"
>;

export function describeReplica(
  core: ReplicaCore,
  leadership: Leadership | null,
  appends: Appends,
): RulesDescription {
  const { log, assignment, ports, damage } = core;
  return {
    ok: true,
    ...core.ends(),
    role: leadership ? "leader" : assignment.leader < 0 ? "none" : "follower",
    fenced: core.isFenced,
    storage: damage.isCorrupt ? "corrupt" : damage.wasReset ? "lost" : "sound",
    leaderEpoch: assignment.leaderEpoch,
    partitionEpoch: assignment.partitionEpoch,
    logEndOffset: log.endOffset,
    ...(leadership && { fencingToken: log.fencing.token }),
    followers: leadership?.followers ?? [],
    logBytes: log.sizeBytes,
    segments: allSegments(ports.storage).length + (log.segment.chunks > 0 ? 1 : 0),
    storageBytes: ports.storage.sizeBytes(),
    producers: log.producers.size,
    tails: core.tails.size,
    bytesInFlight: appends.bytesInFlight,
    bytesInFlightPeak: appends.bytesInFlightPeak,
  };
}

export function probeReplica({ assignment, log, highWatermark, damage }: ReplicaCore): Probed {
  return {
    ok: true,
    leaderEpoch: assignment.leaderEpoch,
    partitionEpoch: assignment.partitionEpoch,
    logEndOffset: log.endOffset,
    lastEpoch: log.lastEpoch,
    highWatermark,
    wasReset: damage.wasReset || damage.isCorrupt,
  };
}
