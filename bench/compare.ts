/**
 * Two sides in turn, in short slices, so that whatever else the machine does meets both alike. Each
 * pair of neighbouring slices gives one ratio; the median of the pairs counts.
 */
import { cpuMs } from "./cpu.ts";
import { counted } from "./counted.ts";
import type { LoadJob } from "./load-protocol.ts";
import { median } from "./median.ts";
import type { MeasuredRuntime, Rig, Topic } from "./rig.ts";
import type { Figures } from "./row.ts";

const ROUNDS = 9;
const SLICE_SECONDS = 1;

/** Requests alike, from so many connections, to one of the two. */
export interface Side extends Pick<LoadJob, "request" | "connections"> {
  readonly runtime: MeasuredRuntime;
}

interface Slice {
  readonly perSecond: number;
  readonly cpuMsPerRequest: number;
}

/** Compares ours, whose requests go to `topic` and carry `records` each, with the other side. */
export async function compare(
  rig: Rig,
  topic: Topic,
  records: number,
  ours: Side,
  other: Side,
): Promise<Figures> {
  // What ours costs is counted while it warms up.
  const { costs } = await counted(rig, topic, records, () => slice(rig, ours));
  await slice(rig, other);
  const { one, ...rest } = await alternate(rig, ours, other, ROUNDS);
  return { ours: one, floor: rest.other, ratio: rest.ratio, cpuRatio: rest.cpuRatio, ...costs };
}

interface Alternated {
  /** Requests a second. */
  readonly one: number;
  readonly other: number;
  readonly ratio: number;
  readonly cpuRatio: number | null;
}

/** Slices of the two in turn: medians of the figures of either and of the ratios of the pairs. */
export async function alternate(
  rig: Rig,
  one: Side,
  other: Side,
  rounds: number,
): Promise<Alternated> {
  const pairs: [one: Slice, other: Slice][] = [];
  for (let round = 0; round < rounds; round += 1) {
    // The side that goes first changes, so that neither always follows the other.
    const first = round % 2 === 0 ? await slice(rig, one) : null;
    const second = await slice(rig, other);
    pairs.push([first ?? (await slice(rig, one)), second]);
  }
  const of = (figure: (one: Slice, other: Slice) => number): number =>
    median(pairs.map((pair) => figure(...pair)));
  const cpuRatio = of((a, b) => b.cpuMsPerRequest / a.cpuMsPerRequest);
  return {
    one: of((a) => a.perSecond),
    other: of((_, b) => b.perSecond),
    ratio: of((a, b) => a.perSecond / b.perSecond),
    cpuRatio: Number.isFinite(cpuRatio) ? cpuRatio : null,
  };
}

async function slice(rig: Rig, { runtime, request, connections }: Side): Promise<Slice> {
  const before = cpuMs(runtime.pid);
  const job = { url: runtime.url, request, connections, seconds: SLICE_SECONDS };
  const { requests, perSecond } = await rig.load(job);
  return { perSecond, cpuMsPerRequest: (cpuMs(runtime.pid) - before) / requests };
}
