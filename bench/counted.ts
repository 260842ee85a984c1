/** Counts what the service spends on a topic for some work; nothing else may run meanwhile. */
import { readUsage, usageBetween, usd, type Usage } from "../src/cli/usage.ts";
import type { Rig, Topic } from "./rig.ts";
import type { Figures } from "./row.ts";

export type Costs = Pick<Figures, "rowsWritten" | "objectCalls" | "usdPerMillion">;

/** The result where no record was processed. */
export const NO_COSTS: Costs = { rowsWritten: null, objectCalls: null, usdPerMillion: null };

/** Runs `work`; `recordsOf` says how many records were processed in it. */
export async function counted<T>(
  rig: Rig,
  topic: Topic,
  work: () => Promise<T>,
  recordsOf: (result: T, spent: Usage) => number,
): Promise<{ readonly result: T; readonly costs: Costs }> {
  const before = await readUsage(rig.service.url, topic.name);
  const result = await work();
  const after = await readUsage(rig.service.url, topic.name);
  const spent = usageBetween(before, after, topic.partitions * (topic.replicas ?? 1));
  const millions = recordsOf(result, spent) / 1_000_000;
  const costs = {
    rowsWritten: spent.rowsWritten / millions,
    objectCalls: spent.objectCalls / millions,
    usdPerMillion: usd(spent) / millions,
  };
  return { result, costs };
}
