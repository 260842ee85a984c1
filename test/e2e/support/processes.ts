/**
 * Process trees, for tests that must know what a service leaves behind: every id here was found below a process that
 * the test itself started.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** The process and all its descendants, as they are now. */
export function processTree(root: number): number[] {
  const childrenOf = new Map<number, number[]>();
  const listing = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat="], { encoding: "utf8" });
  for (const line of listing.trim().split("\n")) {
    const [pid, parent, state] = line.trim().split(/\s+/);
    if (state!.startsWith("Z")) continue;
    childrenOf.set(Number(parent), [...(childrenOf.get(Number(parent)) ?? []), Number(pid)]);
  }
  const tree: number[] = [];
  for (const pending = [root]; pending.length > 0;) {
    const pid = pending.pop()!;
    if (isAlive(pid)) tree.push(pid);
    pending.push(...(childrenOf.get(pid) ?? []));
  }
  return tree;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !isZombie(pid);
}

/** Ended, and not yet reaped by its parent: it runs nothing and holds nothing. */
function isZombie(pid: number): boolean {
  try {
    // "pid (name) state …": the name may hold anything, so the state is looked for from its end.
    return /\) Z [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    // Ended in between, or a system without /proc.
    return false;
  }
}

/** Sends SIGKILL to each that is still there. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Ended already.
    }
  }
}

/** Waits until none of them is left; throws naming those that are, after `timeoutMs`. */
export async function allGone(pids: readonly number[], timeoutMs = 10_000): Promise<void> {
  await until(
    () => !pids.some(isAlive),
    timeoutMs,
    () => `still running: ${pids.filter(isAlive).join(", ")}`,
  );
}

/** Waits for a condition; throws what `otherwise` says when it does not come. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
  otherwise: () => string,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(otherwise());
    await sleep(20);
  }
}
