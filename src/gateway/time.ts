/** The timer port of workers: how {@link within} and {@link pause} wait outside the objects. */
import { pause as pauseOn, within as withinOn } from "../base/deadline.ts";
import type { TimerPort } from "../base/ports.ts";

const timer: TimerPort = {
  after(delayMs, run) {
    const id = setTimeout(run, delayMs);
    return () => clearTimeout(id);
  },
};

/** The result of the work, or null when it takes longer; the work goes on, and its outcome is dropped. */
export function within<T>(delayMs: number, work: Promise<T>): Promise<T | null> {
  return withinOn(timer, delayMs, work);
}

/** Resolves after this many milliseconds. */
export function pause(delayMs: number): Promise<void> {
  return pauseOn(timer, delayMs);
}
