/**
 * Kafka's range assignor: divides each topic by itself into one range of partitions for each subscriber; where they do
 * not divide evenly, the first subscribers get one more. Topics with the same number of partitions and the same
 * subscribers are divided alike, so that records with the same key go to the same member.
 */
import { nobodyOwns, type Layout, type Owners } from "./layout.ts";

export function assignRanges(layout: Layout): Owners {
  const owners = nobodyOwns(layout);
  for (const { first, count, subscribers } of layout.topics) {
    const share = Math.floor(count / subscribers.length);
    const withOneMore = count % subscribers.length;
    let start = first;
    for (const [place, member] of subscribers.entries()) {
      const end = start + share + (place < withOneMore ? 1 : 0);
      if (end === start) break;
      owners.fill(member, start, end);
      start = end;
    }
  }
  return owners;
}
