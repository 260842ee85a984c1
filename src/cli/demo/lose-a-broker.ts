/**
 * The demo of a lost broker: producers write with acks=all while the broker that leads most is fenced
 * and later comes back; then every acknowledged record is looked for, on every replica.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { clusterUrl, createTopic, deleteTopic, type Target } from "./api.ts";
import { Cluster, type Broker, type Partition } from "./cluster.ts";
import { copyOf, recordsOf } from "./copies.ts";
import { Ledger, type Balance } from "./ledger.ts";
import { Load } from "./load.ts";
import { print, printProblems } from "./print.ts";
import { Watch } from "./watch.ts";

const REPLICAS = 3;
/** When the broker is fenced and returns, as shares of the time. */
const LOST_AT = 0.25;
const BACK_AT = 0.55;
const RECOVERY_MS = 60_000;
const LOOK_MS = 50;

export interface LossOptions {
  readonly seconds: number;
  readonly partitions: number;
  readonly keep: boolean;
}

/**
 * Whether nothing was lost. Throws when the signal comes; the broker is back in service and the topic deleted then
 * too.
 */
export async function loseABroker(
  target: Target,
  options: LossOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const url = await clusterUrl(target);
  const cluster = new Cluster(target, url);
  const brokers = await brokersThatServe(cluster);
  const { partitions, keep } = options;
  await createTopic(target, url, {
    partitions,
    replicationFactor: REPLICAS,
    configs: { "min.insync.replicas": "2" },
  });
  try {
    const ledger = new Ledger(partitions);
    const load = new Load(cluster, ledger, partitions);
    print(
      `${load.producers} idempotent producers write to topic ${target.topic}, ${partitions} partitions of ${REPLICAS} replicas each, acks=all, min.insync.replicas=2.`,
    );
    await perform(cluster, load, options, signal);
    return await account(target, cluster, brokers, ledger, load);
  } finally {
    if (keep) print(`Topic ${target.topic} was left there.`);
    else await deleteTopic(target, url);
  }
}

/** Replicas are told apart by their brokers' racks when they are read. */
async function brokersThatServe(cluster: Cluster): Promise<Broker[]> {
  const brokers = (await cluster.brokers()).filter(({ state }) => state === "active");
  const racks = new Set(brokers.map(({ rack }) => rack));
  if (brokers.length < REPLICAS || racks.size < brokers.length || racks.has("")) {
    throw new Error(`It takes ${REPLICAS} active brokers or more, each in a rack of its own.`);
  }
  return brokers;
}

/** The story: load, a loss, a return, the old leaders again. The broker is in service when it ends. */
async function perform(
  cluster: Cluster,
  load: Load,
  { seconds }: LossOptions,
  signal: AbortSignal,
): Promise<void> {
  const [brokers, partitions] = await Promise.all([cluster.brokers(), cluster.partitions()]);
  const watch = new Watch(cluster, load, seconds * 1_000, { brokers, partitions });
  const ended = new AbortController();
  const watching = watch.run(ended.signal);
  const broken = new AbortController();
  const stopped = AbortSignal.any([signal, broken.signal]);
  const loading = load.run(stopped);
  loading.catch((error: unknown) => broken.abort(error));
  try {
    await story(cluster, load, watch, seconds * 1_000, stopped);
    load.stop();
    await loading;
  } catch (error) {
    broken.abort(error);
    await loading.catch(() => {});
    // What has stopped the producers says more than that they were stopped.
    throw signal.aborted ? signal.reason : broken.signal.reason;
  } finally {
    ended.abort();
    await watching;
  }
}

