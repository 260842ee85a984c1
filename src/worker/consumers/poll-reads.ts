/**
 * Reads the partitions of one poll: first the records that are there, from all partitions at once; then, where those
 * are not enough, long polls of all partitions at once. The plan decides which partition is served first.
 */
import { refuse, type ErrorName, type Refusal } from "../../base/errors.ts";
import type { StreamedFetch } from "../../objects/contracts/transfer.ts";
import { topicMetadata, type KnownTopic } from "../../gateway/metadata.ts";
import { PartitionReader } from "../../gateway/partition-reader.ts";
import type { Service } from "../../gateway/service.ts";
import { giveUp, PollCursor } from "./poll-cursor.ts";
import type { PollPlan, ResolveRequest } from "../../objects/contracts/instances.ts";
import { pause } from "../../gateway/time.ts";

/** Partitions that are read at the same time without waiting. */
const READ_AT_ONCE = 50;
/** Partitions that are waited on at the same time: each is an open call. */
const WAITED_AT_ONCE = 1_000;
/** Once there are enough records, partitions that take longer than this are skipped: their leader may be being elected. */
const GRACE_MS = 500;
/** A partition that does not answer this long after its wait is skipped. */
const SILENT_MS = 5_000;
/** Rounds in which partitions with more records use the space that the others have left. */
const FILLS_MAX = 2;
/** The platform ends a request at 10,000 subrequests. */
const CALLS_MAX = 9_000;

const OUT_OF_RANGE: ReadonlySet<ErrorName> = new Set<ErrorName>([
  "OFFSET_BELOW_LOG_START",
  "OFFSET_OUT_OF_RANGE",
]);

export interface ReadLimits {
  /** Bytes of batches that are read at most, except that a first page may be larger. */
  readonly maxBytes: number;
  readonly minBytes: number;
}

export interface ReadPorts {
  readonly service: Service;
  /** Where the reader of a partition is; empty to read from the leader. */
  place(topic: KnownTopic, partition: number): string;
  /** Keeps positions that were looked up. */
  resolve(offsets: ResolveRequest["offsets"]): Promise<{ readonly ok: true } | Refusal>;
  /** Counts the calls of one request, whatever the number of its polls. */
  readonly calls: { count: number };
}

type Done = { readonly ok: true } | Refusal;
const DONE: Done = { ok: true };

export class PollReads {
  readonly cursors: PollCursor[] = [];
  readonly #ports: ReadPorts;
  readonly #plan: PollPlan;
  readonly #limits: ReadLimits;
  #bytes = 0;
  /** Decides which partitions are waited on first, where there are too many to wait on all. */
  #turn = 0;

  constructor(ports: ReadPorts, plan: PollPlan, limits: ReadLimits) {
    this.#ports = ports;
    this.#plan = plan;
    this.#limits = limits;
  }

  get hasEnough(): boolean {
    return this.#bytes > 0 && this.#bytes >= this.#limits.minBytes;
  }

  /** Whether another wait would go beyond what one request may call. */
  get isSpent(): boolean {
    const { calls } = this.#ports;
    return calls.count + Math.min(this.cursors.length, WAITED_AT_ONCE) > CALLS_MAX;
  }

  /**
   * Reads what is there. NO_OFFSET_FOR_PARTITION, OFFSET_BELOW_LOG_START, OFFSET_OUT_OF_RANGE where the
   * instance wants to be told; ILLEGAL_GENERATION and the like where the plan does not hold any more.
   */
  async readNow(): Promise<Done> {
    await this.#open();
    for (let from = 0; from < this.cursors.length && !this.hasEnough; from += READ_AT_ONCE) {
      const some = this.cursors.slice(from, from + READ_AT_ONCE);
      const read = await this.#readSome(some);
      if (!read.ok) return read;
      if (this.isSpent) break;
    }
    return DONE;
  }

