/**
 * Runs one simulation to its end, whatever the end is: all was well, an invariant broke, the code of an
 * object or of the simulation threw, or there is no end in sight. Shared by both simulators.
 */
import { Superseded } from "./disk.ts";
import { RunEnded, turn, type Scheduler } from "./scheduler.ts";
import type { World } from "./world.ts";

/** Some ten thousand events are usual, and some minutes: what goes on for so long goes on for ever. */
const EVENTS_MAX = 1_000_000;
const SIMULATED_MS_MAX = 12 * 3_600_000;

export interface RunOptions {
  /** Only so many of the plan's faults, for shrinking. */
  readonly faults?: number;
  readonly onTrace?: (line: string) => void;
  /** Given what shows how far the run is. */
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