async function story(
  cluster: Cluster,
  load: Load,
  watch: Watch,
  totalMs: number,
  signal: AbortSignal,
): Promise<void> {
  await until(watch, LOST_AT * totalMs, signal);
  const lost = leadsMost(watch);
  watch.tell(`Broker ${lost} is fenced: it leads most.`);
  try {
    load.mark();
    await cluster.changeBroker(lost, "fence");
    await until(watch, BACK_AT * totalMs, signal);
  } finally {
    await cluster.changeBroker(lost, "unfence");
  }
  const backMs = watch.elapsedMs;
  watch.tell(`Broker ${lost} is back.`);
  await seen(watch, signal, ({ inSync }) => inSync.length === REPLICAS);
  const tookMs = Math.round(watch.elapsedMs - backMs);
  watch.tell(`All replicas are in sync again, ${tookMs} ms after it returned.`);
  for (const { partition, leader, replicas } of watch.partitions) {
    if (leader !== replicas[0]) await cluster.electPreferred(partition);
  }
  await seen(watch, signal, ({ leader, replicas }) => leader === replicas[0]);
  watch.tell("The preferred leaders lead again.");
  await until(watch, totalMs, signal);
}

async function until(watch: Watch, ms: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, ms - watch.elapsedMs), undefined, { signal });
}

function leadsMost(watch: Watch): number {
  const leads = new Map<number, number>();
  for (const { leader } of watch.partitions) leads.set(leader, (leads.get(leader) ?? 0) + 1);
  return [...leads].reduce((most, one) => (one[1] > most[1] ? one : most))[0];
}

/** Waits until every partition is as it should be. */
async function seen(
  watch: Watch,
  signal: AbortSignal,
  isWell: (partition: Partition) => boolean,
): Promise<void> {
  const deadlineMs = watch.elapsedMs + RECOVERY_MS;
  while (!watch.partitions.every(isWell)) {
    if (watch.elapsedMs > deadlineMs) throw new Error("The cluster does not recover.");
    await sleep(LOOK_MS, undefined, { signal });
  }
}

/** Looks for every acknowledged record on every replica, and says what was found. */
async function account(
  target: Target,
  cluster: Cluster,
  brokers: readonly Broker[],
  ledger: Ledger,
  load: Load,
): Promise<boolean> {
  const partitions = await cluster.partitions();
  const differing: string[] = [];
  let bytes = 0;
  for (const { partition, endOffset, replicas } of partitions) {
    for await (const { offset, value } of recordsOf(target, partition, endOffset)) {
      ledger.read(partition, offset, value);
    }
    const holders = brokers.filter(({ brokerId }) => replicas.includes(brokerId));
    const copies = await Promise.all(
      holders.map((broker) => copyOf(target, partition, endOffset, broker)),
    );
    bytes += copies[0]!.bytes;
    if (new Set(copies.map(({ sha256 }) => sha256)).size > 1) {
      differing.push(`partition ${partition}: its replicas differ.`);
    }
  }
  const { beforeMs, afterMs } = load.longestGaps;
  const elections = partitions.reduce((sum, { leaderEpoch }) => sum + leaderEpoch, 0);
  print(
    `Longest time that a partition acknowledged nothing: ${Math.round(afterMs)} ms from the loss on, ${Math.round(beforeMs)} ms before it. ${load.retries} requests repeated by their producers, ${elections} leaders elected.`,
  );
  const same = differing.length === 0 ? "the same" : "not the same";
  print(
    `${REPLICAS} replicas of ${partitions.length} partitions, ${(bytes / 1e6).toFixed(1)} MB each: ${same}, byte for byte.`,
  );
  return conclude(ledger.balance, differing);
}

function conclude(balance: Balance, differing: readonly string[]): boolean {
  const { acknowledged, lost, duplicates, problems } = balance;
  printProblems([...problems, ...differing]);
  const count = acknowledged.toLocaleString("en");
  if (problems.length === 0) {
    print(`${count} records acknowledged, each there once, at its offset.`);
  }
  print(
    lost === 0 && duplicates === 0
      ? "Zero acknowledged records lost."
      : `Of ${count} acknowledged records ${lost} are lost and ${duplicates} doubled.`,
  );
  return problems.length === 0 && differing.length === 0;
}
