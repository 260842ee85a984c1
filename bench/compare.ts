/**
 * Measures two sides alternately, in short slices, so that other load on the machine affects both alike. Each pair of
 * neighbouring slices gives one ratio; the median of the ratios is the result.
 */
import { cpuMs } from "./cpu.ts";
import { counted } from "./counted.ts";
import { median } from "./median.ts";
import type { Rig, Topic } from "./rig.ts";
import type { Figures } from "./row.ts";
import type { Side } from "./sides.ts";

const ROUNDS = 9;
const SLICE_SECONDS = 1;

interface Slice {
  readonly requests: number;
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
  // Our costs are counted during the warm-up.
  const { costs } = await counted(
    rig,
    topic,
    () => slice(ours),
    ({ requests }, spent) =>
      // The service also counts the HTTP requests that are in flight at the end.
      records * Math.max(requests, spent.requests),
  );
  await slice(other);
  const { one, ...rest } = await alternate(ours, other, ROUNDS);
  return { ours: one, floor: rest.other, ratio: rest.ratio, cpuRatio: rest.cpuRatio, ...costs };
}

interface Alternated {
  /** Requests a second. */
  readonly one: number;
  readonly other: number;
  readonly ratio: number;
  readonly cpuRatio: number | null;
}

/** Measures slices of the two alternately: medians of both figures and of the ratios of the pairs. */
export async function alternate(one: Side, other: Side, rounds: number): Promise<Alternated> {
  const pairs: [one: Slice, other: Slice][] = [];
  for (let round = 0; round < rounds; round += 1) {
    // The order alternates, so that neither side always follows the other.
    const first = round % 2 === 0 ? await slice(one) : null;
    const second = await slice(other);
    pairs.push([first ?? (await slice(one)), second]);
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

async function slice({ runtime, load }: Side): Promise<Slice> {
  const before = cpuMs(runtime.pid);
  const { requests, perSecond } = await load(SLICE_SECONDS);
  return { requests, perSecond, cpuMsPerRequest: (cpuMs(runtime.pid) - before) / requests };
}
