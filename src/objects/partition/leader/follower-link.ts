/**
 * A leader's side of one follower: what the follower is known to hold in this leader epoch, and the
 * one call to it that may be under way. Pushes what the log has gathered since; sends the follower to
 * catch up where it does not match. Knows nothing of in-sync sets: leadership.ts does.
 */
import { within } from "../../../base/deadline.ts";
import { PUSH_BYTES_MAX } from "../../../base/limits.ts";
import type { ErrorName, Refusal } from "../../../base/errors.ts";
import type { ReplicaCore } from "../core.ts";
import { CorruptLog } from "../log/integrity.ts";
import type {
  CatchUpAnswer,
  LogPoint,
  ReplicateAnswer,
  ReplicateRequest,
} from "../../contracts/replication.ts";
import type { ReplicaAssignment, ReplicaRef } from "../../contracts/assignment.ts";

/** What a link tells and asks of the leadership it belongs to. */
export interface LinkOwner {
  /** End of the leader's own durable log. */
  durable(): LogPoint;
  /** The follower holds more, or a reader waits there. */
  acknowledged(): void;
  /** A higher epoch exists. */
  deposed(assignment: ReplicaAssignment): void;
  failed(): void;
  isOver(): boolean;
}

/** A call that has not answered by then is given up on; a follower catches up for less. */
const PUSH_MS_MAX = 5_000;
const CATCH_UP_CALL_MS_MAX = 20_000;
/**
 * Pauses between tries of a follower that fails: the first ones end by a timer, which keeps the object
 * awake; later ones with the next thing that there is to say, or by the alarm.
 */
const RETRY_MS_MIN = 100;
const RETRIES_MAX = 6;
const PAUSE_MS = 5_000;
/** A follower without storage, or with one that fails, is reported after so many failures in a row: a new one is told soon. */
const REPORTED_FAILURES = 2;
const REPORTED: ReadonlySet<ErrorName> = new Set<ErrorName>([
  "UNKNOWN_TOPIC_OR_PARTITION",
  "KAFKA_STORAGE_ERROR",
  "STORAGE_LOST",
]);

const ignore = (): void => {};
/** A call that did not arrive, or whose answer did not: the next try begins from what is known. */
const unanswered = (): null => null;

export class FollowerLink {
  replica: ReplicaRef;
  readonly sincePartitionEpoch: number;
  /** Everything below equals the leader's log and is durable there; -1 while it has not said so in this epoch. */
  ackedOffset = -1;
  /** Where the follower's log begins at the least; -1 likewise. */
  ackedStart = -1;
  /** Since when it has not had everything; null while it has. */
  behindSinceMs: number | null = null;
  readonly #core: ReplicaCore;
  readonly #owner: LinkOwner;
  /** Where the follower's log is taken to end: pushes go on from here. */
  #next: LogPoint;
  #matches = true;
  #needsAssignment = false;
  /** Readers wait at the follower for a high watermark above the one it was told. */
  #hasReaders = false;
  #toldHighWatermark = -1;
  #toldStartOffset = -1;
  #isBusy = false;
  #hasEnded = false;
  #failures = 0;
  #cancelRetry: (() => void) | null = null;
  #pausedUntilMs = 0;

