/**
 * Plans one flush: which of the queued appends are written, at which offsets, in which rows. Pure: touches neither
 * storage nor the state of the log; log.ts persists the plan, and only then is it applied and answered.
 */
import { refuse, type Refusal } from "../../../base/errors.ts";
import { CHUNK_BYTES_MAX } from "../../../base/limits.ts";
import { assignOffsets, stampLogAppendTime, type BatchHeader } from "../../../records/index.ts";
import type { FlushContext, QueuedAppend } from "./queued-append.ts";
import { refusalOfNew } from "./new-records.ts";
import type { AppendRefusal } from "../../contracts/partition.ts";
import type { ProducerBatch } from "../../contracts/replication.ts";
import { ProducerDraft, type Verdict } from "../log/producers.ts";

const NEW: Verdict = { ok: true, duplicateOf: null };

export type AppendOutcome =
  | {
      readonly ok: true;
      readonly baseOffset: number;
      readonly lastOffset: number;
      readonly duplicate: boolean;
      readonly logAppendTimeMs: number;
    }
  | AppendRefusal;

/** A row to be written: consecutive whole batches. */
export interface PlannedChunk {
  readonly baseOffset: number;
  lastOffset: number;
  maxTimestamp: number;
  sizeBytes: number;
  readonly parts: Uint8Array[];
  readonly producers: ProducerBatch[];
  /** The fencing token behind the chunk; null where it leaves it as it is. */
  fencingToken: string | null;
}

export interface FlushPlan {
  readonly chunks: readonly PlannedChunk[];
  /** One for each append, in their order. */
  readonly outcomes: readonly AppendOutcome[];
  readonly endOffset: number;
}

/**
 * Refuses before it is queued what can never have been written. Anything else may have been, by an earlier attempt, and
 * is judged in its flush. Errors: INVALID_RECORD.
 */
export function checkAppend(append: QueuedAppend): Refusal | null {
  if (append.headers.length === 0) return refuse("INVALID_RECORD", "There is no record batch.");
  for (const header of append.headers) {
    if (header.recordCount !== header.lastOffsetDelta + 1) {
      return refuse("INVALID_RECORD", "A record batch has another count than its offsets say.");
    }
    // Kafka, too, takes one batch for each partition and request of an idempotent producer: with more, a repeat could
    // find one of them written and another not.
    if (header.producerId >= 0 && append.headers.length > 1) {
      return refuse("INVALID_RECORD", "A numbered request carries one record batch.");
    }
  }
  return null;
}

/** Builds a {@link FlushPlan}, append by append. */
class Planner {
  readonly chunks: PlannedChunk[] = [];
  readonly draft: ProducerDraft;
  readonly #context: FlushContext;
  #next: number;
  /** The token that earlier appends of the flush have set; null: none has. */
  #setToken: string | null = null;

  constructor(context: FlushContext) {
    this.#context = context;
    this.draft = new ProducerDraft(context.producers, context.nowMs);
    this.#next = context.endOffset;
  }

  get endOffset(): number {
    return this.#next;
  }

  take(append: QueuedAppend): AppendOutcome {
    const verdict = this.#judge(append);
    // rule: repeats-are-recognised-before-anything-is-refused
    const answer = this.#recognised(verdict) ?? this.#refusalOf(append);
    if (answer) return answer;
    if (!verdict.ok) return verdict;
    const { config, leaderEpoch, nowMs } = this.#context;
    const stamped = config["message.timestamp.type"] === "LogAppendTime";
    const baseOffset = this.#next;
    for (const header of append.headers) {
      assignOffsets(append.bytes, header.position, this.#next, leaderEpoch);
      if (stamped) stampLogAppendTime(append.bytes, header.position, nowMs);
      this.#place(append.bytes, header, stamped ? nowMs : header.maxTimestamp);
      this.#next += header.recordCount;
    }
    // Of an append that is in several rows, the last one sets it: a part that is left by a truncation fences nobody.
    const token = append.fencing?.next;
    if (token !== undefined) {
      this.#setToken = token;
      this.chunks.at(-1)!.fencingToken = token;
    }
    const logAppendTimeMs = stamped ? nowMs : -1;
    const lastOffset = this.#next - 1;
    return { ok: true, baseOffset, lastOffset, duplicate: false, logAppendTimeMs };
  }

  #judge(append: QueuedAppend): Verdict {
    const header = append.headers[0]!;
    return header.producerId < 0 ? NEW : this.draft.judge(header, append.sparseSequences);
  }

  /** The answer to a batch that is in the log, or may be; null if it is not. */
  #recognised(verdict: Verdict): AppendOutcome | null {
    if (!verdict.ok) return verdict.absent ? null : verdict;
    if (!verdict.duplicateOf) return null;
    const [, , , count, baseOffset, appendedMs] = verdict.duplicateOf;
    const lastOffset = baseOffset + count - 1;
    const stamped = this.#context.config["message.timestamp.type"] === "LogAppendTime";
    // As the first append was answered: its records carry that time.
    const logAppendTimeMs = stamped ? appendedMs : -1;
    return { ok: true, baseOffset, lastOffset, duplicate: true, logAppendTimeMs };
  }

  /** Why an append that is not in the log is not written at the end of this flush's; null where it is. */
  #refusalOf(append: QueuedAppend): AppendRefusal | null {
    const { expectedOffset, fencing } = append;
    // rule: fenced-appends-have-the-token-in-force
    if (fencing?.expected !== undefined && fencing.expected !== this.#tokenInForce()) {
      const token = this.#tokenInForce();
      const text = `The partition's fencing token is ${token === "" ? "not set" : `"${token}"`}; nothing was written.`;
      return { ...refuse("FENCING_TOKEN_MISMATCH", text), fencingToken: token };
    }
    // rule: conditional-appends-lie-where-they-expect-to
    if (expectedOffset !== null && expectedOffset !== this.#next) {
      const text = `The log ends at ${this.#next}, and not at ${expectedOffset}; nothing was written.`;
      return { ...refuse("END_OFFSET_MISMATCH", text), endOffset: this.#next };
    }
    return refusalOfNew(append, this.#context);
  }

  /** The token that the next record is compared with. */
  #tokenInForce(): string {
    // rule: fenced-appends-are-judged-behind-those-of-their-flush
    return this.#setToken ?? this.#context.fencing.token;
  }

  #place(bytes: Uint8Array, header: BatchHeader, maxTimestamp: number): void {
    let chunk = this.chunks.at(-1);
    if (!chunk || chunk.sizeBytes + header.sizeBytes > CHUNK_BYTES_MAX) {
      chunk = {
        baseOffset: this.#next,
        lastOffset: this.#next,
        maxTimestamp,
        sizeBytes: 0,
        parts: [],
        producers: [],
        fencingToken: null,
      };
      this.chunks.push(chunk);
    }
    const { position, sizeBytes } = header;
    chunk.parts.push(bytes.subarray(position, position + sizeBytes));
    chunk.sizeBytes += sizeBytes;
    chunk.lastOffset = this.#next + header.recordCount - 1;
    chunk.maxTimestamp = Math.max(chunk.maxTimestamp, maxTimestamp);
    if (header.producerId >= 0) {
      this.draft.add(header, this.#next);
      chunk.producers.push(this.draft.batches.at(-1)!);
    }
  }
}

/** Assigns offsets in the appends' own bytes, in the order of the appends. */
export function planFlush(appends: readonly QueuedAppend[], context: FlushContext): FlushPlan {
  const planner = new Planner(context);
  const outcomes = appends.map((append) => planner.take(append));
  return { chunks: planner.chunks, outcomes, endOffset: planner.endOffset };
}
