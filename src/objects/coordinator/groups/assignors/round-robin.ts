/**
 * Kafka's round-robin assignor: all partitions of all topics are dealt out in a circle of all members,
 * and those that do not subscribe to a topic are passed over. With equal subscriptions everybody gets
 * as many as anybody else, give or take one; with different ones it may be far from even.
 */
import { nobodyOwns, type Layout, type Owners } from "./layout.ts";

export function assignRoundRobin(layout: Layout): Owners {
  const owners = nobodyOwns(layout);
  // The member whose turn it is, subscribed or not.
  let turn = 0;
  for (const { first, count, subscribers } of layout.topics) {
    // Past the last subscriber the circle begins anew.
    let place = Math.max(
      subscribers.findIndex((member) => member >= turn),
      0,
    );
    for (let partition = first; partition < first + count; partition += 1) {
      const member = subscribers[place]!;
      owners[partition] = member;
      turn = member + 1;
      place = (place + 1) % subscribers.length;
    }
  }
  return owners;
}