  /**
   * @param from where the leader's log ended when its epoch (or this instance) began
   * @param sincePartitionEpoch where the follower was not in sync from the link's beginning on: since when
   */
  constructor(
    core: ReplicaCore,
    owner: LinkOwner,
    replica: ReplicaRef,
    from: LogPoint,
    sincePartitionEpoch: number,
  ) {
    this.#core = core;
    this.#owner = owner;
    this.replica = replica;
    this.sincePartitionEpoch = sincePartitionEpoch;
    // rule: acknowledgements-are-of-this-epoch
    this.#next = from;
  }

  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /** Calls the follower if there is anything to say. `ask`: even when there is not. */
  drive(ask = false): void {
    if (this.#isBusy || this.#cancelRetry !== null || this.replica.fenced) return;
    if (this.#pausedUntilMs > this.#core.ports.clock.nowMs()) return;
    if (!ask && !this.#hasNews()) return;
    this.#run().catch((error: unknown) => this.#core.ports.broken(error));
  }

  /** As {@link drive}, now: without waiting for the pause after a failure to be over. */
  retry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#failures = 0;
    this.#pausedUntilMs = 0;
    this.drive(this.ackedOffset < this.#owner.durable().offset);
  }

  end(): void {
    this.#hasEnded = true;
    this.#cancelRetry?.();
    this.#cancelRetry = null;
  }

  /** The follower's log ends at `point` and matches: learned from a pull of its own. */
  matchesUpTo(point: LogPoint): void {
    if (point.offset <= this.ackedOffset) return;
    this.ackedOffset = point.offset;
    if (!this.#isBusy) this.#next = point;
    if (point.offset >= this.#owner.durable().offset) this.behindSinceMs = null;
    this.#owner.acknowledged();
  }

  #hasNews(): boolean {
    if (this.#owner.isOver() || this.replica.fenced) return false;
    if (this.ackedOffset < this.#owner.durable().offset) return true;
    const { highWatermark, log } = this.#core;
    return (
      (this.#hasReaders && this.#toldHighWatermark < highWatermark) ||
      (this.#toldStartOffset >= 0 && this.#toldStartOffset < log.startOffset)
    );
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    do {
      const sentMs = this.#core.ports.clock.nowMs();
      const aim = this.#owner.durable().offset;
      this.behindSinceMs ??= sentMs;
      // What it lacks is not held here any more: it has to begin anew.
      if (this.#next.offset < this.#core.log.startOffset) this.#matches = false;
      const { timers } = this.#core.ports;
      const answer = this.#matches
        ? await within(timers, PUSH_MS_MAX, this.#push().catch(unanswered))
        : await within(timers, CATCH_UP_CALL_MS_MAX, this.#sendToCatchUp().catch(unanswered));
      if (this.#hasEnded) return;
      if (answer === null || !this.#take(answer, aim, sentMs)) {
        this.#isBusy = false;
        return this.#fail();
      }
    } while (this.#hasNews());
    this.#isBusy = false;
  }

  #push(): Promise<ReplicateAnswer | null> {
    const { log, highWatermark, ports, assignment } = this.#core;
    const chunks = this.#chunksToPush();
    // What cannot be read is not sent; others lead then, or the follower waits.
    if (chunks === null) return Promise.resolve(null);
    const { leaderEpoch } = assignment;
    const logStartOffset = log.startOffset;
    const request = { leaderEpoch, highWatermark, logStartOffset, previous: this.#next, chunks };
    this.#tell(highWatermark, logStartOffset);
    return ports.peers.replicate(
      this.#core.address(this.replica),
      this.#needsAssignment ? { ...request, assignment } : request,
    );
  }

  #chunksToPush(): ReplicateRequest["chunks"] | null {
    const durable = this.#owner.durable().offset;
    if (this.#next.offset >= durable) return [];
    try {
      return this.#core.log
        .copyChunks(this.#next.offset, PUSH_BYTES_MAX)
        .filter(({ facts }) => facts.last_offset < durable);
    } catch (error) {
      if (error instanceof CorruptLog) return null;
      throw error;
    }
  }

  #sendToCatchUp(): Promise<CatchUpAnswer> {
    const { log, highWatermark, ports, assignment } = this.#core;
    const { leaderEpoch } = assignment;
    const logStartOffset = log.startOffset;
    const request = { leaderEpoch, highWatermark, logStartOffset };
    this.#tell(highWatermark, logStartOffset);
    return ports.peers.catchUp(
      this.#core.address(this.replica),
      this.#needsAssignment ? { ...request, assignment } : request,
    );
  }

  #tell(highWatermark: number, startOffset: number): void {
    this.#toldHighWatermark = highWatermark;
    this.#toldStartOffset = startOffset;
  }

  /** False where it is to be tried again after a pause. */
  #take(answer: ReplicateAnswer | CatchUpAnswer, aim: number, sentMs: number): boolean {
    if (!answer.ok) return this.#refused(answer);
    this.#failures = 0;
    this.#needsAssignment = false;
    if ("waiting" in answer) {
      this.#hasReaders = answer.waiting;
      if (!answer.matches) {
        // Also where it had matched before: it may have lost its storage.
        this.#matches = false;
        // rule: a-mismatch-takes-acknowledgements-back
        this.ackedOffset = -1;
        this.ackedStart = -1;
        return true;
      }
    }
    const { endOffset } = answer;
    // One that does not say has taken over what it was told, where that lies within what it holds.
    const told = this.#toldStartOffset <= endOffset ? this.#toldStartOffset : -1;
    this.ackedStart = Math.max(this.ackedStart, answer.logStartOffset ?? told);
    const durable = this.#owner.durable();
    const leaderEpoch =
      endOffset === durable.offset ? durable.leaderEpoch : this.#epochBefore(endOffset);
    // Where the row there is lost, the follower goes on by pulling: nothing else says where it matches.
    this.#matches = leaderEpoch !== null;
    this.#next = { offset: endOffset, leaderEpoch: leaderEpoch ?? -1 };
    this.ackedOffset = Math.max(this.ackedOffset, endOffset);
    if (endOffset >= durable.offset) this.behindSinceMs = null;
    else if (endOffset >= aim) this.behindSinceMs = sentMs;
    this.#owner.acknowledged();
    return true;
  }

  /** Of the record before `offset` in the leader's log; null where that is lost. */
  #epochBefore(offset: number): number | null {
    try {
      return this.#core.log.epochBefore(offset);
    } catch (error) {
      if (error instanceof CorruptLog) return null;
      throw error;
    }
  }

  #refused(refusal: Refusal): boolean {
    if (refusal.error === "FENCED_LEADER_EPOCH" && "assignment" in refusal) {
      this.#owner.deposed(refusal.assignment as ReplicaAssignment);
      return false;
    }
    if (refusal.error === "UNKNOWN_LEADER_EPOCH" && !this.#needsAssignment) {
      this.#needsAssignment = true;
      return true;
    }
    if (REPORTED.has(refusal.error)) this.#report();
    return false;
  }

  /** The object has no replica (not yet, where the topic is new, or not any more), or its storage fails it. */
  #report(): void {
    if (this.#failures < REPORTED_FAILURES) return;
    const { topicId, partition, leaderEpoch } = this.#core.assignment;
    const { brokerId } = this.replica;
    // Whether it arrives or not, the next try will show.
    this.#core.ports.controller
      .reportReplica({ topicId, partition, brokerId, leaderEpoch })
      .then(ignore, ignore);
  }

  #fail(): void {
    if (this.#owner.isOver()) return;
    this.#failures += 1;
    const { timers, clock } = this.#core.ports;
    if (this.#failures <= RETRIES_MAX) {
      const delayMs = RETRY_MS_MIN * 2 ** (this.#failures - 1);
      this.#cancelRetry = timers.after(delayMs, () => {
        this.#cancelRetry = null;
        this.drive(true);
      });
    } else {
      this.#pausedUntilMs = clock.nowMs() + PAUSE_MS;
    }
    this.#owner.failed();
  }
}
