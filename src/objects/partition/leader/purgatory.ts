/**
 * Operations that wait until an offset has been passed (Kafka's purgatory): appends with acks=all for the high
 * watermark, deletions for the log starts of followers (delayed-deletes.ts). Kept in the order of their offsets; one
 * timer serves all. Pure but for its timer port.
 */
import { refuse, type Refusal } from "../../../base/errors.ts";
import type { ClockPort, TimerPort } from "../../../base/ports.ts";
import type { AppendRefusal } from "../../contracts/partition.ts";

interface Delayed {
  readonly lastOffset: number;
  readonly deadlineMs: number;
  readonly answer: (refusal: AppendRefusal | null) => void;
}

export class Purgatory {
  readonly #clock: ClockPort;
  readonly #timers: TimerPort;
  #waiting: Delayed[] = [];
  #cancel: (() => void) | null = null;

  constructor(clock: ClockPort, timers: TimerPort) {
    this.#clock = clock;
    this.#timers = timers;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Calls `answer` once: with null when {@link advance} has passed `lastOffset`, with a refusal if not in time. */
  wait(
    lastOffset: number,
    timeoutMs: number,
    answer: (refusal: AppendRefusal | null) => void,
  ): void {
    const waiting = { lastOffset, deadlineMs: this.#clock.nowMs() + timeoutMs, answer };
    // Usually the last: only a repeat of an older batch waits for less than those before it.
    const at = this.#waiting.findLastIndex((other) => other.lastOffset <= lastOffset) + 1;
    this.#waiting.splice(at, 0, waiting);
    this.#watch();
  }

  /** Everything below `highWatermark` has been passed. */
  advance(highWatermark: number): void {
    // rule: waiting-appends-are-answered-when-passed
    const after = this.#waiting.findIndex(({ lastOffset }) => lastOffset >= highWatermark);
    const passed = this.#waiting.splice(0, after < 0 ? this.#waiting.length : after);
    for (const { answer } of passed) answer(null);
    if (this.#waiting.length === 0) this.#unwatch();
  }

  /** Refuses all of them: what they wait for will not happen here, though it is written and may remain. */
  refuseAll(refusal: Refusal): void {
    this.#unwatch();
    // rule: refusals-after-the-write-say-so
    for (const { answer } of this.#waiting.splice(0)) answer({ ...refusal, written: true });
  }

  #watch(): void {
    if (this.#cancel !== null || this.#waiting.length === 0) return;
    const next = Math.min(...this.#waiting.map(({ deadlineMs }) => deadlineMs));
    const delayMs = Math.max(1, next - this.#clock.nowMs());
    this.#cancel = this.#timers.after(delayMs, () => {
      this.#cancel = null;
      this.#expire();
      this.#watch();
    });
  }

  #unwatch(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #expire(): void {
    const nowMs = this.#clock.nowMs();
    const late = this.#waiting.filter(({ deadlineMs }) => deadlineMs <= nowMs);
    this.#waiting = this.#waiting.filter(({ deadlineMs }) => deadlineMs > nowMs);
    for (const { answer } of late) answer({ ...refuse("REQUEST_TIMED_OUT"), written: true });
  }
}
