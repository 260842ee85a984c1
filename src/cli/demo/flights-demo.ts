/**
 * The flights demo: real flights, keyed by their origin, are produced over HTTP into a topic of six partitions while
 * a tailing reader follows; then every record is accounted for.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { readUsage, usageBetween, usd } from "../usage.ts";
import { Account } from "./account.ts";
import { clusterUrl, createTopic, deleteTopic, produce, tail, type Target } from "./api.ts";
import { DATA_SET, readFlights, type NumberedFlight } from "./flights.ts";
import { print, printProblems } from "./print.ts";
import { showProgress, type Progress } from "./progress.ts";

export const FLIGHTS_PARTITIONS = 6;
const RECORDS_PER_REQUEST = 1_000;
const READER_WAIT_MS = 30_000;
const READER_POLL_MS = 5;
const PRODUCED = "produced";
const READ = "read by the tail";

/** Whether every record is accounted for. Throws when the signal comes; the topic is deleted then too. */
export async function demonstrateFlights(
  target: Target,
  keep: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const flights = readFlights();
  const origins = new Set(flights.map(({ origin }) => origin)).size;
  const cluster = await clusterUrl(target);
  await createTopic(target, cluster, { partitions: FLIGHTS_PARTITIONS });
  print(
    `${flights.length} flights from ${origins} airports (${DATA_SET} of vega-datasets) go to topic ${target.topic}.`,
  );
  let isWell: boolean;
  try {
    const before = await readUsage(target.url, target.topic, target.headers);
    const account = await run(target, flights, signal);
    const after = await readUsage(target.url, target.topic, target.headers);
    printPartitions(account);
    printCost(usageBetween(before, after, FLIGHTS_PARTITIONS), flights.length);
    isWell = conclude(account, flights.length);
  } finally {
    if (!keep) await deleteTopic(target, cluster);
  }
  if (keep) print(`Topic ${target.topic} was left there.`);
  return isWell;
}

/** Produces all flights and waits until the tail has read as many. */
async function run(
  target: Target,
  flights: readonly NumberedFlight[],
  signal: AbortSignal,
): Promise<Account> {
  const account = new Account(FLIGHTS_PARTITIONS);
  const progress = showProgress([PRODUCED, READ], flights.length);
  const ended = new AbortController();
  const until = AbortSignal.any([ended.signal, signal]);
  const readers = Array.from({ length: FLIGHTS_PARTITIONS }, (_, partition) =>
    follow(target, partition, until, account, progress),
  );
  const failed = Promise.all(readers);
  const start = performance.now();
  let producedMs = 0;
  let readMs = 0;
  try {
    await Promise.race([produceAll(target, flights, account, progress, signal), failed]);
    producedMs = performance.now() - start;
    const allRead = async (): Promise<void> => {
      const deadline = performance.now() + READER_WAIT_MS;
      while (account.readCount < flights.length && performance.now() < deadline) {
        signal.throwIfAborted();
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
  signal.throwIfAborted();
  printThroughput(flights, producedMs, readMs);
  return account;
}

/** One request at a time, which keeps the order of a key. */
async function produceAll(
  target: Target,
  flights: readonly NumberedFlight[],
  account: Account,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  for (let at = 0; at < flights.length; at += RECORDS_PER_REQUEST) {
    signal.throwIfAborted();
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

function conclude(account: Account, produced: number): boolean {
  const problems = account.problems();
  if (problems.length === 0 && account.readCount === produced) {
    print(`All ${produced} records are accounted for: each once, at its offset, in order per key.`);
    return true;
  }
  printProblems(problems);
  process.stderr.write(
    `${account.readCount} of ${produced} records were read as they should be.\n`,
  );
  return false;
}
