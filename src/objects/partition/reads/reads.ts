/**
 * Answers readers: pages of what is committed, at once or when enough is there (long polls), and tails that stay. A
 * follower answers with what it knows to be committed, and asks its leader first if the reader wants what lies beyond.
 */
import { within } from "../../../base/deadline.ts";
import { refuse, type Refusal } from "../../../base/errors.ts";
import { FETCH_BYTES_MAX, FETCH_WAIT_MS_MAX } from "../../../base/limits.ts";
import { refusalOfThrown } from "../../../base/storage-failure.ts";
import type { Fetched, FetchRequest } from "../../contracts/partition.ts";
import type { ReplicaCore, Result } from "../core.ts";
import type { Following } from "../follower/following.ts";
import { CorruptLog } from "../log/integrity.ts";
import type { Role } from "../role.ts";
import { offsetAfter } from "./page.ts";
import type { TailSocket, TailState } from "./tails.ts";

/** How long a reader waits for a follower to hear from its leader. */
const REFRESH_MS = 2_000;

export class Reads {
  readonly #core: ReplicaCore;
  readonly #role: Role;
  readonly #following: Following;

  constructor(core: ReplicaCore, role: Role, following: Following) {
    this.#core = core;
    this.#role = role;
    this.#following = following;
  }

  /** See {@link Replica.fetch}. */
  async fetch(request: FetchRequest): Promise<Result<Fetched>> {
    let first = this.#read(request);
    if (this.#mayKnowMore(request, first)) {
      const { leadership } = this.#role;
      await (leadership ? leadership.verified() : this.#refreshed());
      first = this.#read(request);
    }
    const minBytes = Math.min(request.minBytes, request.maxBytes);
    const missing = minBytes - (first.ok ? first.batches.byteLength : Infinity);
    const waitMs = Math.min(request.maxWaitMs, FETCH_WAIT_MS_MAX);
    if (missing <= 0 || waitMs <= 0) return this.#shown(first);
    return new Promise((resolve, reject) => {
      this.#core.waiters.wait(missing, waitMs, () => {
        try {
          resolve(this.#shown(this.#read(request)));
        } catch (error) {
          // The failure is this reader's alone, not of whoever has just made something readable.
          reject(error);
        }
      });
    });
  }

  /** See {@link Replica.openTail}. */
  async openTail(offset: number, accept: () => TailSocket): Promise<Refusal | null> {
    const refusal =
      this.#role.refusalToLead() ??
      this.#refusalToRead(offset) ??
      (await this.#role.refusalOfEnd()) ??
      this.#refusalToRead(offset) ??
      this.#refusalOfDamage(offset);
    if (!refusal) this.#core.tails.open(accept(), offset);
    return refusal;
  }

  /** Takes up the readers that stayed while the object slept. */
  resumeTails(resumed: Iterable<readonly [TailSocket, TailState]>): void {
    const { tails, log } = this.#core;
    for (const [socket, state] of resumed) tails.resume(socket, state);
    tails.advance();
    // The last records that were acknowledged may not have been sent, and are not known to be committed here.
    if (tails.isAnyBelow(log.endOffset)) this.#role.leadership?.verify();
  }

  #refusalToRead(offset: number): Refusal | null {
    const refusal = this.#core.refusalToServe();
    if (refusal) return refusal;
    const { logStartOffset, endOffset } = this.#core.log;
    // What lies beyond a follower's log only the leader knows.
    if (!this.#role.leadership && (offset > endOffset || this.#core.damage.wasReset)) {
      return refuse(this.#role.isLostLeader ? "STORAGE_LOST" : "NOT_LEADER_OR_FOLLOWER");
    }
    if (offset < logStartOffset) {
      return refuse(
        "OFFSET_BELOW_LOG_START",
        `Offset ${offset} is below the log start: the log holds ${logStartOffset} to ${endOffset}.`,
      );
    }
    if (offset > endOffset) {
      return refuse(
        "OFFSET_OUT_OF_RANGE",
        `Offset ${offset} is past the end: the log holds ${logStartOffset} to ${endOffset}.`,
      );
    }
    return null;
  }

  /** Why what is stored at `offset` cannot be read; null if it can, or nothing is there yet. */
  #refusalOfDamage(offset: number): Refusal | null {
    const page = { offset, maxBytes: 1, minBytes: 0, maxWaitMs: 0 } as const;
    const read = this.#read({ ...page, isolation: "read_uncommitted" });
    return read.ok ? null : read;
  }

  /** Corrupt offsets are refused; what lies before and after them can be read. */
  #read(request: FetchRequest): Result<Fetched> {
    try {
      return this.#readPage(request);
    } catch (error) {
      if (error instanceof CorruptLog) return refusalOfThrown(error);
      throw error;
    }
  }

  #readPage(request: FetchRequest): Result<Fetched> {
    const refusal = this.#refusalToRead(request.offset);
    if (refusal) return refusal;
    const { log, highWatermark, assignment } = this.#core;
    const maxBytes = Math.min(request.maxBytes, FETCH_BYTES_MAX);
    // rule: readers-see-what-is-committed
    const batches = log.reader.page(request.offset, highWatermark, maxBytes);
    const nextOffset = batches.length === 0 ? request.offset : offsetAfter(batches);
    const { partitionEpoch } = assignment;
    return { ok: true, batches, nextOffset, partitionEpoch, ...this.#core.ends() };
  }

  /** Whether other replicas might know of records that a read did not show. */
  #mayKnowMore(request: FetchRequest, read: Result<Fetched>): boolean {
    const { highWatermark, log } = this.#core;
    const { leadership } = this.#role;
    if (leadership) return read.ok && read.nextOffset >= highWatermark && !leadership.isVerified;
    if (this.#core.isFenced || this.#core.assignment.leader < 0) return false;
    if (!read.ok) return read.error === "NOT_LEADER_OR_FOLLOWER";
    return request.offset >= highWatermark && highWatermark < log.endOffset;
  }

  /** An empty page says that there is nothing more: a leader may only say so if it knows. */
  #shown(read: Result<Fetched>): Result<Fetched> {
    const isUnverified = this.#role.leadership?.isVerified === false;
    return isUnverified && read.ok && read.batches.length === 0
      ? refuse("OFFSET_NOT_AVAILABLE")
      : read;
  }

  /** A follower asks its leader. Waits a bounded time. */
  async #refreshed(): Promise<void> {
    await within(this.#core.ports.timers, REFRESH_MS, this.#following.refresh());
  }
}
