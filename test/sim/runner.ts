/**
 * Runs many seeds on all cores, each in one of a few child processes, and hands over the results in
 * the order of the seeds. A seed that does not end is a failure.
 */
import { fork, type ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { hashText } from "./random.ts";
import type { RunResult } from "./run.ts";

export interface Asked {
  readonly seed: number;
  /** Only so many of the plan's faults. */
  readonly faults?: number;
  /** A seed of a consumer group (test/sim/groups), not of a cluster of replicas. */
  readonly groups?: boolean;
}

export interface RunManyOptions {
  readonly seeds: Iterable<Asked>;
  readonly mutant?: string;
  readonly processes?: number;
  /** In the order of the seeds; true ends the whole run. */
  readonly onResult: (result: RunResult) => boolean | void;
}

/** No seed takes so long. */
const SEED_MS_MAX = 120_000;

export async function runMany(options: RunManyOptions): Promise<void> {
  const seeds = options.seeds[Symbol.iterator]();
  const finished = new Map<number, RunResult>();
  let taken = 0;
  let next = 0;
  let isOver = false;
  const deliver = (index: number, result: RunResult): void => {
    finished.set(index, result);
    for (let ready = finished.get(next); ready && !isOver; ready = finished.get(next)) {
      finished.delete(next);
      next += 1;
      if (options.onResult(ready) === true) isOver = true;
    }
  };
  const work = async (): Promise<void> => {
    let child = await start(options.mutant);
    for (;;) {
      const asked = isOver ? { done: true as const } : seeds.next();
      if (asked.done) break;
      const index = taken;
      taken += 1;
      const result = await runIn(child, asked.value);
      if (result === null) {
        child.kill("SIGKILL");
        child = await start(options.mutant);
      }
      deliver(index, result ?? hung(asked.value.seed));
    }
    child.disconnect();
  };
  const processes = options.processes ?? availableParallelism();
  await Promise.all(Array.from({ length: processes }, work));
}

/** One hash over the traces of many seeds, in their order. */
export function combineHashes(before: string, result: RunResult): string {
  const hash = hashText(`${before}${result.seed}${result.traceHash}`);
  return `${(hash >>> 0).toString(16).padStart(8, "0")}${(hashText(before, hash) >>> 0).toString(16).padStart(8, "0")}`;
}

async function start(mutant = ""): Promise<ChildProcess> {
  const child = fork(new URL("child.ts", import.meta.url), [mutant], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  await new Promise<void>((resolve, reject) => {
    child.once("message", () => resolve());
    child.once("exit", (code) => reject(new Error(`the simulator's process ended with ${code}`)));
  });
  return child;
}

/** Null where it has no end. */
function runIn(child: ChildProcess, asked: Asked): Promise<RunResult | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish(null), SEED_MS_MAX);
    const onExit = (): void => finish(null);
    const finish = (result: RunResult | null): void => {
      clearTimeout(timer);
      child.off("exit", onExit);
      child.off("message", finish);
      resolve(result);
    };
    child.once("message", finish);
    child.once("exit", onExit);
    child.send(asked);
  });
}

function hung(seed: number): RunResult {
  return {
    seed,
    failure: `the seed has no end within ${SEED_MS_MAX} ms, or its process died`,
    traceHash: "",
    simulatedMs: 0,
    events: 0,
    operations: 0,
    acknowledged: 0,
    faults: 0,
    counts: {},
  };
}
