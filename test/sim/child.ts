/**
 * A process that runs seeds for the runner: one message in, one result out, and its progress in between. If a mutant is
 * named on its command line, it runs the rules with that rule switched off.
 */
import { applyMutant } from "./mutants.ts";
import type { Asked, FromChild } from "./runner.ts";
import type { Scheduler } from "./scheduler.ts";
import { REPORT_MS } from "./standstill.ts";
import type { RunOptions } from "./to-its-end.ts";

const mutant = process.argv[2] ?? "";
if (mutant !== "") applyMutant(mutant);
// Imported only now, so that the mutant has changed what is loaded.
const { runSeed } = await import("./run.ts");
const { runGroupSeed } = await import("./groups/run.ts");

process.on("message", (asked: Asked) => {
  let scheduler: Scheduler | null = null;
  const options: RunOptions = {
    ...(asked.faults === undefined ? {} : { faults: asked.faults }),
    onBegin: (begun) => (scheduler = begun),
  };
  // Timers run between events: if none runs, an event does not end.
  const progress = setInterval(() => {
    if (scheduler) send({ events: scheduler.events, simulatedMs: scheduler.nowMs });
  }, REPORT_MS);
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
