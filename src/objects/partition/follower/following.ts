/**
 * A replica as follower: takes what its leader pushes, and catches up by pulling where it does not
 * match. Acknowledges only what is durable and known to equal the leader's log; takes over the
 * leader's high watermark and log start only for what matches (KAFKA-14704).
 */
import { within } from "../../../base/deadline.ts";
import { assert, refuse, type Refusal } from "../../../base/errors.ts";
import { PULL_BYTES_MAX } from "../../../base/limits.ts";
import type { ReplicaCore } from "../core.ts";
import type {
  CatchUpAnswer,
  CatchUpRequest,
  Deposed,
  LeaderState,
  LogPoint,
  PullAnswer,
  ReplicatedChunk,
  ReplicateAnswer,
  ReplicateRequest,
} from "../../contracts/replication.ts";
import { isSamePoint } from "../log/epochs.ts";
import type { ReplicaAssignment } from "../../contracts/assignment.ts";

/** One call to catch up ends after this, wherever it is: the leader calls again. */
const CATCH_UP_MS = 10_000;
/** A page that has not come by then is not waited for. */
const PULL_MS_MAX = 5_000;

export class Following {
  readonly #core: ReplicaCore;
  readonly #adopt: (assignment: ReplicaAssignment) => void;
  #catchingUp: Promise<CatchUpAnswer> | null = null;
  #refreshing: Promise<void> | null = null;

  constructor(core: ReplicaCore, adopt: (assignment: ReplicaAssignment) => void) {
    this.#core = core;
    this.#adopt = adopt;
  }

  async replicate(request: ReplicateRequest): Promise<ReplicateAnswer> {
    const refusal = this.#meet(request);
    if (refusal) return refusal;
    const corrupt = this.#core.makeUpForCorruption();
    if (corrupt) return corrupt;
    const covered = this.#take(request);
    const waiting = this.#core.waiters.size > 0;
    // rule: the-high-watermark-is-of-what-matches
    if (covered === null) {
      return { ok: true, matches: false, endOffset: this.#core.log.endOffset, waiting };
    }
    await this.#core.ports.storage.sync();
    const since = this.#meet(request);
    // rule: epochs-are-compared-after-the-write
    if (since) return since;
    this.#follow(request, covered);
    if (request.chunks.length === 0) this.#copied();
    const logStartOffset = this.#core.log.startOffset;
    const isWaiting = this.#core.waiters.size > 0;
    return { ok: true, matches: true, endOffset: covered, waiting: isWaiting, logStartOffset };
  }

  /** Pulls until it has what its leader has, or for some seconds. */
  async catchUp(request: CatchUpRequest): Promise<CatchUpAnswer> {
    const refusal = this.#meet(request);
    if (refusal) return refusal;
    const corrupt = this.#core.makeUpForCorruption();
    if (corrupt) return corrupt;
    // rule: one-catch-up-at-a-time
    this.#catchingUp ??= this.#pullAll(request.leaderEpoch).finally(() => {
      this.#catchingUp = null;
    });
    const answer = await this.#catchingUp;
    const since = this.#meet(request);
    if (since || !answer.ok) return since ?? answer;
    return { ...answer, logStartOffset: this.#core.log.startOffset };
  }

