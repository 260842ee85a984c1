/**
 * A replica as follower: writes what its leader pushes, and catches up by pulling if its log does not match. Acknowledges
 * only what is durable and known to equal the leader's log; takes over the leader's high watermark and log start only as
 * far as the logs match (KAFKA-14704).
 */
import { within } from "../../../base/deadline.ts";
import { assert, refuse, type Refusal } from "../../../base/errors.ts";
import { PULL_BYTES_MAX } from "../../../base/limits.ts";
import type { ReplicaCore } from "../core.ts";
import type {
  CatchUpAnswer,
  CatchUpRequest,
  Deposed,
  FencingRow,
  LeaderState,
  LogPoint,
  PullAnswer,
  ReplicatedChunk,
  ReplicateAnswer,
  ReplicateRequest,
} from "../../contracts/replication.ts";
import { isSamePoint } from "../log/epochs.ts";
import type { Beginning } from "../log/starts.ts";
import type { ReplicaAssignment } from "../../contracts/assignment.ts";

/** A call to catch up ends after this, finished or not: the leader calls again. */
const CATCH_UP_MS = 10_000;
/** How long a page of the leader's log is waited for. */
const PULL_MS_MAX = 5_000;

export class Following {
  readonly #core: ReplicaCore;
  readonly #adopt: (assignment: ReplicaAssignment) => void;
  #catchingUp: Promise<CatchUpAnswer> | null = null;
  #refreshing: Promise<void> | null = null;

  /** @param adopt takes up an assignment that came with a message of a leader */
  constructor(core: ReplicaCore, adopt: (assignment: ReplicaAssignment) => void) {
    this.#core = core;
    this.#adopt = adopt;
  }

  /** Errors: see {@link PeerPort.replicate}. */
  async replicate(request: ReplicateRequest): Promise<ReplicateAnswer> {
    const refusal = this.#checkEpoch(request);
    if (refusal) return refusal;
    const corrupt = this.#core.damage.recopyOrRefuse();
    if (corrupt) return corrupt;
    const covered = this.#appendMatching(request);
    const waiting = this.#core.waiters.size > 0;
    // rule: the-high-watermark-is-of-what-matches
    if (covered === null) {
      return { ok: true, matches: false, endOffset: this.#core.log.endOffset, waiting };
    }
    await this.#core.ports.storage.sync();
    const since = this.#checkEpoch(request);
    // rule: epochs-are-compared-after-the-write
    if (since) return since;
    this.#adoptLeaderState(request, covered);
    if (request.chunks.length === 0) this.#caughtUp();
    const { logStartOffset } = this.#core.log;
    const isWaiting = this.#core.waiters.size > 0;
    return { ok: true, matches: true, endOffset: covered, waiting: isWaiting, logStartOffset };
  }

  /** Pulls until it has everything that its leader has, or for some seconds. */
  async catchUp(request: CatchUpRequest): Promise<CatchUpAnswer> {
    const refusal = this.#checkEpoch(request);
    if (refusal) return refusal;
    const corrupt = this.#core.damage.recopyOrRefuse();
    if (corrupt) return corrupt;
    // rule: one-catch-up-at-a-time
    this.#catchingUp ??= this.#pullAll(request.leaderEpoch).finally(() => {
      this.#catchingUp = null;
    });
    const answer = await this.#catchingUp;
    const since = this.#checkEpoch(request);
    if (since || !answer.ok) return since ?? answer;
    return { ...answer, logStartOffset: this.#core.log.logStartOffset };
  }

