/**
 * `npm run histories`: rounds of the history checker against services of its own, one after the other. The last
 * lines are the totals; the exit code is 0 only when every history held.
 */
import { parseArgs } from "node:util";
import { runRound } from "./round.ts";
import { sum, type Totals } from "./world.ts";

const USAGE = "Usage: npm run histories -- [--rounds N] [--seconds S] [--seed N] [--timeline]";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    timeline: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
const [rounds, seconds, first] = [values.rounds, values.seconds, values.seed].map(Number) as [
  number,
  number,
  number,
];

if (values.help || ![rounds, seconds, first].every((n) => Number.isSafeInteger(n) && n >= 0)) {
  console.log(USAGE);
  process.exit(values.help ? 0 : 2);
}

const totals: Totals = new Map();
const failed: number[] = [];
for (let round = 0; round < rounds; round++) {
  const result = await runRound(first + round, { seconds });
  sum(totals, result.totals);
  const records = result.totals.get("records compared") ?? 0;
  const found = result.anomalies.length === 0 ? "holds" : "ANOMALIES";
  console.log(`round ${round + 1}, seed ${result.seed}: ${records} records, ${found}`);
  for (const anomaly of result.anomalies) console.log(`  ${anomaly}`);
  if (values.timeline || result.anomalies.length > 0) {
    for (const line of result.timeline) console.log(`    ${line}`);
  }
  if (result.anomalies.length > 0) failed.push(result.seed);
}

for (const [name, number] of [...totals].toSorted()) console.log(`${name}: ${number}`);
console.log(
  `${rounds} rounds of ${seconds} s from seed ${first} on: ${failed.length} with anomalies` +
    (failed.length > 0 ? ` (seeds ${failed.join(", ")})` : ""),
);
// Clients of libraries that were left in the middle of a retry may hold timers.
process.exit(failed.length > 0 ? 1 : 0);
