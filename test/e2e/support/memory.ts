/** What a service holds in memory. */
import { readFileSync } from "node:fs";
import { processTree } from "./processes.ts";

/** Resident bytes of a process and everything below it. */
export function residentBytes(pid: number): number {
  return processTree(pid).reduce((sum, one) => {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${one}/status`, "utf8"))?.[1];
    return sum + Number(kilobytes ?? 0) * 1_024;
  }, 0);
}
