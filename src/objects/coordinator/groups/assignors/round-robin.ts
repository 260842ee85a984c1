/**
 * Kafka's round-robin assignor: assigns the partitions of all topics to the members in turn, and skips members that do
 * not subscribe to a topic. With equal subscriptions the members' numbers of partitions differ by at most one; with
 * different subscriptions they may differ much.
 */
import { nobodyOwns, type Layout, type Owners } from "./layout.ts";

export function assignRoundRobin(layout: Layout): Owners {
  const owners = nobodyOwns(layout);
  // The member whose turn it is, subscribed or not.
  let turn = 0;
  for (const { first, count, subscribers } of layout.topics) {
    // After the last subscriber it is the first one's turn.
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
