/**
 * Appends to the log of a leader. An append is admitted within the bytes that may be in flight, checked, and queued;
 * when no flush is under way, all that is queued becomes one: planned (flush.ts), written (log.ts), and answered once it
 * is durable, or with acks=all once every in-sync replica has it.
 */
import { refuse, type Refusal } from "../../../base/errors.ts";
import { CHUNK_BYTES_TARGET } from "../../../base/limits.ts";
import { refusalOfThrown, StorageFailure } from "../../../base/storage-failure.ts";
import { splitBatches } from "../../../records/index.ts";
import type { Appended, AppendRefusal, AppendRequest } from "../../contracts/partition.ts";
import type { ReplicaCore } from "../core.ts";
import { checkAppend, planFlush, type AppendOutcome } from "./flush.ts";
import { retentionMsOf } from "../retention/decision.ts";
import type { Retention } from "../retention/retention.ts";
import type { Role } from "../role.ts";
import type { Leadership } from "./leadership.ts";
import type { QueuedAppend } from "./queued-append.ts";

type AppendAnswer = Appended | AppendRefusal;

interface PendingAppend extends QueuedAppend {
  readonly answer: (result: AppendAnswer) => void;
}

/** A flush of fewer bytes than this waits one turn of the event loop for more. */
const SMALL_FLUSH_BYTES = 8_192;

export class Appends {
  readonly #core: ReplicaCore;
  readonly #role: Role;
  readonly #retention: Retention;
  #queue: PendingAppend[] = [];
  #isFlushing = false;
  #bytesInFlight = 0;
  #bytesInFlightPeak = 0;

  constructor(core: ReplicaCore, role: Role, retention: Retention) {
    this.#core = core;
    this.#role = role;
    this.#retention = retention;
  }

  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  get bytesInFlightPeak(): number {
    return this.#bytesInFlightPeak;
  }

  /** See {@link Replica.receive}. */
  async receive(bytes: number, read: () => Promise<AppendRequest>): Promise<AppendAnswer> {
    // An append that exceeds the bound by itself is admitted alone: otherwise it would be refused for ever.
    const bound = this.#core.config["queued.max.bytes"];
    if (this.#bytesInFlight > 0 && this.#bytesInFlight + bytes > bound) {
      return refuse("THROTTLING_QUOTA_EXCEEDED");
    }
    this.#bytesInFlight += bytes;
    this.#bytesInFlightPeak = Math.max(this.#bytesInFlightPeak, this.#bytesInFlight);
    try {
      return await this.#enqueue(await read());
    } finally {
      this.#bytesInFlight -= bytes;
    }
  }

