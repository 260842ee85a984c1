/**
 * A simulated producer: sends batches to one partition, plain or idempotent. Retries as Kafka's producers do (up to five
 * batches in flight, a new epoch when a sequence cannot be repaired, KIP-360), gives up, and from time to time sends again
 * what was acknowledged long ago.
 */
import type { Refusal } from "../../src/base/errors.ts";
import type { ProducerIdentity } from "../../src/objects/contracts/controller.ts";
import type {
  Appended,
  AppendRefusal,
  AppendRequest,
  FencingCondition,
} from "../../src/objects/contracts/partition.ts";
import { encodeBatch } from "../../src/records/index.ts";
import type { History, SentBatch } from "./history.ts";
import type { Random } from "./random.ts";
import type { Router } from "./router.ts";

export interface ProducerOptions {
  readonly name: string;
  readonly partition: number;
  readonly isIdempotent: boolean;
  readonly acks: -1 | 0 | 1;
  /** Mean pause between batches. */
  readonly pauseMs: number;
  readonly valueBytesMax: number;
  /** How long a batch is retried. */
  readonly patienceMs: number;
  /** The network may deliver its appends twice. */
  readonly isDuplicated: boolean;
  /** Appends where it takes the log to end, and nowhere else. */
  readonly isConditional: boolean;
  /** Appends where its fencing token is in force, and takes over from others with new ones. */
  readonly isFenced: boolean;
}

type Answer = Appended | (Refusal & Pick<AppendRefusal, "written" | "endOffset" | "fencingToken">);

/** Refusals that do not say whether the batch was written. */
const UNKNOWN = new Set([
  "REQUEST_TIMED_OUT",
  "KAFKA_STORAGE_ERROR",
  "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
]);
/** Refusals that librdkafka takes for "not written": it may begin a new epoch and send the records again. */
const NOT_WRITTEN = new Set(["NOT_ENOUGH_REPLICAS", "MESSAGE_TOO_LARGE", "INVALID_TIMESTAMP"]);
const FINAL = new Set([
  "INVALID_PRODUCER_EPOCH",
  "INVALID_RECORD",
  "MESSAGE_TOO_LARGE",
  "END_OFFSET_MISMATCH",
  "FENCING_TOKEN_MISMATCH",
]);
const IN_FLIGHT_MAX = 5;

export class Producer {
  readonly #router: Router;
  readonly #history: History;
  readonly #random: Random;
  readonly #options: ProducerOptions;
  readonly #fail: (what: string) => void;
  #producerId = -1;
  #epoch = 0;
  #sequence = 0;
  #batches = 0;
  /** Where the log ends, as far as this producer was told. */
  #end = 0;
  /** The fencing token in force, as far as this producer was told. */
  #token = "";
  #log = "";
  readonly #inFlight = new Set<SentBatch>();
  /** The last batch that was acknowledged with acks=all. */
  readonly #kept: { readonly batch: SentBatch; readonly bytes: Uint8Array }[] = [];
  isStopped = false;

  constructor(
    router: Router,
    history: History,
    random: Random,
    fail: (what: string) => void,
    options: ProducerOptions,
  ) {
    this.#router = router;
    this.#history = history;
    this.#random = random;
    this.#options = options;
    this.#fail = fail;
  }

  get isIdle(): boolean {
    return this.#inFlight.size === 0;
  }

