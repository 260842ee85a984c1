/** How the records that an answer may hold are shared among partitions, so that none of them starves. */

/**
 * Which of the partitions are served, and in which order, where `total` is to be shared and each has so
 * much to give: those with the least first, so that what they leave of an even share is left to the
 * others. Of more than `total` the first are served: their order turns from poll to poll.
 */
export function servingOrder(available: readonly number[], total: number): number[] {
  return available
    .map((_, at) => at)
    .filter((at) => available[at]! > 0)
    .slice(0, total)
    .sort((a, b) => available[a]! - available[b]!);
}

/** An even share of what is left, for the next of so many that are still to be served. */
export function evenShare(left: number, others: number): number {
  return Math.floor(left / Math.max(1, others));
}