  /** Refuses everything that waits for a flush: none of it will be written. */
  refuseQueued(refusal: Refusal): void {
    for (const append of this.#queue.splice(0)) append.answer(refusal);
  }

  #enqueue(request: AppendRequest): AppendAnswer | Promise<AppendAnswer> {
    const leading = this.#role.leading();
    if ("ok" in leading) return leading;
    const split = splitBatches(request.batches);
    if (!split.ok) return split;
    const append = {
      bytes: request.batches,
      headers: split.batches,
      sparseSequences: request.sparseSequences === true,
      acks: request.acks,
      unlessRepeated: request.unlessRepeated ?? null,
      expectedOffset: request.expectedOffset ?? null,
      fencing: request.fencing ?? null,
    };
    const refused = checkAppend(append);
    if (refused) return refused;
    return new Promise((answer) => {
      this.#queue.push({ ...append, answer });
      // Not awaited: each append has an answer of its own.
      if (!this.#isFlushing) void this.#flushAll();
    });
  }

  async #flushAll(): Promise<void> {
    this.#isFlushing = true;
    try {
      while (this.#queue.length > 0) {
        await this.#flush(this.#nextFlush());
        // If little is queued yet, wait one more turn of the event loop: a row costs the same whatever it holds, and
        // concurrent appends are delivered one in each turn.
        if (this.#isLittleQueued()) await this.#core.ports.storage.sync();
      }
    } catch (error) {
      this.refuseQueued(refusalOfThrown(error));
      this.#core.ports.broken(error);
    } finally {
      this.#isFlushing = false;
    }
  }

  #isLittleQueued(): boolean {
    let bytes = 0;
    for (const append of this.#queue) bytes += append.bytes.byteLength;
    return bytes > 0 && bytes < SMALL_FLUSH_BYTES;
  }

  /** Takes the appends of the next flush: at least one, and about as many bytes as a chunk should have. */
  #nextFlush(): PendingAppend[] {
    let bytes = 0;
    let count = 0;
    for (const append of this.#queue) {
      bytes += append.bytes.byteLength;
      if (count > 0 && bytes > CHUNK_BYTES_TARGET) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  async #flush(appends: readonly PendingAppend[]): Promise<void> {
    const leading = this.#role.leading();
    if ("ok" in leading) {
      for (const append of appends) append.answer(leading);
      return;
    }
    try {
      const outcomes = this.#write(appends);
      const written = this.#core.log.point();
      // rule: the-leader-counts-what-is-durable
      await this.#core.ports.storage.sync();
      leading.flushed(written);
      appends.forEach((append, i) => this.#answer(append, outcomes[i]!, leading));
    } catch (error) {
      // An append that was answered already keeps its answer.
      for (const append of appends) append.answer(refusalOfThrown(error));
      throw error;
    }
  }

  /** Plans and writes one flush. If storage refuses it, nothing was written. */
  #write(appends: readonly PendingAppend[]): readonly AppendOutcome[] {
    const { log, config, assignment, ports } = this.#core;
    const { endOffset, producers, fencing } = log;
    const { leaderEpoch } = assignment;
    const nowMs = ports.clock.nowMs();
    const inSync = assignment.inSync.length;
    const context = { endOffset, leaderEpoch, producers, fencing, config, nowMs, inSync };
    const plan = planFlush(appends, context);
    try {
      if (plan.chunks.length > 0) {
        const segment = log.segment.baseOffset;
        log.write(plan, leaderEpoch, this.#core.highWatermark, nowMs);
        this.#core.written();
        const hasRolled = segment !== log.segment.baseOffset;
        const isUnwatched = this.#core.alarmAtMs === null && retentionMsOf(config) >= 0;
        if (hasRolled || isUnwatched) this.#retention.enforce();
      }
    } catch (error) {
      if (!(error instanceof StorageFailure) || log.endOffset !== endOffset) throw error;
      // Repeats of batches that were in the log before this flush are answered as such.
      return plan.outcomes.map((outcome) =>
        outcome.ok && outcome.lastOffset < endOffset ? outcome : refusalOfThrown(error),
      );
    }
    return plan.outcomes;
  }

  /** The write is durable here: answers the append, or has it wait for the in-sync replicas. */
  #answer(append: PendingAppend, outcome: AppendOutcome, leading: Leadership): void {
    if (!outcome.ok) return append.answer(outcome);
    const { assignment, highWatermark, config, log } = this.#core;
    const appended = (): Appended => ({
      ...outcome,
      logStartOffset: log.logStartOffset,
      partitionEpoch: assignment.partitionEpoch,
    });
    const { acks, answer } = append;
    const refusal = this.#core.isPurged
      ? refuse("UNKNOWN_TOPIC_OR_PARTITION")
      : leading.isOver()
        ? refuse("NOT_LEADER_OR_FOLLOWER")
        : null;
    if (refusal) return answer({ ...refusal, written: true });
    // rule: acks-all-waits-for-the-high-watermark
    if (acks !== -1 || outcome.lastOffset < highWatermark) return answer(appended());
    if (assignment.inSync.length < config["min.insync.replicas"]) {
      return answer({ ...refuse("NOT_ENOUGH_REPLICAS_AFTER_APPEND"), written: true });
    }
    leading.delayedAppends.wait(outcome.lastOffset, config["request.timeout.ms"], (refused) =>
      answer(refused ?? appended()),
    );
  }
}