  /** Waits for enough records, for `waitMs` at most. Errors: those of {@link readNow}. */
  async wait(waitMs: number): Promise<Done> {
    const { length } = this.cursors;
    const from = length > WAITED_AT_ONCE ? this.#turn % length : 0;
    this.#turn += WAITED_AT_ONCE;
    const turned = [...this.cursors.slice(from), ...this.cursors.slice(0, from)];
    const some = turned.slice(0, WAITED_AT_ONCE);
    const placed = await this.#findPositions(some);
    if (!placed.ok) return placed;
    await this.#round(some, waitMs);
    return this.#mend(some);
  }

  /** The topics, each looked up once; partitions of deleted topics are skipped. */
  async #open(): Promise<void> {
    const { service } = this.#ports;
    const topics = new Map<string, KnownTopic | Refusal>();
    for (const part of this.#plan.partitions) {
      let known = topics.get(part.topic) ?? (await this.#topic(part.topic, part.topicId));
      if (known.ok && part.partition >= known.metadata.partitions.length) {
        known = await topicMetadata(service, part.topic, true);
      }
      topics.set(part.topic, known);
      if (!known.ok || !isSame(known, part.topicId)) continue;
      const place = this.#ports.place(known, part.partition);
      const { partition } = part;
      const reader = new PartitionReader(service, known, partition, "UNKNOWN_PARTITION", place);
      this.cursors.push(new PollCursor(part, reader));
    }
  }

