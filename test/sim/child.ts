/**
 * A process that runs seeds for the runner: one message in, one result out. With a mutant named on its
 * command line it runs the rules with that one rule switched off.
 */
import { applyMutant } from "./mutants.ts";
import type { RunOptions } from "./run.ts";
import type { Asked } from "./runner.ts";

const mutant = process.argv[2] ?? "";
if (mutant !== "") applyMutant(mutant);
// Only now: what is loaded from here on is what the mutant has made of it.
const { runSeed } = await import("./run.ts");
const { runGroupSeed } = await import("./groups/run.ts");

process.on("message", (asked: Asked) => {
  const options: RunOptions = asked.faults === undefined ? {} : { faults: asked.faults };
  const run = asked.groups === true ? runGroupSeed : runSeed;
  void run(asked.seed, options).then((result) => process.send!(result));
});
process.on("disconnect", () => process.exit());
process.send!("ready");