  /** Asks the leader once for what is new: a reader is at the end of what is known here. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#pullOnce(this.#core.assignment.leaderEpoch)
      // A leader that does not answer: what is known here is what there is.
      .then(
        () => undefined,
        () => undefined,
      )
      .finally(() => {
        this.#refreshing = null;
      });
    return this.#refreshing;
  }

  /** Compares epochs; takes up the assignment that comes with a newer one. Null: the caller leads. */
  #meet(request: Pick<CatchUpRequest, "leaderEpoch" | "assignment">): Deposed | Refusal | null {
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
   * Writes what of the message is new. Answers the offset up to which the log is now known to equal
   * the leader's; null where it does not match, and nothing was written.
   */
  #take({ previous, chunks, leaderEpoch }: ReplicateRequest): number | null {
    const { log } = this.#core;
    if (!this.#holds(previous)) return null;
    // A message without chunks tells where the leader's log ends: what older epochs left behind that
    // is not the leader's. Its own epoch's records can only be newer than the message.
    if (chunks.length === 0) {
      if (log.endOffset > previous.offset && log.lastEpoch < leaderEpoch) {
        this.#truncate(previous.offset);
      }
      return previous.offset;
    }
    let covered = previous.offset;
    let fresh = 0;
    for (const { facts } of chunks) {
      const end = { offset: facts.last_offset + 1, leaderEpoch: facts.leader_epoch };
      if (facts.base_offset >= log.endOffset || !this.#holds(end)) break;
      covered = end.offset;
      fresh += 1;
    }
    const next = chunks[fresh];
    if (!next) return covered;
    // A log that began anew elsewhere has other bytes before the same offset.
    if (log.positionAt(covered) !== next.facts.position) return null;
    if (covered < log.endOffset) {
      // The leader's own epoch is written once: records of it that differ cannot be.
      if (log.lastEpoch >= leaderEpoch) return null;
      this.#truncate(covered);
    }
    this.#append(chunks.slice(fresh), log.endOffset);
    return log.endOffset;
  }

  /**
   * Whether a chunk of this epoch ends at this offset here: by log matching, all before it is the
   * same. -1: nothing is held below, there and here.
   */
  #holds(point: LogPoint): boolean {
    const { log } = this.#core;
    const { offset, leaderEpoch } = point;
    const end = log.point();
    if (offset > end.offset || offset < log.startOffset) return false;
    if (log.positionAt(offset) === null) return false;
    const before = offset === end.offset ? end.leaderEpoch : log.epochBefore(offset);
    return before === leaderEpoch;
  }

  #append(chunks: readonly ReplicatedChunk[], highWatermark: number): void {
    this.#core.log.appendCopies(chunks, Math.min(this.#core.highWatermark, highWatermark));
    this.#core.written();
  }

  /** Never below the high watermark, but where an unclean election since has given up what is above. */
  #truncate(offset: number): void {
    const { log, highWatermark, assignment } = this.#core;
    assert(
      offset >= highWatermark || log.lastEpoch < (assignment.uncleanEpoch ?? -1),
      "committed records are not truncated",
    );
    log.truncate(offset, () => this.#core.persist());
    this.#core.retreated();
  }

  /** Takes over what the leader says of the part that matches. */
  #follow(leader: LeaderState, matched: number): void {
    // rule: the-log-start-is-within-what-matches
    const isMatched = leader.logStartOffset <= matched;
    if (isMatched && leader.logStartOffset > this.#core.log.startOffset) {
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

  /** One page; null when there may be more. */
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
    // A pull acknowledges all that is below, and that is not what is here.
    // rule: a-corrupt-replica-pulls-nothing
    if (this.#core.isCorrupt) return refuse("KAFKA_STORAGE_ERROR");
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
    // A push came in between: what was answered is for another end.
    if (!isSamePoint(log.point(), from)) return null;
    const isDone = this.#page(answer, from);
    await ports.storage.sync();
    return isDone ? { ok: true, endOffset: from.offset } : null;
  }

  /** Takes up one answer of the leader; true when there is nothing more to be had. */
  #page(answer: PullAnswer & { readonly ok: true }, from: LogPoint): boolean {
    const { log } = this.#core;
    switch (answer.kind) {
      case "chunks":
        if (answer.chunks.length > 0) this.#append(answer.chunks, answer.highWatermark);
        this.#follow(answer, log.endOffset);
        if (answer.chunks.length === 0) this.#copied();
        return answer.chunks.length === 0;
      case "diverging": {
        const { offset: end, leaderEpoch } = answer.at;
        // Without an epoch in common, the leader's is where its log begins.
        const own = leaderEpoch < 0 ? end : log.endOfEpoch(leaderEpoch).offset;
        const offset = Math.max(Math.min(own, end), log.startOffset);
        if (offset < from.offset) this.#truncate(offset);
        // Nothing is left to truncate, and the log ends where the leader's never was: it has to ask
        // as one that holds nothing.
        else
          log.begin({ offset, position: log.endPosition, producers: [] }, () =>
            this.#core.persist(),
          );
        return false;
      }
      case "reset":
        log.begin({ ...answer.begin, producers: answer.producers }, () => this.#core.persist());
        this.#core.retreated();
        if (log.deleteBelowStart()) this.#core.setAlarm(this.#core.ports.clock.nowMs() + 1);
        return false;
    }
  }

  /** Everything is here: a storage that was lost is made up for. */
  #copied(): void {
    if (!this.#core.wasReset) return;
    this.#core.wasReset = false;
    this.#core.persist();
  }
}
