/** One row of the benchmark's table: what it measures, and the result. */
import type { Rig } from "./rig.ts";

export interface Figures {
  /** In the row's unit. */
  readonly ours: number;
  /** The floor, or what else ours is compared with; in the row's unit. */
  readonly floor: number;
  readonly ratio: number;
  /** The other side's processor time for a request ÷ ours; null where that means nothing. */
  readonly cpuRatio: number | null;
  /** Per million records, counted during the measurement; null where no record was processed. */
  readonly rowsWritten: number | null;
  readonly objectCalls: number | null;
  /** Rows written, object calls and worker requests at the platform's prices. */
  readonly usdPerMillion: number | null;
  /** What else a reader of the table should know, briefly. */
  readonly note?: string;
}

export interface Row {
  /** For `--only`. */
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  /** What ours is compared with, where that is not the floor. */
  readonly against?: string;
  readonly target: number;
  /** Whether the ratio must be at least the target, or at most. */
  readonly atLeast: boolean;
  /** Whether it restarts the service, so that it cannot be profiled. */
  readonly restarts?: boolean;
  /** Null where the machine has what the row needs; else what is missing. */
  readonly missing?: () => string | null;
  measure(rig: Rig): Promise<Figures>;
}

/** Requests a second as megabytes a second. */
export function inMegabytes(figures: Figures, requestBytes: number): Figures {
  const megabytes = requestBytes / 1e6;
  return { ...figures, ours: figures.ours * megabytes, floor: figures.floor * megabytes };
}
