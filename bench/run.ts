/**
 * `npm run bench`: the rows of the performance table, each a ratio measured in this run. Exits with 1 when a row
 * misses its target, and leaves nothing behind.
 */
import { parseArgs } from "node:util";
import { appendRows, partitionsRow } from "./append-rows.ts";
import { clientRows } from "./client-rows.ts";
import { kafkaRows } from "./kafka-rows.ts";
import { profiled } from "./profile.ts";
import { readRows } from "./read-rows.ts";
import { asJson, asTable, meetsTarget, type Measured } from "./report.ts";
import { startRig, type Rig } from "./rig.ts";
import type { Figures, Row } from "./row.ts";

// The large log comes last: its files would disturb every row after it.
const ROWS: readonly Row[] = [
  ...appendRows,
  ...kafkaRows,
  ...clientRows,
  ...readRows,
  partitionsRow,
];

const USAGE = `Usage: npm run bench [-- --only NAME] [--json] [--profile] [--help]

Measures the service against bench/floor, the least that a log on this platform costs: the same
bodies, in turn, on the same runtime, medians of several rounds. Kafka's protocol and clients are
measured against the same service over raw HTTP; "against" says what a row's other side is. A row
whose client is not on this machine is left out.

  --only NAME  only this row; may be given several times
  --json       prints {"rows":[…]} for machines; rows written, object calls and USD are per million records
  --profile    prints where the service's time in JavaScript went, for each row

Rows:
${ROWS.map(({ name, title }) => `  ${name.padEnd(20)}${title}`).join("\n")}
`;

await main();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true },
      json: { type: "boolean" },
      profile: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return void process.stdout.write(USAGE);
  const unknown = values.only?.find((name) => !ROWS.some((row) => row.name === name));
  if (unknown !== undefined) {
    process.stderr.write(`There is no row ${unknown}.\n\n${USAGE}`);
    process.exitCode = 1;
    return;
  }
  const rows = ROWS.filter(({ name }) => values.only?.includes(name) ?? true);
  const measured = await measure(rows, values.profile ?? false);
  process.stdout.write(`${values.json ? asJson(measured) : asTable(measured)}\n`);
  if (!measured.every(meetsTarget)) process.exitCode = 1;
}

async function measure(rows: readonly Row[], profile: boolean): Promise<Measured[]> {
  const rig = await startRig(profile);
  const interrupted = (): void => void rig.end().finally(() => process.exit(1));
  process.on("SIGINT", interrupted).on("SIGTERM", interrupted);
  const measured: Measured[] = [];
  try {
    for (const row of rows) {
      const missing = row.missing?.() ?? null;
      process.stderr.write(`${row.name} …${missing === null ? "" : ` left out: ${missing}.`}\n`);
      if (missing !== null) continue;
      measured.push({ row, figures: await measureRow(rig, row, profile) });
    }
  } finally {
    await rig.end();
  }
  return measured;
}

async function measureRow(rig: Rig, row: Row, profile: boolean): Promise<Figures> {
  if (!profile || row.restarts) return row.measure(rig);
  const { result, text } = await profiled(rig.service.inspectorUrl!, () => row.measure(rig));
  process.stderr.write(`${text}\n`);
  return result;
}
