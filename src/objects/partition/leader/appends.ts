/**
 * Appends to the log of a leader: checked, admitted within the bytes that may be in flight, gathered;
 * when no flush is under way, all that has gathered is decided (flush.ts), persisted (log.ts),
 * applied, and answered once it is durable, or with acks=all once the in-sync replicas have it too.
 */
import { refuse, type Refusal } from "../../../base/errors.ts";
import { CHUNK_BYTES_TARGET } from "../../../base/limits.ts";
import { refusalOfThrown, StorageFailure } from "../../../base/storage-failure.ts";
import { splitBatches } from "../../../records/index.ts";
import type { Appended, AppendRefusal, AppendRequest } from "../../contracts/partition.ts";
import type { ReplicaCore } from "../core.ts";
import { checkAppend, planFlush, type AppendOutcome } from "./flush.ts";
import type { Leadership } from "./leadership.ts";
import { retentionMsOf } from "../retention/retention.ts";
import type { GatheredAppend } from "./gathered.ts";

type AppendAnswer = Appended | AppendRefusal;

interface PendingAppend extends GatheredAppend {
  readonly answer: (result: AppendAnswer) => void;
}

export interface AppendsOwner {
  /** The epoch that this replica leads now, or why it does not. */
  leading(): Leadership | Refusal;
  /** A segment was closed, or nothing watches over retention yet. */
  enforceRetention(): void;
}

/** A flush of fewer bytes than this waits a turn for more. */
const LITTLE_GATHERED_BYTES = 8_192;

export class Appends {
  readonly #core: ReplicaCore;
  readonly #owner: AppendsOwner;
  #gathered: PendingAppend[] = [];
  #isFlushing = false;
  #bytesInFlight = 0;
  #bytesInFlightPeak = 0;

  constructor(core: ReplicaCore, owner: AppendsOwner) {
    this.#core = core;
    this.#owner = owner;
  }

  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  get bytesInFlightPeak(): number {
    return this.#bytesInFlightPeak;
  }

  /** See {@link Replica.receive}. */
  async receive(bytes: number, read: () => Promise<AppendRequest>): Promise<AppendAnswer> {
    // An append that alone exceeds the bound would be refused for ever: it may go alone.
    const bound = this.#core.config["queued.max.bytes"];
    if (this.#bytesInFlight > 0 && this.#bytesInFlight + bytes > bound) {
      return refuse("THROTTLING_QUOTA_EXCEEDED");
    }
    this.#bytesInFlight += bytes;
    this.#bytesInFlightPeak = Math.max(this.#bytesInFlightPeak, this.#bytesInFlight);
    try {
      return await this.#gather(await read());
    } finally {
      this.#bytesInFlight -= bytes;
    }
  }

  /** Nothing that waits for a flush will be written. */
  refuseGathered(refusal: Refusal): void {
    for (const append of this.#gathered.splice(0)) append.answer(refusal);
  }

  #gather(request: AppendRequest): AppendAnswer | Promise<AppendAnswer> {
    const leading = this.#owner.leading();
    if ("ok" in leading) return leading;
    const split = splitBatches(request.batches);
    if (!split.ok) return split;
    const append = {
      bytes: request.batches,
      headers: split.batches,
      sparseSequences: request.sparseSequences === true,
      acks: request.acks,
      unlessRepeated: request.unlessRepeated ?? null,
    };
    const refused = checkAppend(append);
    if (refused) return refused;
    return new Promise((answer) => {
      this.#gathered.push({ ...append, answer });
      // Not awaited: every append has an answer of its own.
      if (!this.#isFlushing) void this.#flushAll();
    });
  }

  async #flushAll(): Promise<void> {
    this.#isFlushing = true;
    try {
      while (this.#gathered.length > 0) {
        await this.#flush(this.#takeGathered());
        // One more turn of the event loop where little has arrived yet: a row costs the same
        // whatever it holds, and appends that come at once are delivered one a turn.
        if (this.#isLittleGathered()) await this.#core.ports.storage.sync();
      }
    } catch (error) {
      this.refuseGathered(refusalOfThrown(error));
      this.#core.ports.broken(error);
    } finally {
      this.#isFlushing = false;
    }
  }

  #isLittleGathered(): boolean {
    let bytes = 0;
    for (const append of this.#gathered) bytes += append.bytes.byteLength;
    return bytes > 0 && bytes < LITTLE_GATHERED_BYTES;
  }

  /** What goes into the next flush: about a chunk's target, at least one append. */
  #takeGathered(): PendingAppend[] {
    let bytes = 0;
    let count = 0;
    for (const append of this.#gathered) {
      bytes += append.bytes.byteLength;
      if (count > 0 && bytes > CHUNK_BYTES_TARGET) break;
      count += 1;
    }
    return this.#gathered.splice(0, count);
  }

  async #flush(appends: readonly PendingAppend[]): Promise<void> {
    const leading = this.#owner.leading();
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
      // Who has an answer already keeps it.
      for (const append of appends) append.answer(refusalOfThrown(error));
      throw error;
    }
  }

  /** Decides, persists and applies one flush. Where storage refuses it, nothing was written. */
  #write(appends: readonly PendingAppend[]): readonly AppendOutcome[] {
    const { log, config, assignment, ports } = this.#core;
    const { endOffset, producers } = log;
    const { leaderEpoch } = assignment;
    const nowMs = ports.clock.nowMs();
    const inSync = assignment.inSync.length;
    const plan = planFlush(appends, { endOffset, leaderEpoch, producers, config, nowMs, inSync });
    try {
      if (plan.chunks.length > 0) {
        const segment = log.segment.baseOffset;
        log.write(plan, leaderEpoch, this.#core.highWatermark, nowMs);
        this.#core.written();
        const hasRolled = segment !== log.segment.baseOffset;
        const isUnwatched = this.#core.alarmAtMs === null && retentionMsOf(config) >= 0;
        if (hasRolled || isUnwatched) this.#owner.enforceRetention();
      }
    } catch (error) {
      if (!(error instanceof StorageFailure) || log.endOffset !== endOffset) throw error;
      // What was in the log before this flush is there.
      return plan.outcomes.map((outcome) =>
        outcome.ok && outcome.lastOffset < endOffset ? outcome : refusalOfThrown(error),
      );
    }
    return plan.outcomes;
  }

  /** The write is durable here: answers, or waits for the in-sync replicas. */
  #answer(append: PendingAppend, outcome: AppendOutcome, leading: Leadership): void {
    if (!outcome.ok) return append.answer(outcome);
    const { assignment, highWatermark, config, log } = this.#core;
    const appended = (): Appended => ({
      ...outcome,
      logStartOffset: log.startOffset,
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
    leading.commits.wait(outcome.lastOffset, config["request.timeout.ms"], (refused) =>
      answer(refused ?? appended()),
    );
  }
}
