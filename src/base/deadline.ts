/** Waits with a deadline, on the timer port, so that tests and the simulator move the time. */
import type { TimerPort } from "./ports.ts";

/** The result of the work, or null when it takes longer; the work goes on, and its outcome is dropped. */
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

/** Resolves after this many milliseconds. */
export function pause(timer: TimerPort, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    timer.after(delayMs, resolve);
  });
}
