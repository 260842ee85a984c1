/** Waiting with an end: on the timer port, so that a test and the simulator move it. */
import type { TimerPort } from "./ports.ts";

/** What the work gives, or null when it takes longer: it goes on, and nobody hears how it ends. */
export function within<T>(timer: TimerPort, delayMs: number, work: Promise<T>): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const cancel = timer.after(delayMs, () => resolve(null));
    work.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error: unknown) => {
        cancel();
        reject(error);
      },
    );
  });
}

/** Resolves after so many milliseconds. */
export function pause(timer: TimerPort, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    timer.after(delayMs, resolve);
  });
}
