/**
 * When an object has to look at its clock again: its one alarm, and beside it a timer. The alarm survives whatever
 * happens to the object; the timer keeps the object awake until then, so that what it holds in memory is not lost.
 */
import type { AlarmPort, ClockPort, TimerPort } from "../../base/ports.ts";

/** The alarm of an object, as far as this instance has set it. Each setting is billed as a row. */
export class PendingAlarm {
  readonly #alarm: AlarmPort;
  #atMs: number | null;

  /** @param atMs when the alarm is set to fire, in milliseconds since the epoch; null where that is not known */
  constructor(alarm: AlarmPort, atMs: number | null = null) {
    this.#alarm = alarm;
    this.#atMs = atMs;
  }

  /** Sets the alarm where it is not set, or set for later. */
  setAtMost(atMs: number): void {
    if (this.#atMs !== null && this.#atMs <= atMs) return;
    this.#alarm.set(atMs);
    this.#atMs = atMs;
  }

  clear(): void {
    if (this.#atMs !== null) this.#alarm.clear();
    this.#atMs = null;
  }

  /** It has fired, or was deleted with the object's storage. */
  forget(): void {
    this.#atMs = null;
  }
}

/** A deadline that has passed and was looked at without effect is looked at again after this, in milliseconds. */
const RETRY_MS = 1_000;
/** Deadlines later than this, in milliseconds, are not worth staying awake for: only the alarm waits. */
const AWAKE_MS_MAX = 60_000;

export interface DeadlinePorts {
  readonly alarm: AlarmPort;
  readonly clock: ClockPort;
  readonly timer: TimerPort;
  /** When the alarm is set to fire, in milliseconds since the epoch; null when it is not set. */
  readonly alarmAtMs: number | null;
}

/**
 * The next of an object's deadlines. Most deadlines only move later: the alarm stays where it is then, and is set
 * again when it has fired, which costs a row for each session timeout instead of one for each heartbeat.
 */
export class Deadlines {
  readonly #ports: DeadlinePorts;
  readonly #alarm: PendingAlarm;
  readonly #run: () => void;
  #timerAtMs = Number.POSITIVE_INFINITY;
  /** The latest deadline that had passed when it was set: none is set a second time in the past. */
  #missedMs = Number.NEGATIVE_INFINITY;
  #cancel: () => void = () => {};

  /** @param run the timer's callback: a deadline may have passed */
  constructor(ports: DeadlinePorts, run: () => void) {
    this.#ports = ports;
    this.#alarm = new PendingAlarm(ports.alarm, ports.alarmAtMs);
    this.#run = run;
  }

  /** The next deadline, in milliseconds since the epoch; Infinity: there is none. */
  set(deadlineMs: number): void {
    if (deadlineMs === Number.POSITIVE_INFINITY) {
      this.#alarm.clear();
      return this.#clearTimer();
    }
    const atMs = this.#delayed(deadlineMs);
    this.#alarm.setAtMost(atMs);
    this.#setTimer(atMs);
  }

  /** The alarm was deleted with the object's storage. */
  forget(): void {
    this.#alarm.forget();
    this.#clearTimer();
  }

  /** The alarm has fired. */
  fired(): void {
    this.#alarm.forget();
  }

  /** A deadline that something holds up is not looked at again at once, which would cost a row each time. */
  #delayed(deadlineMs: number): number {
    const nowMs = this.#ports.clock.nowMs();
    if (deadlineMs > nowMs) return deadlineMs;
    // rule: nothing-is-set-for-the-past-twice
    if (deadlineMs <= this.#missedMs) return nowMs + RETRY_MS;
    this.#missedMs = deadlineMs;
    return deadlineMs;
  }

  #clearTimer(): void {
    this.#cancel();
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  #setTimer(atMs: number): void {
    const delayMs = Math.max(1, atMs - this.#ports.clock.nowMs());
    if (this.#timerAtMs <= atMs || delayMs > AWAKE_MS_MAX) return;
    this.#cancel();
    this.#timerAtMs = atMs;
    this.#cancel = this.#ports.timer.after(delayMs, () => {
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#run();
    });
  }
}
