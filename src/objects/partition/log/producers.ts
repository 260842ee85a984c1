/**
 * What a partition remembers of idempotent producers (KIP-98): per producer id the epoch and the
 * last five batches. The state is the fold of {@link ProducerBatch} entries, each of which lies in
 * the row of the batch that it tells of, so it survives whatever the log survives. Pure.
 */
import { refuse, type Refusal } from "../../../base/errors.ts";
import { SEQUENCE_MAX } from "../../../base/limits.ts";
import type { ProducerBatch } from "../../contracts/replication.ts";

/** What a batch says of its producer; the fields of a batch header. */
export interface ProducerClaim {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
}

/** `absent`, of a refusal: the batch is not in the log, whatever became of earlier attempts. */
export type Verdict =
  | { readonly ok: true; readonly duplicateOf: null }
  | { readonly ok: true; readonly duplicateOf: ProducerBatch }
  | (Refusal & { readonly absent?: true });

/** Kafka keeps five batches, since a producer may have five requests in flight. */
const WINDOW = 5;
const SEQUENCES = SEQUENCE_MAX + 1;
const APPEND: Verdict = { ok: true, duplicateOf: null };

function sequenceAfter(sequence: number, records: number): number {
  return (sequence + records) % SEQUENCES;
}

/** Whether `a` comes before `b` in a circle of sequences: less than half of the circle behind it. */
function isBefore(a: number, b: number): boolean {
  const ahead = (b - a + SEQUENCES) % SEQUENCES;
  return ahead !== 0 && ahead < SEQUENCES / 2;
}

type Windows = Map<number, readonly ProducerBatch[]>;

/**
 * A new epoch begins a new window. So does a sequence behind the last one: the producer had been
 * forgotten and began anew under the same epoch, and its old batches are nothing that it may repeat.
 */
function remember(windows: Windows, known: readonly ProducerBatch[], batch: ProducerBatch): void {
  const last = known.at(-1);
  const goesOn =
    last !== undefined &&
    last[1] === batch[1] &&
    !isBefore(batch[2], sequenceAfter(last[2], last[3]));
  windows.set(batch[0], goesOn ? [...known, batch].slice(-WINDOW) : [batch]);
}

const NONE: readonly ProducerBatch[] = [];

/**
 * Only the very batch is a duplicate. One that overlaps what was written, or is older than the window,
 * is out of order as in Kafka: clients take DUPLICATE_SEQUENCE_NUMBER for success, and whether all of
 * its records are there is not known.
 */
function judge(window: readonly ProducerBatch[], claim: ProducerClaim, sparse: boolean): Verdict {
  const last = window.at(-1);
  // A producer that is not (or no longer) known may begin anywhere, as in Kafka since KIP-360.
  if (!last) return APPEND;
  if (claim.producerEpoch < last[1]) return refuse("INVALID_PRODUCER_EPOCH");
  if (claim.producerEpoch > last[1]) {
    if (claim.baseSequence === 0 || sparse) return APPEND;
    const text = "The first sequence of a new epoch is 0.";
    return { ...refuse("OUT_OF_ORDER_SEQUENCE_NUMBER", text), absent: true };
  }
  for (const batch of window) {
    if (batch[2] === claim.baseSequence && batch[3] === claim.recordCount) {
      return { ok: true, duplicateOf: batch };
    }
  }
  const next = sequenceAfter(last[2], last[3]);
  if (claim.baseSequence === next) return APPEND;
  const behind = isBefore(claim.baseSequence, next);
  if (sparse && !behind) return APPEND;
  const refusal = refuse(
    "OUT_OF_ORDER_SEQUENCE_NUMBER",
    `Sequence ${claim.baseSequence} does not follow: ${next} is the next one here.`,
  );
  return behind ? refusal : { ...refusal, absent: true };
}

export class ProducerStates {
  readonly #windows: Windows = new Map();
  readonly #expirationMs: () => number;

  /** `expirationMs`: how long a producer that does not write is remembered. */
  constructor(expirationMs: () => number) {
    this.#expirationMs = expirationMs;
  }

  /** A state of no producers, by the same rules. */
  fresh(): ProducerStates {
    return new ProducerStates(this.#expirationMs);
  }

  get size(): number {
    return this.#windows.size;
  }

  /** Folds one entry in: entries come in the order of their offsets. */
  apply(batch: ProducerBatch): void {
    remember(this.#windows, this.#windows.get(batch[0]) ?? NONE, batch);
  }

  /** Forgets those that have not written for long. */
  expire(nowMs: number): void {
    for (const [producerId, window] of this.#windows) {
      if (this.#isExpired(window, nowMs)) this.#windows.delete(producerId);
    }
  }

  /** The entries whose fold is this state, for a snapshot. */
  entries(): ProducerBatch[] {
    return [...this.#windows.values()].flat();
  }

  /** What lives still of one producer's batches at this time. */
  window(producerId: number, nowMs: number): readonly ProducerBatch[] {
    const window = this.#windows.get(producerId);
    return window && !this.#isExpired(window, nowMs) ? window : NONE;
  }

  #isExpired(window: readonly ProducerBatch[], nowMs: number): boolean {
    return nowMs - window.at(-1)![5] > this.#expirationMs();
  }
}

/**
 * Judges the batches of one flush, each in view of those before it, without touching the state:
 * what is not persisted must leave no trace. `batches` are applied once the flush is written.
 */
export class ProducerDraft {
  readonly batches: ProducerBatch[] = [];
  readonly #states: ProducerStates;
  readonly #nowMs: number;
  readonly #windows: Windows = new Map();

  constructor(states: ProducerStates, nowMs: number) {
    this.#states = states;
    this.#nowMs = nowMs;
  }

  /**
   * Errors: INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER. With `sparse`, sequences may rise
   * with gaps.
   */
  judge(claim: ProducerClaim, sparse: boolean): Verdict {
    return judge(this.#window(claim.producerId), claim, sparse);
  }

  add(claim: ProducerClaim, baseOffset: number): void {
    const batch: ProducerBatch = [
      claim.producerId,
      claim.producerEpoch,
      claim.baseSequence,
      claim.recordCount,
      baseOffset,
      this.#nowMs,
    ];
    remember(this.#windows, this.#window(claim.producerId), batch);
    this.batches.push(batch);
  }

  #window(producerId: number): readonly ProducerBatch[] {
    return this.#windows.get(producerId) ?? this.#states.window(producerId, this.#nowMs);
  }
}
