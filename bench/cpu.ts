/** Processor time, which a busy machine disturbs less than it does throughput. */
import { readFileSync } from "node:fs";

/** Linux counts in ticks of a hundredth of a second, independent of its own timer frequency. */
const TICK_MS = 10;

/** The processor time a process has used so far, in milliseconds; NaN where the system does not tell. */
export function cpuMs(pid: number): number {
  if (process.platform !== "linux") return Number.NaN;
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
