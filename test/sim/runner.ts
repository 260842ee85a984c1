/**
 * Runs many seeds on all cores, each in one of a few child processes, and delivers the results in the order of the seeds. A
 * seed that does not end is a failure, and the others continue. It is recognised by making no progress, not by its
 * duration, since on a slow machine every seed takes long.
 */
import { fork, type ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { hashText } from "./random.ts";
import type { RunResult } from "./run.ts";
import { Standstill } from "./standstill.ts";

export interface Asked {
  readonly seed: number;
  /** Run only so many faults of the plan. */
  readonly faults?: number;
  /** A seed of a consumer group (test/sim/groups), not of a cluster of replicas. */
  readonly groups?: boolean;
}

export interface RunManyOptions {
  readonly seeds: Iterable<Asked>;
  readonly mutant?: string;
  readonly processes?: number;
  /** For tests of the runner: another module for its processes, and a shorter wait. */
  readonly child?: URL;
  readonly standstillMs?: number;
  /** Called in the order of the seeds; true ends the whole run. */
  readonly onResult: (result: RunResult) => boolean | void;
}

/** How far a seed is. */
interface Progress {
  readonly events: number;
  readonly simulatedMs: number;
}

export type FromChild = "ready" | Progress | { readonly result: RunResult };

/** The process's own time without progress (an event takes some milliseconds). */
const STANDSTILL_MS = 60_000;
const CHILD = new URL("child.ts", import.meta.url);
/** Rows and messages are short-lived: with the default of 16 MB, a fifth of the time is garbage collection. */
const NODE_OPTIONS = ["--max-semi-space-size=64"];

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
  const { child: module = CHILD, standstillMs = STANDSTILL_MS, mutant } = options;
  const work = async (): Promise<void> => {
    let child = await start(module, mutant);
    for (;;) {
      const asked = isOver ? { done: true as const } : seeds.next();
      if (asked.done) break;
      const index = taken;
      taken += 1;
      const ran = await runIn(child, asked.value, standstillMs);
      if (typeof ran === "string") {
        child.kill("SIGKILL");
        child = await start(module, mutant);
      }
      deliver(index, typeof ran === "string" ? withoutEnd(asked.value.seed, ran) : ran);
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

async function start(module: URL, mutant = ""): Promise<ChildProcess> {
  const child = fork(module, [mutant], {
    execArgv: [...process.execArgv, ...NODE_OPTIONS],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  await new Promise<void>((resolve, reject) => {
    child.once("message", () => resolve());
    child.once("exit", (code) => reject(new Error(`the simulator's process ended with ${code}`)));
  });
  return child;
}

/** The result of a seed, or why there is none. */
function runIn(
  child: ChildProcess,
  asked: Asked,
  standstillMs: number,
): Promise<RunResult | string> {
  return new Promise((resolve) => {
    let reached: Progress = { events: 0, simulatedMs: 0 };
    const where = (): string => `after ${reached.events} events and ${reached.simulatedMs} ms`;
    const standstill = new Standstill(child.pid!, standstillMs, () =>
      finish(`hung: nothing happens for ${standstillMs} ms ${where()}`),
    );
    const onExit = (code: number | null, signal: string | null): void =>
      finish(`its process died (${code ?? signal}) ${where()}`);
    const onMessage = (message: FromChild): void => {
      if (typeof message === "string") return;
      if ("result" in message) return finish(message.result);
      const { events, simulatedMs } = message;
      const isProgress = events !== reached.events || simulatedMs !== reached.simulatedMs;
      reached = message;
      standstill.reported(isProgress);
    };
    const finish = (ran: RunResult | string): void => {
      standstill.end();
      child.off("exit", onExit);
      child.off("message", onMessage);
      resolve(ran);
    };
    child.on("message", onMessage);
    child.once("exit", onExit);
    child.send(asked);
  });
}

function withoutEnd(seed: number, failure: string): RunResult {
  return {
    seed,
    failure,
    traceHash: "",
    simulatedMs: 0,
    events: 0,
    operations: 0,
    acknowledged: 0,
    faults: 0,
    counts: {},
  };
}
