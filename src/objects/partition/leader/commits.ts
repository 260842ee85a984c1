/**
 * Who waits until an offset is passed: appends with acks=all for the high watermark, deletions for the log starts
 * of followers (log-starts.ts). In order of their offsets; one timer serves all. Pure but for its timer port.
 */
import { refuse, type Refusal } from "../../../base/errors.ts";
import type { ClockPort, TimerPort } from "../../../base/ports.ts";
import type { AppendRefusal } from "../../contracts/partition.ts";

interface Waiting {
  readonly lastOffset: number;
  readonly deadlineMs: number;
  readonly answer: (refusal: AppendRefusal | null) => void;
}

export class Commits {
  readonly #clock: ClockPort;
  readonly #timers: TimerPort;
  #waiting: Waiting[] = [];
  #cancel: (() => void) | null = null;

  constructor(clock: ClockPort, timers: TimerPort) {
    this.#clock = clock;
    this.#timers = timers;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Answers null once {@link advance} has passed `lastOffset`, or a refusal before. */
  wait(
    lastOffset: number,
    timeoutMs: number,
    answer: (refusal: AppendRefusal | null) => void,
  ): void {
    const waiting = { lastOffset, deadlineMs: this.#clock.nowMs() + timeoutMs, answer };
    // A repeat of an older batch waits for less than those before it.
    const at = this.#waiting.findLastIndex((other) => other.lastOffset <= lastOffset) + 1;
    this.#waiting.splice(at, 0, waiting);
    this.#watch();
  }

  advance(highWatermark: number): void {
    // rule: waiting-appends-are-answered-when-passed
    const after = this.#waiting.findIndex(({ lastOffset }) => lastOffset >= highWatermark);
    const passed = this.#waiting.splice(0, after < 0 ? this.#waiting.length : after);
    for (const { answer } of passed) answer(null);
    if (this.#waiting.length === 0) this.#unwatch();
  }

  /** Nobody will be committed here any more, or not for now: all of it is written, and may stay. */
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
