/**
 * A process that runs seeds for the runner: one message in, one result out, and meanwhile how far it is.
 * With a mutant named on its command line it runs the rules with that one rule switched off.
 */
import { applyMutant } from "./mutants.ts";
import type { Asked, FromChild } from "./runner.ts";
import type { Scheduler } from "./scheduler.ts";
import type { RunOptions } from "./to-its-end.ts";

const mutant = process.argv[2] ?? "";
if (mutant !== "") applyMutant(mutant);
// Only now: what is loaded from here on is what the mutant has made of it.
const { runSeed } = await import("./run.ts");
const { runGroupSeed } = await import("./groups/run.ts");

const PROGRESS_MS = 2_000;

process.on("message", (asked: Asked) => {
  let scheduler: Scheduler | null = null;
  const options: RunOptions = {
    ...(asked.faults === undefined ? {} : { faults: asked.faults }),
    onBegin: (begun) => (scheduler = begun),
  };
  // Events let timers run in between: where none comes, no event has come to its end.
  const progress = setInterval(() => {
    if (scheduler) send({ events: scheduler.events, simulatedMs: scheduler.nowMs });
  }, PROGRESS_MS);
  const run = asked.groups === true ? runGroupSeed : runSeed;
  void run(asked.seed, options).then((result) => {
    clearInterval(progress);
    send({ result });
  });
});
process.on("disconnect", () => process.exit());
send("ready");

function send(message: FromChild): void {
  process.send!(message);
}
