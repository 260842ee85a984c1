/**
 * Runs one simulation until it ends: it succeeds, an invariant breaks, the code of an object or of the simulation throws,
 * or a limit is reached. Shared by both simulators.
 */
import { Superseded } from "./disk.ts";
import { RunEnded, turn, type Scheduler } from "./scheduler.ts";
import type { World } from "./world.ts";

/** Ten thousand events and some minutes are usual: a run beyond these limits would not end. */
const EVENTS_MAX = 1_000_000;
const SIMULATED_MS_MAX = 12 * 3_600_000;

export interface RunOptions {
  /** Run only so many faults of the plan, for shrinking. */
  readonly faults?: number;
  readonly onTrace?: (line: string) => void;
  /** Called with the scheduler, which shows the progress of the run. */
  readonly onBegin?: (scheduler: Scheduler) => void;
}

export async function runToItsEnd(
  world: World,
  { onTrace, onBegin }: RunOptions,
  all: () => Promise<void>,
): Promise<void> {
  const { scheduler } = world;
  scheduler.onTrace = onTrace ?? null;
  scheduler.limits = {
    events: EVENTS_MAX,
    simulatedMs: SIMULATED_MS_MAX,
    onReached: () =>
      world.fail(`hung: no end after ${scheduler.events} events and ${scheduler.nowMs} ms`),
  };
  const onRejection = (error: unknown): void => {
    if (!(error instanceof Superseded)) world.fail(`unhandled: ${describe(error)}`);
  };
  process.on("unhandledRejection", onRejection);
  onBegin?.(scheduler);
  try {
    await all();
    await turn();
  } catch (error) {
    if (!(error instanceof RunEnded)) world.fail(`thrown: ${describe(error)}`);
  } finally {
    process.off("unhandledRejection", onRejection);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)) : String(error);
}
