/**
 * Kafka's sticky assignor (KIP-54): as balanced as possible, and among such assignments close to the previous one.
 *
 * First the partitions without an owner are spread as evenly as the others allow, and only then are partitions taken from
 * their owners. So no partition moves where the balance does not require it, and what a cooperative round has left out
 * is assigned in the next one, without a third.
 *
 * With equal subscriptions the number of partitions that move is the smallest possible; with different ones it may be
 * slightly larger, where a partition has to be passed on by several members.
 */
import { Balance } from "./balance.ts";
import { readClaims } from "./claims.ts";
import type { Layout, Owners } from "./layout.ts";

export function assignSticky(layout: Layout): Owners {
  return stickyOwners(layout, readClaims(layout).owners);
}

/** `before`: the owner of each partition, who may keep it. */
export function stickyOwners(layout: Layout, before: Owners): Owners {
  const balance = new Balance(layout, before);
  balance.assignUnowned();
  balance.equalize(false);
  balance.equalize(true);
  return balance.owners();
}
