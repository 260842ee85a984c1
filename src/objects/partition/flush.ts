/**
 * Decides one flush: which of the gathered appends are written, at which offsets, in which rows.
 * Pure: touches neither storage nor the log's state; what is decided here is persisted by log.ts
 * and only then applied and answered.
 */
import type { EffectiveConfig } from "../../base/config.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import { CHUNK_BYTES_MAX } from "../../base/limits.ts";
import { assignOffsets, stampLogAppendTime, type BatchHeader } from "../../records/index.ts";
import type { ProducerBatch } from "./peers.ts";
import { ProducerDraft, type ProducerStates } from "./producers.ts";

/** An append whose batches were split and found whole. Its bytes belong to the flush from here on. */
export interface GatheredAppend {
  readonly bytes: Uint8Array;
  readonly headers: readonly BatchHeader[];
  readonly sparseSequences: boolean;
}

export type AppendOutcome =
  | {
      readonly ok: true;
      readonly baseOffset: number;
      readonly lastOffset: number;
      readonly duplicate: boolean;
      readonly logAppendTimeMs: number;
    }
  | Refusal;

/** A row to be: whole batches that lie behind each other. */
export interface PlannedChunk {
  readonly baseOffset: number;
  lastOffset: number;
  maxTimestamp: number;
  sizeBytes: number;
  readonly parts: Uint8Array[];
  readonly producers: ProducerBatch[];
}

export interface FlushPlan {
  readonly chunks: readonly PlannedChunk[];
  /** One for each append, in their order. */
  readonly outcomes: readonly AppendOutcome[];
  readonly endOffset: number;
}

export interface FlushContext {
  readonly endOffset: number;
  readonly leaderEpoch: number;
  readonly producers: ProducerStates;
  readonly config: EffectiveConfig;
  readonly nowMs: number;
}

/** What can be refused before an append waits for a flush. */
export function checkAppend(append: GatheredAppend, config: EffectiveConfig): Refusal | null {
  if (append.headers.length === 0) return refuse("INVALID_RECORD", "There is no record batch.");
  const maxBytes = Math.min(config["max.message.bytes"], CHUNK_BYTES_MAX);
  for (const header of append.headers) {
    if (header.sizeBytes > maxBytes) {
      return refuse(
        "MESSAGE_TOO_LARGE",
        `A record batch has ${header.sizeBytes} bytes; max.message.bytes is ${maxBytes}.`,
      );
    }
    if (header.recordCount !== header.lastOffsetDelta + 1) {
      return refuse("INVALID_RECORD", "A record batch has another count than its offsets say.");
    }
    // Kafka takes one batch per partition and request from an idempotent producer: a repeat could
    // otherwise find one part written and another not.
    if (header.producerId >= 0 && append.headers.length > 1) {
      return refuse("INVALID_RECORD", "A numbered request carries one record batch.");
    }
  }
  return null;
}

/** Builds up a {@link FlushPlan} append by append. */
class Planner {
  readonly chunks: PlannedChunk[] = [];
  readonly draft: ProducerDraft;
  readonly #context: FlushContext;
  #next: number;

  constructor(context: FlushContext) {
    this.#context = context;
    this.draft = new ProducerDraft(context.producers, context.nowMs);
    this.#next = context.endOffset;
  }

  get endOffset(): number {
    return this.#next;
  }

  take(append: GatheredAppend): AppendOutcome {
    const repeated = this.#judge(append);
    if (repeated) return repeated;
    const { config, leaderEpoch, nowMs } = this.#context;
    const stamped = config["message.timestamp.type"] === "LogAppendTime";
    const baseOffset = this.#next;
    for (const header of append.headers) {
      assignOffsets(append.bytes, header.position, this.#next, leaderEpoch);
      if (stamped) stampLogAppendTime(append.bytes, header.position, nowMs);
      this.#place(append.bytes, header, stamped ? nowMs : header.maxTimestamp);
      this.#next += header.recordCount;
    }
    const logAppendTimeMs = stamped ? nowMs : -1;
    const lastOffset = this.#next - 1;
    return { ok: true, baseOffset, lastOffset, duplicate: false, logAppendTimeMs };
  }

  /** Null: the append is to be written. */
  #judge(append: GatheredAppend): AppendOutcome | null {
    const header = append.headers[0]!;
    if (header.producerId < 0) return null;
    const verdict = this.draft.judge(header, append.sparseSequences);
    if (!verdict.ok) return verdict;
    if (!verdict.duplicateOf) return null;
    const [, , , count, baseOffset] = verdict.duplicateOf;
    const lastOffset = baseOffset + count - 1;
    return { ok: true, baseOffset, lastOffset, duplicate: true, logAppendTimeMs: -1 };
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
export function planFlush(appends: readonly GatheredAppend[], context: FlushContext): FlushPlan {
  const planner = new Planner(context);
  const outcomes = appends.map((append) => planner.take(append));
  return { chunks: planner.chunks, outcomes, endOffset: planner.endOffset };
}
