/** Runs the same call for many items, a bounded number at a time. */

/** Calls of objects that one request makes at the same time. */
const AT_ONCE = 32;

/** The results in the order of the items. */
export async function inBatches<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE) {
    const some = await Promise.all(items.slice(from, from + AT_ONCE).map(work));
    for (const result of some) results.push(result);
  }
  return results;
}
