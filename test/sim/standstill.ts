/**
 * Notices that a seed's process makes no progress, by what the process has itself done since: the processor time it has
 * used, or its reports of the same state. Time in which it was stopped, or waited for a processor, does not count.
 */
import { readFileSync } from "node:fs";

/** How often a seed's process reports how far it is, in milliseconds. */
export const REPORT_MS = 2_000;
/** Looks at the processor time in the time that a standstill lasts. */
const LOOKS = 20;

export class Standstill {
  readonly #pid: number;
  readonly #limitMs: number;
  readonly #onStandstill: () => void;
  readonly #timer: NodeJS.Timeout;
  /** Processor time at the last progress; null where the system does not tell it. */
  #sinceMs: number | null;
  #reports = 0;
  /** Where the processor time is not known: looks since the last progress. */
  #looks = 0;

  constructor(pid: number, limitMs: number, onStandstill: () => void) {
    this.#pid = pid;
    this.#limitMs = limitMs;
    this.#onStandstill = onStandstill;
    this.#sinceMs = processorMs(pid);
    this.#timer = setInterval(() => this.#look(), limitMs / LOOKS);
  }

  /** The process has reported how far it is: further than before, or as far. */
  reported(isProgress: boolean): void {
    if (isProgress) {
      this.#sinceMs = processorMs(this.#pid);
      this.#reports = 0;
      this.#looks = 0;
      return;
    }
    this.#reports += 1;
    if (this.#reports * REPORT_MS >= this.#limitMs) this.#onStandstill();
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = processorMs(this.#pid);
    this.#looks += 1;
    const isStanding =
      nowMs === null || this.#sinceMs === null
        ? this.#looks >= LOOKS
        : nowMs - this.#sinceMs >= this.#limitMs;
    if (isStanding) this.#onStandstill();
  }
}

/** How long the process's first thread has run on a processor, in milliseconds; null where Linux does not tell. */
function processorMs(pid: number): number | null {
  try {
    const [nanoseconds] = readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ");
    const ms = Number(nanoseconds) / 1e6;
    return ms > 0 ? ms : null;
  } catch {
    return null;
  }
}
