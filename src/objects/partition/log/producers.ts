/**
 * The state of idempotent producers in a partition (KIP-98): for each producer id its epoch and its last five batches.
 * The state is the fold of {@link ProducerBatch} entries, each of which is stored in the row of its batch, so that it
 * survives whatever the log survives. Pure.
 */
import { refuse, type Refusal } from "../../../base/errors.ts";
import { SEQUENCE_MAX } from "../../../base/limits.ts";
import type { ProducerBatch } from "../../contracts/replication.ts";

/** The fields of a batch header that identify a batch of a producer. */
export interface ProducerClaim {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
}

/**
 * Whether a batch may be appended, is a duplicate, or is refused. `absent`: a refused batch is certainly not in the log,
 * whatever became of earlier attempts.
 */
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

/** Whether `a` comes before `b`, where sequences wrap around: by less than half of their range. */
function isBefore(a: number, b: number): boolean {
  const ahead = (b - a + SEQUENCES) % SEQUENCES;
  return ahead !== 0 && ahead < SEQUENCES / 2;
}

type Windows = Map<number, readonly ProducerBatch[]>;

/**
 * Adds a batch to its producer's window. A new epoch begins a new window. So does a sequence before the last one: the
 * producer had expired and began anew in the same epoch, so it cannot repeat its old batches.
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
 * Only an identical batch is a duplicate. A batch that overlaps what was written, or is older than the window, is out of
 * order, as in Kafka: clients take DUPLICATE_SEQUENCE_NUMBER for success, and it is not known whether all records of the
 * batch are in the log.
 */
function judge(window: readonly ProducerBatch[], claim: ProducerClaim, sparse: boolean): Verdict {
  const last = window.at(-1);
  // A producer that is not known, or not any more, may begin with any sequence, as in Kafka since KIP-360.
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

/** The state at one offset of the log. */
export class ProducerStates {
  readonly #windows: Windows = new Map();
  readonly #expirationMs: () => number;

  /** @param expirationMs how long a producer that does not write is remembered */
  constructor(expirationMs: () => number) {
    this.#expirationMs = expirationMs;
  }

  /** An empty state with the same expiration. */
  fresh(): ProducerStates {
    return new ProducerStates(this.#expirationMs);
  }

  get size(): number {
    return this.#windows.size;
  }

  /** Folds in one entry, in the order of offsets. */
  apply(batch: ProducerBatch): void {
    remember(this.#windows, this.#windows.get(batch[0]) ?? NONE, batch);
  }

  /** Forgets the producers that have expired. */
  expire(nowMs: number): void {
    for (const [producerId, window] of this.#windows) {
      if (this.#isExpired(window, nowMs)) this.#windows.delete(producerId);
    }
  }

  /** The entries whose fold is this state, for a snapshot. */
  entries(): ProducerBatch[] {
    return [...this.#windows.values()].flat();
  }

  /** The batches of a producer that may still be repeated; none if it has expired. */
  window(producerId: number, nowMs: number): readonly ProducerBatch[] {
    const window = this.#windows.get(producerId);
    return window && !this.#isExpired(window, nowMs) ? window : NONE;
  }

  #isExpired(window: readonly ProducerBatch[], nowMs: number): boolean {
    return nowMs - window.at(-1)![5] > this.#expirationMs();
  }
}

/**
 * Judges the batches of one flush, each in view of those before it, without touching the state: what is not persisted
 * leaves no trace. `batches` are applied to the state once the flush is written.
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

  /** Errors: INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER. `sparse`: sequences may rise with gaps. */
  judge(claim: ProducerClaim, sparse: boolean): Verdict {
    return judge(this.#window(claim.producerId), claim, sparse);
  }

  /** Notes that the flush contains the batch, at this offset. */
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
