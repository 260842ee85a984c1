/**
 * What there is to see while a broker is lost, as lines of text. Pure: the same scene gives the same
 * lines. Where they go is the screen's business.
 */
import type { Broker, Partition } from "./cluster.ts";

export interface Scene {
  readonly elapsedMs: number;
  readonly totalMs: number;
  /** Records acknowledged so far, by partition. */
  readonly acknowledged: readonly number[];
  /** By partition: records acknowledged per second, in each step so far. */
  readonly rates: readonly (readonly number[])[];
  readonly retries: number;
  readonly brokers: readonly Broker[];
  readonly partitions: readonly Partition[];
  /** What has happened, oldest first. */
  readonly events: readonly string[];
}

export interface Line {
  readonly text: string;
  readonly tone?: "loud" | "quiet" | "bad" | "good";
}

const BARS = "▁▂▃▄▅▆▇█";
const INDENT = "  ";
/** Newest steps that a partition's own line shows. */
const PARTITION_STEPS = 32;

/** The newest values, at most `width` of them, against the largest of all. */
export function sparkline(values: readonly number[], width: number): string {
  const most = Math.max(1, ...values);
  return values
    .slice(-width)
    .map((value) => BARS[Math.min(BARS.length - 1, Math.floor((value / most) * BARS.length))]!)
    .join("");
}

/** As many lines as fit; the oldest events give way first. */
export function sceneLines(scene: Scene, columns: number, rows: number): Line[] {
  const fixed: Line[] = [
    { text: headline(scene), tone: "loud" },
    { text: sparkline(totals(scene.rates), columns - 1), tone: "good" },
    ...scene.brokers.map((broker) => brokerLine(broker, scene.partitions)),
    { text: "partition  leader  epoch  in sync      end offset  acknowledged", tone: "quiet" },
    ...scene.partitions.map((partition) => partitionLine(partition, scene)),
  ];
  const room = Math.max(0, rows - 1 - fixed.length);
  const events = room === 0 ? [] : scene.events.slice(-room).map((text): Line => ({ text }));
  const lines = [...fixed, ...events].slice(0, Math.max(1, rows - 1));
  return lines.map((line) => ({ ...line, text: line.text.slice(0, columns - 1) }));
}

/** The same in one line, for output that is not redrawn. */
export function sceneInOneLine(scene: Scene): string {
  const { partitions } = scene;
  const leaders = partitions.map(({ leader }) => (leader < 0 ? "-" : leader)).join(" ");
  const inSync = partitions.map((partition) => partition.inSync.length).join(" ");
  const epochs = partitions.map(({ leaderEpoch }) => leaderEpoch).join(" ");
  return `${headline(scene)}; leaders ${leaders}; epochs ${epochs}; in sync ${inSync}`;
}

function headline({ elapsedMs, totalMs, acknowledged, rates, retries }: Scene): string {
  const rate = Math.round(totals(rates).at(-1) ?? 0).toLocaleString("en");
  const records = sum(acknowledged).toLocaleString("en");
  const seconds = `${(elapsedMs / 1_000).toFixed(1)} of ${Math.round(totalMs / 1_000)} s`;
  return `${seconds}: ${rate} records/s, ${records} acknowledged, ${retries} requests repeated`;
}

/** The rate of all partitions in each step. */
function totals(rates: Scene["rates"]): number[] {
  return (rates[0] ?? []).map((_, step) => sum(rates.map((of) => of[step]!)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function brokerLine({ brokerId, rack, state }: Broker, partitions: readonly Partition[]): Line {
  const leads = partitions.filter(({ leader }) => leader === brokerId).length;
  const name = `broker ${brokerId} (${rack})`.padEnd(20);
  const text = `${name} ${state.padEnd(8)}  leads ${leads} ${"●".repeat(leads)}`;
  return state === "active" ? { text } : { text, tone: "bad" };
}

function partitionLine(partition: Partition, { rates }: Scene): Line {
  const { leader, leaderEpoch, replicas, inSync, endOffset } = partition;
  const shown = replicas.map((id) => (inSync.includes(id) ? String(id) : `(${id})`)).join(" ");
  const columns = [
    String(partition.partition).padStart(9),
    (leader < 0 ? "none" : String(leader)).padStart(6),
    String(leaderEpoch).padStart(5),
    shown.padEnd(11),
    (endOffset < 0 ? "?" : endOffset.toLocaleString("en")).padStart(10),
    sparkline(rates[partition.partition]!, PARTITION_STEPS),
  ];
  const text = columns.join(INDENT);
  return inSync.length < replicas.length ? { text, tone: "bad" } : { text };
}

/** What has changed between two views of the partitions, in words. */
export function changesBetween(before: readonly Partition[], now: readonly Partition[]): string[] {
  const moves: string[] = [];
  const left = new Map<number, number[]>();
  const joined = new Map<number, number[]>();
  for (const { partition, leader, inSync } of now) {
    const old = before[partition];
    if (old === undefined) continue;
    if (old.leader !== leader) moves.push(`${partition} from ${old.leader} to ${leader}`);
    for (const id of old.inSync) if (!inSync.includes(id)) add(left, id, partition);
    for (const id of inSync) if (!old.inSync.includes(id)) add(joined, id, partition);
  }
  const places = (partitions: readonly number[]): string =>
    `${partitions.length === 1 ? "partition" : "partitions"} ${partitions.join(", ")}`;
  return [
    ...(moves.length > 0 ? [`Leaders move: partition ${moves.join(", ")}.`] : []),
    ...[...left].map(([id, of]) => `Broker ${id} leaves the in-sync set of ${places(of)}.`),
    ...[...joined].map(([id, of]) => `Broker ${id} joins the in-sync set of ${places(of)}.`),
  ];
}

function add(map: Map<number, number[]>, key: number, value: number): void {
  map.set(key, [...(map.get(key) ?? []), value]);
}