  async run(): Promise<void> {
    const { scheduler } = this.#router.cluster.world;
    const { pauseMs, isIdempotent } = this.#options;
    while (!this.isStopped) {
      await scheduler.sleep(this.#random.between(0, 2 * pauseMs));
      if (this.isStopped || this.#inFlight.size >= IN_FLIGHT_MAX) continue;
      if (isIdempotent && this.#producerId < 0 && !(await this.#identify())) continue;
      await this.#router.locate(this.#options.partition, "leader");
      if (this.isStopped || this.#router.topicId === "") continue;
      if (this.#random.chance(0.15)) for (let i = this.#random.below(3); i > 0; i--) this.#begin();
      this.#begin();
    }
  }

  async #identify(): Promise<boolean> {
    const { controller } = this.#router.cluster;
    const answer = await this.#router.ask<ProducerIdentity>(
      controller,
      "allocateProducerId",
      [],
      5_000,
    );
    if (!answer?.ok) return false;
    if (this.#history.producerIds.has(answer.producerId)) {
      this.#fail(`18: producer id ${answer.producerId} was issued twice`);
    }
    this.#history.producerIds.add(answer.producerId);
    this.#producerId = answer.producerId;
    return true;
  }

  /** @param again values of a batch that was refused as not written */
  #begin(again?: readonly string[]): void {
    const { acks, partition, isIdempotent, isDuplicated, isConditional, name } = this.#options;
    if (this.#inFlight.size >= IN_FLIGHT_MAX) return;
    const log = this.#router.log(partition);
    // If the topic was created anew, its log begins with its own sequences.
    if (log !== this.#log) {
      this.#newEpoch();
      this.#end = 0;
      this.#token = "";
    }
    this.#log = log;
    const drawn = this.#random.between(1, 4);
    const first = this.#batches * 10;
    this.#batches += 1;
    const values = again ?? Array.from({ length: drawn }, (_, i) => `${name}:${first + i}`);
    const count = values.length;
    const batch: SentBatch = {
      producer: name,
      log,
      values,
      acks,
      producerId: isIdempotent ? this.#producerId : -1,
      producerEpoch: isIdempotent ? this.#epoch : -1,
      firstSequence: isIdempotent ? this.#sequence : -1,
      // Beside another one on its way, one of the two has to fail.
      expectedOffset: isConditional && this.#batches % 4 !== 0 ? this.#end : -1,
      fencing: this.#fencing(),
      invokedMs: this.#router.nowMs,
      isOnce: isIdempotent || !isDuplicated,
      outcome: "pending",
      completedMs: Infinity,
      baseOffset: -1,
      lastOffset: -1,
      refusals: [],
    };
    if (isIdempotent) this.#sequence += count;
    this.#history.batches.push(batch);
    this.#history.operations += 1;
    this.#inFlight.add(batch);
    void this.#deliver(batch, this.#encode(batch));
  }

  /** Most batches go under the token; some replace it, take over from whoever has it, clear it, or ask for none. */
  #fencing(): FencingCondition | null {
    const { isFenced, name } = this.#options;
    if (!isFenced) return null;
    const expected = this.#token;
    const next = `${name}/${this.#batches}`;
    const drawn = this.#random.below(20);
    if (drawn < 2) return null;
    if (drawn < 4) return { next };
    if (drawn < 7) return { expected, next };
    if (drawn < 8) return { expected, next: "" };
    return { expected };
  }

  #encode(batch: SentBatch): Uint8Array {
    const nowMs = this.#router.cluster.world.clockMs(this.#router.caller.place);
    const padding = this.#random.below(this.#options.valueBytesMax);
    const encoder = new TextEncoder();
    const records = batch.values.map((value) => ({
      timestamp: nowMs,
      key: null,
      value: encoder.encode(`${value}:${"x".repeat(padding)}`),
      headers: [],
    }));
    const { producerId, producerEpoch, firstSequence: baseSequence } = batch;
    return encodeBatch(records, producerId < 0 ? {} : { producerId, producerEpoch, baseSequence });
  }

  async #deliver(batch: SentBatch, bytes: Uint8Array): Promise<void> {
    const { scheduler } = this.#router.cluster.world;
    const { isIdempotent, patienceMs, isDuplicated } = this.#options;
    let mayBeThere = isDuplicated;
    const untilMs = this.#router.nowMs + patienceMs;
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#attempt(batch, bytes);
      if (answer.ok) {
        this.#acknowledged(batch, answer, bytes);
        break;
      }
      batch.refusals.push(answer.error);
      if (answer.endOffset !== undefined) this.#end = answer.endOffset;
      this.#token = answer.fencingToken ?? this.#token;
      const isUnknown = UNKNOWN.has(answer.error) || answer.written === true;
      if (isUnknown) mayBeThere = true;
      if (this.#believes(answer.error, batch, attempt)) {
        // If it is in the log, its records are written twice (16); where they are, the next batch says.
        batch.outcome = "unknown";
        batch.expectedOffset = -1;
        batch.completedMs = this.#router.nowMs;
        this.#inFlight.delete(batch);
        this.#newEpoch();
        this.#router.cluster.world.count(": records sent again under a new epoch");
        return this.#begin(batch.values);
      }
      const isBehind = [...this.#inFlight].some(
        (other) =>
          other !== batch &&
          other.producerEpoch === batch.producerEpoch &&
          other.firstSequence < batch.firstSequence,
      );
      const isBroken = answer.error === "OUT_OF_ORDER_SEQUENCE_NUMBER" && !isBehind;
      // A plain producer does not repeat a batch that may have been written.
      const isOver = isIdempotent
        ? batch.producerEpoch !== this.#epoch
        : isUnknown || this.#random.chance(0.2);
      if (isOver || isBroken || FINAL.has(answer.error) || this.#router.nowMs >= untilMs) {
        batch.outcome = mayBeThere ? "unknown" : "absent";
        batch.completedMs = this.#router.nowMs;
        if (isIdempotent && batch.producerEpoch === this.#epoch) this.#newEpoch();
        break;
      }
      await scheduler.sleep(this.#random.between(10, 60 * Math.min(8, attempt + 1)));
    }
    this.#inFlight.delete(batch);
  }

  /** Believes a refusal: no attempt has written anything of the batch. */
  #believes(error: string, batch: SentBatch, attempt: number): boolean {
    const { isIdempotent, isDuplicated } = this.#options;
    return (
      isIdempotent &&
      !isDuplicated &&
      attempt > 0 &&
      NOT_WRITTEN.has(error) &&
      batch.producerEpoch === this.#epoch &&
      batch.log === this.#log &&
      // Under another token it would not be the same batch, and under the same one be refused where it was written.
      batch.fencing === null &&
      !this.#router.hasStragglers &&
      !this.isStopped
    );
  }

