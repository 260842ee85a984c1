/**
 * The assignors of consumer groups, as Kafka's clients have them: who reads which partitions. Pure
 * functions of what they are given, whatever its order: the same group gets the same answer.
 */
import { assignCooperatively } from "./cooperative-sticky.ts";
import { assignmentOf, layOut, type Layout, type Owners } from "./layout.ts";
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
 * By member id, of every member: topics sorted, partitions ascending. Member ids are unique; topics
 * that `partitionCounts` (partitions by topic) does not have are passed over. Every partition of a
 * subscribed topic has one owner; of `cooperative-sticky` it may have none until its owner has let
 * go of it, and has one after the next round.
 */
export function assignPartitions(
  assignor: AssignorName,
  members: readonly AssignorMember[],
  partitionCounts: ReadonlyMap<string, number>,
): ReadonlyMap<string, readonly TopicPartitions[]> {
  const layout = layOut(members, partitionCounts);
  return assignmentOf(layout, RULES[assignor](layout));
}