  /** Asks the leader once for what is new, for a reader at the end of what is known here. Never rejects. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#pullOnce(this.#core.assignment.leaderEpoch)
      // If the leader does not answer, the reader gets what is known here.
      .then(
        () => undefined,
        () => undefined,
      )
      .finally(() => {
        this.#refreshing = null;
      });
    return this.#refreshing;
  }

  /** Compares epochs, and takes up the assignment that comes with a newer one. Null if the caller is the leader. */
  #checkEpoch(
    request: Pick<CatchUpRequest, "leaderEpoch" | "assignment">,
  ): Deposed | Refusal | null {
    const refusal = this.#core.refusalToServe();
    if (refusal) return refusal;
    if (request.leaderEpoch > this.#core.assignment.leaderEpoch) {
      if (!request.assignment) return refuse("UNKNOWN_LEADER_EPOCH");
      this.#adopt(request.assignment);
    }
    const { assignment } = this.#core;
    // rule: leaders-of-lower-epochs-are-refused
    if (request.leaderEpoch === assignment.leaderEpoch) return this.#core.refusalToServe();
    return request.leaderEpoch < assignment.leaderEpoch
      ? { ...refuse("FENCED_LEADER_EPOCH"), error: "FENCED_LEADER_EPOCH", assignment }
      : refuse("UNKNOWN_LEADER_EPOCH");
  }

  /**
   * Writes the chunks of a push that are new. Returns the offset up to which the log is now known to equal the leader's;
   * null if it does not match, and nothing was written.
   */
  #appendMatching({ previous, chunks, leaderEpoch }: ReplicateRequest): number | null {
    const { log } = this.#core;
    if (!this.#holds(previous)) return null;
    // A push without chunks tells where the leader's log ends: records of earlier epochs beyond that are not the
    // leader's. Records of its own epoch can only be newer than the push.
    if (chunks.length === 0) {
      if (log.endOffset > previous.offset && log.lastEpoch < leaderEpoch) {
        this.#truncate(previous.offset);
      }
      return previous.offset;
    }
    let matching = previous;
    let known = 0;
    for (const { facts } of chunks) {
      const end = { offset: facts.last_offset + 1, leaderEpoch: facts.leader_epoch };
      if (facts.base_offset >= log.endOffset || !this.#holds(end)) break;
      matching = end;
      known += 1;
    }
    const next = chunks[known];
    if (!next) return matching.offset;
    // Where neither log holds anything below there is no epoch to compare: a log that has begun anew elsewhere is at
    // another byte position. Otherwise positions are not compared, since compaction may have left fewer bytes here.
    const isBeginning = matching.leaderEpoch < 0;
    if (isBeginning && log.reader.positionAt(matching.offset) !== next.facts.position) return null;
    if (matching.offset < log.endOffset) {
      // No offset is written twice in the leader's own epoch: its records cannot differ.
      if (log.lastEpoch >= leaderEpoch) return null;
      this.#truncate(matching.offset);
    }
    this.#append(chunks.slice(known), log.endOffset);
    return log.endOffset;
  }

  /**
   * Whether a chunk of this epoch ends at this offset in the follower's log: then, by log matching, everything before is
   * the same. Epoch -1: neither log holds anything below.
   */
  #holds(point: LogPoint): boolean {
    const { log } = this.#core;
    const { offset, leaderEpoch } = point;
    const end = log.point();
    if (offset > end.offset || offset < log.localStartOffset) return false;
    if (log.reader.positionAt(offset) === null) return false;
    const before = offset === end.offset ? end.leaderEpoch : log.reader.epochBefore(offset);
    return before === leaderEpoch;
  }

  #beginWith(row: FencingRow): void {
    const { log, ports } = this.#core;
    ports.storage.transaction(() => log.fencing.beginWith(row));
  }

  #append(chunks: readonly ReplicatedChunk[], highWatermark: number): void {
    this.#core.log.appendCopies(chunks, Math.min(this.#core.highWatermark, highWatermark));
    this.#core.written();
  }

  /** Never below the high watermark, unless an unclean election since has given up the records there. */
  #truncate(offset: number): void {
    const { log, highWatermark, assignment } = this.#core;
    assert(
      offset >= highWatermark || log.lastEpoch < (assignment.uncleanEpoch ?? -1),
      "committed records are not truncated",
    );
    log.truncate(offset, () => this.#core.persist());
    this.#core.truncated();
  }

  /** Takes over the leader's log start and high watermark, as far as the logs match. */
  #adoptLeaderState(leader: LeaderState, matched: number): void {
    // rule: the-log-start-is-within-what-matches
    const isMatched = leader.logStartOffset <= matched;
    if (isMatched && leader.logStartOffset > this.#core.log.logStartOffset) {
      this.#core.raiseStart(leader.logStartOffset);
    }
    this.#core.advance(Math.min(leader.highWatermark, matched));
  }

  async #pullAll(leaderEpoch: number): Promise<CatchUpAnswer> {
    const { clock } = this.#core.ports;
    const untilMs = clock.nowMs() + CATCH_UP_MS;
    while (clock.nowMs() < untilMs) {
      const answer = await this.#pullOnce(leaderEpoch);
      if (answer !== null) return answer;
    }
    return refuse("REQUEST_TIMED_OUT");
  }

  /** Pulls one page; null if there may be more. */
  async #pullOnce(leaderEpoch: number): Promise<CatchUpAnswer | null> {
    const { ports, log } = this.#core;
    const from = log.point();
    const position = log.endPosition;
    // The pull acknowledges everything below.
    await ports.storage.sync();
    const { assignment } = this.#core;
    const { brokerId, partitionEpoch, generation } = assignment;
    const leader = this.#core.peer(assignment.leader);
    const refusal = this.#core.refusalToServe();
    if (refusal) return refusal;
    if (assignment.leaderEpoch !== leaderEpoch || !leader || leader.brokerId === brokerId) {
      return refuse("UNKNOWN_LEADER_EPOCH");
    }
    // A pull acknowledges everything below its offset, which a corrupt log does not hold.
    // rule: a-corrupt-replica-pulls-nothing
    if (this.#core.damage.isCorrupt) return refuse("KAFKA_STORAGE_ERROR");
    if (!isSamePoint(log.point(), from)) return null;
    const maxBytes = PULL_BYTES_MAX;
    const ofFollower = { brokerId, partitionEpoch, generation };
    const request = { ...ofFollower, leaderEpoch, from, position, maxBytes };
    const pull = ports.peers.pull(this.#core.address(leader), request).catch(() => null);
    const answer = await within(ports.timers, PULL_MS_MAX, pull);
    if (this.#core.isPurged || this.#core.assignment.leaderEpoch !== leaderEpoch) {
      return refuse("UNKNOWN_LEADER_EPOCH");
    }
    if (answer === null) return refuse("REQUEST_TIMED_OUT");
    if (!answer.ok) {
      if ("assignment" in answer) this.#adopt(answer.assignment);
      return answer;
    }
    // A push came in between: the answer is for another end of the log.
    if (!isSamePoint(log.point(), from)) return null;
    const isDone = this.#applyPull(answer, from);
    await ports.storage.sync();
    return isDone ? { ok: true, endOffset: from.offset } : null;
  }

  /** Applies one answer of the leader; true if there is nothing more to pull. */
  #applyPull(answer: PullAnswer & { readonly ok: true }, from: LogPoint): boolean {
    const { log } = this.#core;
    switch (answer.kind) {
      case "chunks":
        if (answer.fencing) this.#beginWith(answer.fencing);
        if (answer.chunks.length > 0) this.#append(answer.chunks, answer.highWatermark);
        this.#adoptLeaderState(answer, log.endOffset);
        if (answer.chunks.length === 0) this.#caughtUp();
        return answer.chunks.length === 0;
      case "diverging": {
        const { offset: end, leaderEpoch } = answer.at;
        // Without an epoch in common, the answer is where the leader's log begins.
        const own = leaderEpoch < 0 ? end : log.reader.endOfEpoch(leaderEpoch).offset;
        const offset = Math.max(Math.min(own, end), log.localStartOffset);
        if (offset < from.offset) {
          this.#truncate(offset);
        } else {
          // Nothing is left to truncate, and the leader's log never ended here in this epoch: the follower asks again
          // as one that holds nothing.
          const begin = { offset, position: log.endPosition, producers: [] };
          log.truncateFullyAndStartAt(begin, () => this.#core.persist());
        }
        return false;
      }
      case "reset":
        log.truncateFullyAndStartAt(beginningOf(answer), () => this.#core.persist());
        this.#core.truncated();
        this.#core.deleteBelowStart();
        return false;
    }
  }

  /** The log is complete: if the replica had lost its storage, it counts again from now on. */
  #caughtUp(): void {
    if (!this.#core.damage.wasReset) return;
    this.#core.damage.wasReset = false;
    this.#core.persist();
  }
}

function beginningOf(reset: Extract<PullAnswer, { kind: "reset" }>): Beginning {
  const { begin, producers, fencing } = reset;
  return { ...begin, producers, ...(fencing && { fencing }) };
}
