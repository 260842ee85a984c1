/** The clock and timer ports over the runtime's own, for every object class. */
import type { ClockPort, TimerPort } from "../../base/ports.ts";

export const platformClock: ClockPort = { nowMs: () => Date.now() };

export const platformTimer: TimerPort = {
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
