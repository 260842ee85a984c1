/**
 * Kafka's cooperative sticky assignor (KIP-429): the sticky assignment, without the partitions that other members still
 * own. Those are assigned in the next round, which their owners start when they have given them up; so members read on
 * from what they keep.
 */
import { isClaimedByOthers, readClaims } from "./claims.ts";
import { NOBODY, type Layout, type Owners } from "./layout.ts";
import { stickyOwners } from "./sticky.ts";

export function assignCooperatively(layout: Layout): Owners {
  const claims = readClaims(layout);
  const target = stickyOwners(layout, claims.owners);
  return target.map((member, partition) => {
    if (claims.owners[partition] === member) return member;
    // Also where the claim does not count: its member reads on until it gets its new assignment.
    return isClaimedByOthers(claims, partition, member) ? NOBODY : member;
  });
}
