/** Shares the records that an answer may have among partitions, so that none is starved. */

/**
 * The partitions to serve, in order, where `total` is shared and each partition has `available` of it: those with the
 * least first, so that the others can use what they leave of an even share. Where there are more partitions than `total`,
 * the first ones are served; their order rotates from poll to poll.
 */
export function servingOrder(available: readonly number[], total: number): number[] {
  return available
    .map((_, at) => at)
    .filter((at) => available[at]! > 0)
    .slice(0, total)
    .sort((a, b) => available[a]! - available[b]!);
}

/** An even share of `left` for each of the partitions that are still to be served. */
export function evenShare(left: number, others: number): number {
  return Math.floor(left / Math.max(1, others));
}
