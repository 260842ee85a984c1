/**
 * The assignors of consumer groups, as in Kafka's clients: which member reads which partitions. Pure functions of their
 * arguments that do not depend on the arguments' order: the same group gets the same assignment.
 */
import { assignCooperatively } from "./cooperative-sticky.ts";
import { assignmentOf, layoutOf, type Layout, type Owners } from "./layout.ts";
import { assignRanges } from "./range.ts";
import { assignRoundRobin } from "./round-robin.ts";
import { assignSticky } from "./sticky.ts";
import type { AssignorMember, TopicPartitions } from "./types.ts";

export type { AssignorMember, TopicPartitions } from "./types.ts";

/** As Kafka's clients name them in `partition.assignment.strategy` and in JoinGroup. */
export const ASSIGNORS = ["range", "roundrobin", "sticky", "cooperative-sticky"] as const;

export type AssignorName = (typeof ASSIGNORS)[number];

const RULES: Readonly<Record<AssignorName, (layout: Layout) => Owners>> = {
  range: assignRanges,
  roundrobin: assignRoundRobin,
  sticky: assignSticky,
  "cooperative-sticky": assignCooperatively,
};

/**
 * The partitions of every member, by member id: topics sorted, partitions ascending. Member ids must be unique. Topics
 * without an entry in `partitionCounts` (number of partitions by topic) do not exist. Every partition of a subscribed
 * topic has one owner; under `cooperative-sticky` it may have none until its former owner has given it up, and has one
 * after the next round.
 */
export function assignPartitions(
  assignor: AssignorName,
  members: readonly AssignorMember[],
  partitionCounts: ReadonlyMap<string, number>,
): ReadonlyMap<string, readonly TopicPartitions[]> {
  const layout = layoutOf(members, partitionCounts);
  return assignmentOf(layout, RULES[assignor](layout));
}
