/**
 * Kafka's range assignor: of each topic by itself, one run of neighbouring partitions for each
 * subscriber; the first few get one more where they do not divide. Topics with equally many
 * partitions and the same subscribers are cut alike, so that joins by key stay within a member.
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
