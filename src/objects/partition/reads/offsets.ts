/**
 * Answers where something is in a log: its ends, the record at a time, the end of a leader epoch. Only a leader does.
 */
import type { EpochEnd, ListedOffset, OffsetSpec } from "../../contracts/partition.ts";
import type { ReplicaCore, Result } from "../core.ts";
import { offsetAtTime, offsetOfMaxTimestamp } from "../log/timestamps.ts";
import type { Role } from "../role.ts";

export class Offsets {
  readonly #core: ReplicaCore;
  readonly #role: Role;

  constructor(core: ReplicaCore, role: Role) {
    this.#core = core;
    this.#role = role;
  }

  /** See {@link Replica.listOffset}. */
  async list(spec: OffsetSpec): Promise<Result<ListedOffset>> {
    const refusal = this.#role.refusalToLead();
    if (refusal) return refusal;
    const isOfEnd = spec.at === "latest" || spec.at === "max-timestamp";
    if (!isOfEnd) {
      // A committed record stays the first at or after its time: it can be told before the end is known.
      const listed = this.#listed(spec);
      if (spec.at === "earliest" || listed.offset >= 0) return listed;
    }
    return (await this.#role.refusalOfEnd()) ?? this.#listed(spec);
  }

  /** See {@link Replica.endOfEpoch}. */
  endOfEpoch(leaderEpoch: number): Result<EpochEnd> {
    const refusal = this.#role.refusalToLead();
    if (refusal) return refusal;
    const { log, assignment } = this.#core;
    if (leaderEpoch < 0 || leaderEpoch > assignment.leaderEpoch) {
      return { ok: true, leaderEpoch: -1, endOffset: -1 };
    }
    if (leaderEpoch === assignment.leaderEpoch) {
      return { ok: true, leaderEpoch, endOffset: log.endOffset };
    }
    const end = log.reader.endOfEpoch(leaderEpoch);
    // The readers of an epoch that ended before everything that the log holds begin where the log does.
    return {
      ok: true,
      leaderEpoch: end.leaderEpoch < 0 ? leaderEpoch : end.leaderEpoch,
      endOffset: Math.max(end.offset, log.logStartOffset),
    };
  }

  #listed(spec: OffsetSpec): ListedOffset {
    const { log, ports, assignment, highWatermark } = this.#core;
    const { leaderEpoch } = assignment;
    switch (spec.at) {
      case "earliest":
        return { ok: true, offset: log.logStartOffset, timestampMs: -1, leaderEpoch };
      case "latest": {
        const { logStartOffset, lastStableOffset } = this.#core.ends();
        const offset = spec.isolation === "read_committed" ? lastStableOffset : highWatermark;
        return { ok: true, offset, timestampMs: -1, leaderEpoch, logStartOffset };
      }
      case "timestamp":
      case "max-timestamp": {
        const found =
          spec.at === "timestamp"
            ? offsetAtTime(ports.storage, log, spec.timestampMs, highWatermark)
            : offsetOfMaxTimestamp(ports.storage, log, highWatermark);
        return { ok: true, ...(found ?? { offset: -1, timestampMs: -1, leaderEpoch }) };
      }
    }
  }
}
