/** `npm run sim`: runs seeds; prints which failed, how to repeat them, and which faults were injected. */
import { parseArgs } from "node:util";
import { mutantNamed } from "./mutants.ts";
import { failureOfTest } from "./mutant-tests.ts";
import { MUTANTS } from "./mutant-table.ts";
import { writeReport, type Caught } from "./report.ts";
import { combineHashes, runMany, type Asked } from "./runner.ts";
import type { RunResult } from "./run.ts";
import { Totals } from "./totals.ts";
import type { Mutant } from "./mutant.ts";

const HELP = `npm run sim -- [options]

Runs the rules of controller and replicas, or with --groups those of consumer groups, in a deterministic simulation. The same seed gives the same
trace. A seed that fails, or has no end, does not end the run: all that did are named at its end. The last line is "N seeds, N failed"; the exit
status says the same.

  --seeds N        how many seeds (default 100)
  --from S         the first seed (default 1)
  --groups         seeds of a consumer group: its members, its object, and their faults
  --processes N    how many at a time (default: one for each core)
  --minutes N      begins no seed after so many minutes
  --faults K       only the first K faults of each seed's plan
  --mutant NAME    with one rule switched off; ends at the first seed that notices, or with its directed test
  --mutants        every mutant, until it is noticed; fails if one is not, within its seeds or by its test
  --list           list the mutants
  --trace          print every event, for one seed
  --twice          run every seed twice and compare the traces
  --report FILE    write the totals, and with --mutants their table, into FILE's generated parts
  --help           this`;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    processes: { type: "string" },
    minutes: { type: "string" },
    faults: { type: "string" },
    groups: { type: "boolean", default: false },
    mutant: { type: "string" },
    mutants: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    trace: { type: "boolean", default: false },
    twice: { type: "boolean", default: false },
    report: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

/** How many of the failed seeds are shrunk. */
const SHRUNK_MAX = 5;

const seeds = Number(values.seeds);
const from = Number(values.from);
const faults = values.faults === undefined ? {} : { faults: Number(values.faults) };
const processes = values.processes === undefined ? {} : { processes: Number(values.processes) };
const untilMs = Date.now() + Number(values.minutes ?? Infinity) * 60_000;

if (values.help) console.log(HELP);
else if (values.list) for (const { name, breaks } of MUTANTS) console.log(`${name}: ${breaks}`);
else if (values.trace) await trace();
else if (values.mutants) await allMutants();
else if (values.mutant !== undefined) await oneMutant(values.mutant);
else await plain();

function* range(groups = values.groups): Generator<Asked> {
  for (let seed = from; seed < from + seeds; seed++) {
    if (Date.now() > untilMs) return;
    yield { seed, groups, ...faults };
    if (values.twice) yield { seed, groups, ...faults };
  }
}

async function plain(): Promise<void> {
  const totals = new Totals();
  const failed: RunResult[] = [];
  const different: number[] = [];
  let hash = "";
  let before: RunResult | null = null;
  await runMany({
    seeds: range(),
    ...processes,
    onResult: (result) => {
      if (values.twice && before?.seed === result.seed) {
        if (before.traceHash !== result.traceHash) different.push(result.seed);
        return;
      }
      before = result;
      hash = combineHashes(hash, result);
      totals.add(result);
      if (result.failure !== null) {
        failed.push(result);
        console.log(`seed ${result.seed} failed: ${result.failure}`);
      }
      if (totals.seeds % 100 === 0) console.error(`${totals.seeds} seeds, ${failed.length} failed`);
    },
  });
  const shrunk = failed.filter(({ traceHash }) => traceHash !== "").slice(0, SHRUNK_MAX);
  for (const result of shrunk) await shrink(result);
  for (const line of totals.lines()) console.log(line);
  if (values.twice) console.log(`${different.length} seeds with another trace the second time`);
  console.log(`trace hash of all: ${hash}`);
  if (values.report !== undefined) await writeReport(values.report, { totals, hash, from });
  if (failed.length > 0) console.log(`failed: ${failed.map(({ seed }) => seed).join(" ")}`);
  console.log(`${totals.seeds} seeds, ${failed.length} failed`);
  process.exitCode = failed.length + different.length > 0 ? 1 : 0;
}

/** Finds the shortest beginning of the fault plan that still fails. */
async function shrink({ seed, faults: all }: RunResult): Promise<void> {
  let fails = all;
  let passes = -1;
  while (fails - passes > 1) {
    const middle = (fails + passes) >> 1;
    await runMany({
      seeds: [{ seed, faults: middle, groups: values.groups }],
      processes: 1,
      onResult: ({ failure }) => {
        if (failure === null) passes = middle;
        else fails = middle;
      },
    });
  }
  const kind = values.groups ? "--groups " : "";
  console.log(`again: npm run sim -- ${kind}--seeds 1 --from ${seed} --faults ${fails} --trace`);
}

async function oneMutant(name: string): Promise<void> {
  const { failure, seeds: run } = await noticed(mutantNamed(name));
  if (failure !== null)
    console.log(`${run === 0 ? "the test" : `seed ${from + run - 1}`} failed: ${failure}`);
  console.log(`${run} seeds, ${failure === null ? 0 : 1} failed`);
  process.exitCode = failure === null ? 0 : 1;
}

/** The failure of its directed test, or of the first seed that notices it; null if none does. */
async function noticed(mutant: Mutant): Promise<{ failure: string | null; seeds: number }> {
  if (mutant.test) return { failure: await failureOfTest(mutant, mutant.test), seeds: 0 };
  let run = 0;
  let found: string | null = null;
  await runMany({
    seeds: range(mutant.groups === true),
    mutant: mutant.name,
    ...processes,
    onResult: ({ failure }) => {
      run += 1;
      found = failure;
      return failure !== null;
    },
  });
  return { failure: found, seeds: run };
}

async function allMutants(): Promise<void> {
  const caught: Caught[] = [];
  for (const mutant of MUTANTS) {
    const { failure, seeds: run } = await noticed(mutant);
    caught.push({ name: mutant.name, seeds: run, failure });
    const by = mutant.test ? `the test "${mutant.test.name}"` : `seed ${from + run - 1}`;
    const [first] = (failure ?? "").split("\n");
    const survived = mutant.test ? `survived ${by}` : `survived ${run} seeds`;
    console.log(`${mutant.name}: ${failure === null ? survived : `caught by ${by} (${first})`}`);
  }
  if (values.report !== undefined) await writeReport(values.report, { caught });
  const survived = caught.filter(({ failure }) => failure === null).length;
  console.log(`${caught.length} mutants, ${survived} survived`);
  process.exitCode = survived > 0 ? 1 : 0;
}

async function trace(): Promise<void> {
  const { runSeed } = await import("./run.ts");
  const { runGroupSeed } = await import("./groups/run.ts");
  const run = values.groups ? runGroupSeed : runSeed;
  const result = await run(from, { ...faults, onTrace: (line) => console.log(line) });
  console.log(result.failure ?? "no invariant broke");
  console.log(`1 seeds, ${result.failure === null ? 0 : 1} failed`);
  process.exitCode = result.failure === null ? 0 : 1;
}