  async #attempt({ log, expectedOffset, fencing }: SentBatch, bytes: Uint8Array): Promise<Answer> {
    const { partition, acks } = this.#options;
    const cell = await this.#router.locate(partition, "leader");
    // A batch is not sent to another log than the one whose sequences it has.
    if (!cell || this.#router.log(partition) !== log) {
      return { ok: false, error: "LEADER_NOT_AVAILABLE", message: "" };
    }
    const request: AppendRequest = {
      batches: bytes,
      acks,
      ...(expectedOffset >= 0 && { expectedOffset }),
      ...(fencing && { fencing }),
    };
    const deadlineMs = this.#random.pick([1_000, 3_000, 12_000]);
    return this.#router.call<Appended>(partition, cell, "append", request, deadlineMs);
  }

  #acknowledged(batch: SentBatch, answer: Appended, bytes: Uint8Array): void {
    batch.outcome = "ok";
    batch.completedMs = this.#router.nowMs;
    batch.baseOffset = answer.baseOffset;
    batch.lastOffset = answer.lastOffset;
    this.#end = answer.lastOffset + 1;
    if (!answer.duplicate) this.#token = batch.fencing?.next ?? this.#token;
    if (batch.expectedOffset >= 0 && answer.baseOffset !== batch.expectedOffset) {
      this.#fail(
        `32: ${batch.values[0]} was expected at ${batch.expectedOffset} and answered with ${answer.baseOffset}`,
      );
    }
    if (answer.lastOffset - answer.baseOffset + 1 !== batch.values.length) {
      this.#fail(`16: ${batch.values[0]} was answered with offsets of another size`);
    }
    if (batch.producerId < 0 || batch.acks !== -1) return;
    this.#kept.push({ batch, bytes });
    if (this.#kept.length > IN_FLIGHT_MAX) this.#kept.shift();
    if (this.#random.chance(0.2)) void this.#repeatLater(batch, bytes);
  }

  /** Sends the last acknowledged batch again: every leader has to recognise it. */
  async repeatLast(): Promise<void> {
    for (const { batch, bytes } of this.#kept) await this.#repeat(batch, bytes);
  }

  async #repeatLater(batch: SentBatch, bytes: Uint8Array): Promise<void> {
    await this.#router.cluster.world.scheduler.sleep(this.#random.between(0, 3_000));
    if (!this.isStopped) await this.#repeat(batch, bytes);
  }

  /** Sends an acknowledged batch again: it has to be recognised, or refused. */
  async #repeat(batch: SentBatch, bytes: Uint8Array): Promise<void> {
    if (batch.log !== this.#log) return;
    const answer = await this.#attempt(batch, bytes);
    this.#history.operations += 1;
    if (this.#history.isLossy(batch.log)) return;
    if (answer.ok && (!answer.duplicate || answer.baseOffset !== batch.baseOffset)) {
      this.#fail(
        `16: a retry of ${batch.values[0]} at ${batch.baseOffset} was answered with ${answer.baseOffset}`,
      );
    }
  }

  #newEpoch(): void {
    if (this.#producerId < 0) return;
    this.#epoch += 1;
    this.#sequence = 0;
  }
}
