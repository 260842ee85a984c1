/** Counts what the service spends on a topic, in work of its own: nothing else may run meanwhile. */
import { readUsage, usageBetween, usd } from "../src/cli/usage.ts";
import type { Rig, Topic } from "./rig.ts";
import type { Figures } from "./row.ts";

export type Costs = Pick<Figures, "rowsWritten" | "objectCalls" | "usdPerMillion">;

/** What no record passed through. */
export const NO_COSTS: Costs = { rowsWritten: null, objectCalls: null, usdPerMillion: null };

/** Runs `work`, in whose requests `recordsPerRequest` records pass on the average. */
export async function counted<T>(
  rig: Rig,
  topic: Topic,
  recordsPerRequest: number,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly costs: Costs }> {
  const before = await readUsage(rig.service.url, topic.name);
  const result = await work();
  const after = await readUsage(rig.service.url, topic.name);
  const spent = usageBetween(before, after, topic.partitions * (topic.replicas ?? 1));
  const millions = (spent.requests * recordsPerRequest) / 1_000_000;
  const costs = {
    rowsWritten: spent.rowsWritten / millions,
    objectCalls: spent.objectCalls / millions,
    usdPerMillion: usd(spent) / millions,
  };
  return { result, costs };
}
