/**
 * `npm run demo`: the main job in one command. Real flights, keyed by their origin, go into a topic
 * of six partitions over HTTP while a tailing reader follows; then every record is accounted for.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Account } from "./demo/account.ts";
import { createTopic, deleteTopic, produce, tail, topicsPath, type Target } from "./demo/api.ts";
import { DATA_SET, readFlights, type NumberedFlight } from "./demo/flights.ts";
import { showProgress, type Progress } from "./demo/progress.ts";
import { startRuntime } from "./local-runtime.ts";
import { readUsage, usageBetween, usd } from "./usage.ts";

const PARTITIONS = 6;
const RECORDS_PER_REQUEST = 1_000;
const READER_WAIT_MS = 30_000;
const READER_POLL_MS = 5;
const PRODUCED = "produced";
const READ = "read by the tail";

const USAGE = `Usage: npm run demo [-- --url URL] [--key KEY] [--keep] [--help]

Produces ${DATA_SET} of vega-datasets into a topic of its own with ${PARTITIONS} partitions, keyed by origin,
follows it with a tailing reader, and accounts for every record.

  --url URL   a running service; without it one is started on a temporary directory
  --key KEY   its bearer key
  --keep      leaves the topic there
`;

await main();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: "string" },
      key: { type: "string" },
      keep: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return void process.stdout.write(USAGE);
  const own = values.url === undefined ? await startOwn() : null;
  try {
    const target = {
      url: own?.url ?? values.url!.replace(/\/+$/, ""),
      headers: values.key === undefined ? {} : { authorization: `Bearer ${values.key}` },
      topic: `flights-${Date.now().toString(36)}`,
    };
    await demonstrate(target, values.keep ?? false);
  } catch (error) {
    process.stderr.write(`The demo failed: ${(error as Error).message}\n`);
    process.exitCode = 1;
  } finally {
    await own?.stop();
  }
}

async function startOwn(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), "odradek-demo-"));
  const runtime = await startRuntime({
    configPath: resolve(import.meta.dirname, "../../wrangler.toml"),
    dataDir,
    host: "127.0.0.1",
    port: 0,
    variables: { OPEN_ON_LOOPBACK: "true" },
  });
  print(`Started a service at ${runtime.url} on a temporary directory.`);
  return {
    url: runtime.url,
    async stop() {
      await runtime.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function demonstrate(target: Target, keep: boolean): Promise<void> {
  const flights = readFlights();
  const origins = new Set(flights.map(({ origin }) => origin)).size;
  const topics = await topicsPath(target);
  await createTopic(target, topics, PARTITIONS);
  print(
    `${flights.length} flights from ${origins} airports (${DATA_SET} of vega-datasets) go to topic ${target.topic}.`,
  );
  try {
    const before = await readUsage(target.url, target.topic, target.headers);
    const account = await run(target, flights);
    const after = await readUsage(target.url, target.topic, target.headers);
    printPartitions(account);
    printCost(usageBetween(before, after, PARTITIONS), flights.length);
    conclude(account, flights.length);
  } finally {
    if (!keep) await deleteTopic(target, topics);
  }
  if (keep) print(`Topic ${target.topic} was left there.`);
}

/** Produces all and waits until the tail has read as many. */
async function run(target: Target, flights: readonly NumberedFlight[]): Promise<Account> {
  const account = new Account(PARTITIONS);
  const progress = showProgress([PRODUCED, READ], flights.length);
  const ended = new AbortController();
  const readers = Array.from({ length: PARTITIONS }, (_, partition) =>
    follow(target, partition, ended.signal, account, progress),
  );
  const failed = Promise.all(readers);
  const start = performance.now();
  let producedMs = 0;
  let readMs = 0;
  try {
    await Promise.race([produceAll(target, flights, account, progress), failed]);
    producedMs = performance.now() - start;
    const allRead = async (): Promise<void> => {
      const deadline = performance.now() + READER_WAIT_MS;
      while (account.readCount < flights.length && performance.now() < deadline) {
        await sleep(READER_POLL_MS);
      }
    };
    await Promise.race([allRead(), failed]);
    readMs = performance.now() - start;
  } finally {
    progress.stop();
    ended.abort();
    await failed.catch(() => {});
  }
  printThroughput(flights, producedMs, readMs);
  return account;
}

/** One request at a time: that is what keeps a key's order. */
async function produceAll(
  target: Target,
  flights: readonly NumberedFlight[],
  account: Account,
  progress: Progress,
): Promise<void> {
  for (let at = 0; at < flights.length; at += RECORDS_PER_REQUEST) {
    const some = flights.slice(at, at + RECORDS_PER_REQUEST);
    const delivered = await produce(target, some);
    for (const [i, place] of delivered.entries()) account.acknowledged(place, some[i]!);
    progress.update(PRODUCED, at + some.length);
  }
}

async function follow(
  target: Target,
  partition: number,
  signal: AbortSignal,
  account: Account,
  progress: Progress,
): Promise<void> {
  try {
    for await (const record of tail(target, partition, signal)) {
      account.read(record);
      progress.update(READ, account.readCount);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function printThroughput(
  flights: readonly NumberedFlight[],
  producedMs: number,
  readMs: number,
): void {
  const megabytes = Buffer.byteLength(JSON.stringify(flights)) / 1e6;
  const perSecond = Math.round((flights.length / producedMs) * 1_000).toLocaleString("en");
  const rate = ((megabytes / producedMs) * 1_000).toFixed(1);
  print(
    `Produced in ${(producedMs / 1_000).toFixed(2)} s by one producer: ${perSecond} records/s, ${rate} MB/s of JSON.`,
  );
  print(`The tail had the last record ${Math.max(0, readMs - producedMs).toFixed(0)} ms later.`);
}

function printPartitions(account: Account): void {
  const keys = account.keysByPartition();
  for (const [partition, records] of account.recordsByPartition().entries()) {
    print(`  partition ${partition}: ${records} records of ${keys[partition]} airports`);
  }
}

function printCost(usage: ReturnType<typeof usageBetween>, records: number): void {
  const cost = usd(usage);
  const million = ((cost / records) * 1e6).toFixed(3);
  print(
    `On the platform: ${usage.rowsWritten} rows written, ${usage.objectCalls} object calls, ${usage.requests} requests, about ${cost.toFixed(6)} USD (${million} USD per million records, without storage and time awake).`,
  );
}

function conclude(account: Account, produced: number): void {
  const problems = account.problems();
  if (problems.length === 0 && account.readCount === produced) {
    print(`All ${produced} records are accounted for: each once, at its offset, in order per key.`);
    return;
  }
  for (const problem of problems.slice(0, 20)) process.stderr.write(`${problem}\n`);
  process.stderr.write(
    `${account.readCount} of ${produced} records were read as they should be.\n`,
  );
  process.exitCode = 1;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
