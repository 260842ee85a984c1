/**
 * A leader's link to one follower: what the follower is known to hold in this leader epoch, and the one call to it that
 * may be in flight. Pushes what the log has grown by; asks the follower to catch up if it does not match. Knows nothing
 * of in-sync sets: in-sync-set.ts does.
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

/** What a link asks of the leadership that it belongs to, and tells it. */
export interface LinkOwner {
  /** The end of what is durable in the leader's own log. */
  durable(): LogPoint;
  /** The follower holds more, or a reader waits there. */
  acknowledged(): void;
  /** The follower knows of a higher epoch. */
  deposed(assignment: ReplicaAssignment): void;
  /** A call has failed. */
  failed(): void;
  /** The leadership has ended. */
  isOver(): boolean;
}

/** A call that is not answered in time counts as failed. A follower ends catching up earlier than this. */
const PUSH_MS_MAX = 5_000;
const CATCH_UP_CALL_MS_MAX = 20_000;
/**
 * Pauses between attempts to call a follower that fails. The first ones end by a timer, which keeps the object awake;
 * later ones when there is something new to tell it, or by the alarm.
 */
const RETRY_MS_MIN = 100;
const RETRIES_MAX = 6;
const PAUSE_MS = 5_000;
/**
 * A follower whose storage is missing or fails is reported after so many failures in a row: if it is new, the controller
 * tells it soon what it is.
 */
const REPORTED_FAILURES = 2;
const REPORTED: ReadonlySet<ErrorName> = new Set<ErrorName>([
  "UNKNOWN_TOPIC_OR_PARTITION",
  "KAFKA_STORAGE_ERROR",
  "STORAGE_LOST",
]);

const ignore = (): void => {};
/** A call that was lost, or whose answer was: the next attempt begins from what is known. */
const unanswered = (): null => null;

export class FollowerLink {
  replica: ReplicaRef;
  readonly sincePartitionEpoch: number;
  /** Everything below equals the leader's log and is durable at the follower; -1 until it has said so in this epoch. */
  ackedOffset = -1;
  /** The follower's log start is here or above; -1 until it has said so in this epoch. */
  ackedStart = -1;
  /** Since when the follower has lacked something, in ms; null while it has everything. */
  behindSinceMs: number | null = null;
  readonly #core: ReplicaCore;
  readonly #owner: LinkOwner;
  /** Where the follower's log is assumed to end: the next push begins here. */
  #next: LogPoint;
  #matches = true;
  #needsAssignment = false;
  /** Readers wait at the follower for a higher high watermark than it was told. */
  #hasReaders = false;
  #toldHighWatermark = -1;
  #toldStartOffset = -1;
  #isBusy = false;
  #hasEnded = false;
  #failures = 0;
  #cancelRetry: (() => void) | null = null;
  #pausedUntilMs = 0;

  /**
   * @param from where the leader's log ended when its epoch, or this instance, began
   * @param sincePartitionEpoch earlier pulls do not count: the partition epoch in which the follower was found to be out
   *   of sync; 0 if it was in sync
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

  /** Calls the follower if there is anything to tell it. `ask`: also if there is not. */
  drive(ask = false): void {
    if (this.#isBusy || this.#cancelRetry !== null || this.replica.fenced) return;
    if (this.#pausedUntilMs > this.#core.ports.clock.nowMs()) return;
    if (!ask && !this.#hasNews()) return;
    this.#run().catch((error: unknown) => this.#core.ports.broken(error));
  }

  /** As {@link drive}, without waiting for the end of a pause after a failure. */
  retry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#failures = 0;
    this.#pausedUntilMs = 0;
    this.drive(this.ackedOffset < this.#owner.durable().offset);
  }

  /** Ends: whatever the follower still answers is ignored. */
  end(): void {
    this.#hasEnded = true;
    this.#cancelRetry?.();
    this.#cancelRetry = null;
  }

  /** The follower's log ends at `point` and matches: it has pulled from there. */
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
      (this.#toldStartOffset >= 0 && this.#toldStartOffset < log.logStartOffset)
    );
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    do {
      const sentMs = this.#core.ports.clock.nowMs();
      const aim = this.#owner.durable().offset;
      this.behindSinceMs ??= sentMs;
      // What it lacks is not stored here any more: it has to begin anew.
      if (this.#next.offset < this.#core.log.localStartOffset) this.#matches = false;
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
    // What cannot be read is not sent: another replica is about to lead, or the follower waits.
    if (chunks === null) return Promise.resolve(null);
    const { leaderEpoch } = assignment;
    const { logStartOffset } = log;
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
      return this.#core.log.reader
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
    const { logStartOffset } = log;
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

  /** Learns from an answer; false if the call is to be repeated after a pause. */
  #take(answer: ReplicateAnswer | CatchUpAnswer, aim: number, sentMs: number): boolean {
    if (!answer.ok) return this.#refused(answer);
    this.#failures = 0;
    this.#needsAssignment = false;
    if ("waiting" in answer) {
      this.#hasReaders = answer.waiting;
      if (!answer.matches) {
        // Also if it has matched before: it may have lost its storage since.
        this.#matches = false;
        // rule: a-mismatch-takes-acknowledgements-back
        this.ackedOffset = -1;
        this.ackedStart = -1;
        return true;
      }
    }
    const { endOffset } = answer;
    // A follower of an earlier version does not say: it has taken over what it was told, if it holds that much.
    const told = this.#toldStartOffset <= endOffset ? this.#toldStartOffset : -1;
    this.ackedStart = Math.max(this.ackedStart, answer.logStartOffset ?? told);
    const durable = this.#owner.durable();
    const leaderEpoch =
      endOffset === durable.offset ? durable.leaderEpoch : this.#epochBefore(endOffset);
    // If the row there is lost, only a pull can find out where the follower matches.
    this.#matches = leaderEpoch !== null;
    this.#next = { offset: endOffset, leaderEpoch: leaderEpoch ?? -1 };
    this.ackedOffset = Math.max(this.ackedOffset, endOffset);
    if (endOffset >= durable.offset) this.behindSinceMs = null;
    else if (endOffset >= aim) this.behindSinceMs = sentMs;
    this.#owner.acknowledged();
    return true;
  }

  /** The epoch of the record before `offset` in the leader's log; null if its row is lost. */
  #epochBefore(offset: number): number | null {
    try {
      return this.#core.log.reader.epochBefore(offset);
    } catch (error) {
      if (error instanceof CorruptLog) return null;
      throw error;
    }
  }

  /** As {@link #take}. */
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

  /** The object is not a replica (not yet, if the topic is new, or not any more), or its storage fails. */
  #report(): void {
    if (this.#failures < REPORTED_FAILURES) return;
    const { topicId, partition, leaderEpoch } = this.#core.assignment;
    const { brokerId } = this.replica;
    // If the report is lost, the next failure repeats it.
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
