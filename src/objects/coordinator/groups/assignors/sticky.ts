/**
 * Kafka's sticky assignor (KIP-54): as balanced as possible, then as much as possible where it was.
 *
 * First what has no owner is spread as evenly as it can be beside what stays, and only then is
 * anything taken from an owner. So nothing moves where the subscriptions allow to leave it, and what a
 * cooperative rebalance has left out finds its place in the next one without a third.
 *
 * With equal subscriptions as few partitions move as can; with different ones a few more may, where
 * one has to pass through several hands.
 */
import { Balance } from "./balance.ts";
import { readClaims } from "./claims.ts";
import type { Layout, Owners } from "./layout.ts";

export function assignSticky(layout: Layout): Owners {
  return stickyOwners(layout, readClaims(layout).owners);
}

/** `before`: who owned a partition and may keep it. */
export function stickyOwners(layout: Layout, before: Owners): Owners {
  const balance = new Balance(layout, before);
  balance.giveOut();
  balance.even(false);
  balance.even(true);
  return balance.owners();
}