  async #topic(name: string, topicId: string): Promise<KnownTopic | Refusal> {
    const { service } = this.#ports;
    const known = await topicMetadata(service, name);
    return known.ok && !isSame(known, topicId) ? topicMetadata(service, name, true) : known;
  }

  async #readSome(cursors: readonly PollCursor[]): Promise<Done> {
    const placed = await this.#findPositions(cursors);
    if (!placed.ok) return placed;
    let some = cursors;
    for (let fill = 0; fill <= FILLS_MAX && some.length > 0; fill++) {
      await this.#round(some, 0);
      const mended = await this.#mend(some);
      if (!mended.ok) return mended;
      if (2 * this.#bytes >= this.#limits.maxBytes || this.#records(cursors) >= this.#recordsMax) {
        break;
      }
      some = cursors.filter(({ hasMore }) => hasMore);
    }
    return DONE;
  }

  get #recordsMax(): number {
    return this.#plan.spec.maxPollRecords;
  }

  #records(cursors: readonly PollCursor[]): number {
    return cursors.reduce((records, cursor) => records + cursor.records, 0);
  }

  /**
   * One page of each. Answers when all have, or when there is enough and the grace is over; pages are
   * taken in the order of the cursors, as far as the bytes go.
   */
  async #round(all: readonly PollCursor[], waitMs: number): Promise<void> {
    const cursors = all.filter(({ next }) => next !== null);
    if (cursors.length === 0) return waitMs > 0 ? pause(waitMs) : undefined;
    const left = Math.max(this.#limits.maxBytes - this.#bytes, 1);
    const request = {
      maxBytes: Math.ceil(left / Math.min(cursors.length, READ_AT_ONCE)),
      minBytes: Math.max(this.#limits.minBytes - this.#bytes, 1),
      maxWaitMs: waitMs,
      isolation: this.#plan.spec.isolation,
    };
    const startedMs = Date.now();
    const pages = await this.#askAll(cursors, request);
    const reads: Promise<void>[] = [];
    for (const cursor of cursors) {
      const page = pages.get(cursor);
      if (page === undefined) continue;
      const mayRead = this.#bytes === 0 || this.#bytes + page.sizeBytes <= this.#limits.maxBytes;
      if (mayRead) this.#bytes += page.sizeBytes;
      reads.push(cursor.take(page, mayRead));
    }
    await Promise.all(reads);
    // Where all have refused at once, asking again at once would have the same result.
    const leftMs = waitMs - (Date.now() - startedMs);
    if (pages.size === 0 && leftMs > 0 && !cursors.some(isOutOfRange)) await pause(leftMs);
  }

  #askAll(
    cursors: readonly PollCursor[],
    request: Parameters<PollCursor["ask"]>[0],
  ): Promise<ReadonlyMap<PollCursor, StreamedFetch>> {
    const pages = new Map<PollCursor, StreamedFetch>();
    const graceMs = request.maxWaitMs > 0 ? 0 : GRACE_MS;
    let bytes = 0;
    let missing = cursors.length;
    let isOver = false;
    return new Promise((resolve) => {
      let timer = setTimeout(end, request.maxWaitMs + SILENT_MS);
      let isSoon = false;
      function end(): void {
        isOver = true;
        clearTimeout(timer);
        resolve(pages);
      }
      const answered = (cursor: PollCursor, page: StreamedFetch | Refusal): void => {
        if (isOver) {
          if (page.ok) void giveUp(page);
          return;
        }
        missing -= 1;
        cursor.refusal = page.ok ? null : page;
        if (page.ok) {
          pages.set(cursor, page);
          bytes += page.sizeBytes;
        }
        if (missing === 0) end();
        else if (!isSoon && bytes >= request.minBytes) {
          isSoon = true;
          clearTimeout(timer);
          timer = setTimeout(end, graceMs);
        }
      };
      for (const cursor of cursors) {
        this.#ports.calls.count += 1;
        cursor.ask(request).then(
          (page) => answered(cursor, page),
          () => answered(cursor, refuse("UNKNOWN_SERVER_ERROR")),
        );
      }
    });
  }

  /** Looks up where to begin. A partition whose leader does not answer is skipped. */
  async #findPositions(cursors: readonly PollCursor[]): Promise<Done> {
    const lost = cursors.filter(({ next }) => next === null);
    if (lost.length === 0) return DONE;
    for (const { part } of lost) {
      if (part.reset === "none") return ofPartition(refuse("NO_OFFSET_FOR_PARTITION"), part);
    }
    const found: { cursor: PollCursor; offset: number }[] = [];
    for (let from = 0; from < lost.length; from += READ_AT_ONCE) {
      const some = lost.slice(from, from + READ_AT_ONCE);
      this.#ports.calls.count += some.length;
      const foundAll = Promise.all(
        some.map(async (cursor) => {
          const { reset } = cursor.part;
          const offset = await cursor.reader.offsetOf(reset === "latest" ? "latest" : "earliest");
          if (typeof offset === "number") found.push({ cursor, offset });
          else cursor.refusal = offset;
        }),
      );
      // Short, because the partitions whose positions are known wait for these.
      await (lost.length < cursors.length ? Promise.race([foundAll, pause(GRACE_MS)]) : foundAll);
    }
    if (found.length === 0) return DONE;
    const resolved = await this.#ports.resolve(
      found.map(({ cursor: { part }, offset }) => {
        const { topic, partition, topicId } = part;
        return { topic, partition, topicId, offset };
      }),
    );
    if (!resolved.ok) return resolved;
    for (const { cursor, offset } of found) cursor.next = offset;
    return DONE;
  }

  /** Positions that are out of range are looked up anew, where the instance wants that. */
  async #mend(cursors: readonly PollCursor[]): Promise<Done> {
    const lost = cursors.filter(isOutOfRange);
    if (lost.length === 0) return DONE;
    for (const { part, refusal } of lost) {
      if (part.reset === "none") return ofPartition(refusal!, part);
    }
    for (const cursor of lost) {
      cursor.next = null;
      cursor.hasMore = true;
    }
    return this.#findPositions(lost);
  }
}

function isOutOfRange({ refusal }: PollCursor): boolean {
  return refusal !== null && OUT_OF_RANGE.has(refusal.error);
}

function isSame(known: KnownTopic, topicId: string): boolean {
  return topicId === "" || known.metadata.topicId === topicId;
}

function ofPartition(refusal: Refusal, part: PollCursor["part"]): Refusal {
  return refuse(refusal.error, `${part.topic}, partition ${part.partition}: ${refusal.message}`);
}
