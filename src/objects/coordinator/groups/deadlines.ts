/**
 * When a group's object has to look at its clock again. The alarm survives whatever happens to the
 * object; a timer beside it keeps the object awake that long, so that what it has heard is not forgotten.
 * Deadlines mostly move away: the alarm stays where it is then and is set anew when it has fired, which
 * costs a row for each session timeout instead of one for each heartbeat.
 */
import type { CoordinatorPorts } from "./ports.ts";

/** A deadline that was looked at and is there still is looked at again after this, in milliseconds. */
const AGAIN_MS = 1_000;
/** Beyond this only the alarm waits: nothing that is worth staying awake for. */
const AWAKE_MS_MAX = 60_000;

export class Deadlines {
  readonly #ports: CoordinatorPorts;
  readonly #run: () => void;
  #alarmAtMs: number | null;
  #timerAtMs = Number.POSITIVE_INFINITY;
  /** The latest deadline that had gone by when it was set: none is set a second time in the past. */
  #missedMs = Number.NEGATIVE_INFINITY;
  #cancel: () => void = () => {};

  constructor(ports: CoordinatorPorts, run: () => void) {
    this.#ports = ports;
    this.#run = run;
    this.#alarmAtMs = ports.alarmAtMs;
  }

  /** The next deadline; Infinity: there is none. */
  set(deadlineMs: number): void {
    if (deadlineMs === Number.POSITIVE_INFINITY) {
      if (this.#alarmAtMs !== null) this.#ports.alarm.clear();
      return this.clear();
    }
    const atMs = this.#notAgain(deadlineMs);
    if (this.#alarmAtMs === null || atMs < this.#alarmAtMs) {
      this.#ports.alarm.set(atMs);
      this.#alarmAtMs = atMs;
    }
    this.#setTimer(atMs);
  }

  /** The alarm is gone, used up or deleted with everything else. */
  clear(): void {
    this.#alarmAtMs = null;
    this.#cancel();
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  /** The alarm has fired. */
  fired(): void {
    this.#alarmAtMs = null;
  }

  /** Whatever holds a deadline up that has gone by, looking at it at once would cost a row each time. */
  #notAgain(deadlineMs: number): number {
    const nowMs = this.#ports.clock.nowMs();
    if (deadlineMs > nowMs) return deadlineMs;
    // rule: nothing-is-set-for-the-past-twice
    if (deadlineMs <= this.#missedMs) return nowMs + AGAIN_MS;
    this.#missedMs = deadlineMs;
    return deadlineMs;
  }

  #setTimer(atMs: number): void {
    const delayMs = Math.max(1, atMs - this.#ports.clock.nowMs());
    if (this.#timerAtMs <= atMs || delayMs > AWAKE_MS_MAX) return;
    this.#cancel();
    this.#timerAtMs = atMs;
    this.#cancel = this.#ports.timers.after(delayMs, () => {
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#run();
    });
  }
}
