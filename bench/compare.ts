/**
 * Two sides in turn, in short slices, so that whatever else the machine does meets both alike. Each
 * pair of neighbouring slices gives one ratio; the median of the pairs counts.
 */
import { counted } from "./counted.ts";
import type { LoadJob } from "./load-protocol.ts";
import { median } from "./median.ts";
import type { Rig, Topic } from "./rig.ts";
import type { Figures } from "./row.ts";

const ROUNDS = 5;
const SLICE_SECONDS = 1;

/** Requests alike, from so many connections, to one of the two. */
export type Side = Pick<LoadJob, "url" | "request" | "connections">;

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
  const [our, their, ratio] = await alternate(rig, ours, other, ROUNDS);
  return { ours: our, floor: their, ratio, ...costs };
}

/** Requests a second of either side, and the ratio of the first to the second; all medians. */
export async function alternate(
  rig: Rig,
  one: Side,
  other: Side,
  rounds: number,
): Promise<[one: number, other: number, ratio: number]> {
  const pairs: [number, number][] = [];
  for (let round = 0; round < rounds; round += 1) {
    // The side that goes first changes, so that neither always follows the other.
    const first = round % 2 === 0 ? await slice(rig, one) : null;
    const second = await slice(rig, other);
    pairs.push([first ?? (await slice(rig, one)), second]);
  }
  return [
    median(pairs.map(([a]) => a)),
    median(pairs.map(([, b]) => b)),
    median(pairs.map(([a, b]) => a / b)),
  ];
}

async function slice(rig: Rig, side: Side): Promise<number> {
  return (await rig.load({ ...side, seconds: SLICE_SECONDS })).perSecond;
}
