/**
 * Kafka's cooperative sticky assignor (KIP-429): where the sticky assignor leads to, but for the
 * partitions that others own still. Those are given out in the next round, which their owners bring
 * about when they have let go of them; so members go on reading what they keep.
 */
import { isClaimedByOthers, readClaims } from "./claims.ts";
import { NOBODY, type Layout, type Owners } from "./layout.ts";
import { stickyOwners } from "./sticky.ts";

export function assignCooperatively(layout: Layout): Owners {
  const claims = readClaims(layout);
  const target = stickyOwners(layout, claims.owners);
  return target.map((member, partition) => {
    if (claims.owners[partition] === member) return member;
    // Even a claim that does not count: whoever makes it reads on until it is told otherwise.
    return isClaimedByOthers(claims, partition, member) ? NOBODY : member;
  });
}
