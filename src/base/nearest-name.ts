/**
 * Finds the name that was probably meant by one that does not exist: of settings, commands, options and environment
 * variables.
 */

/** Names are compared up to this length, in UTF-16 units; all of ours are shorter. */
const LENGTH_MAX = 100;

/**
 * The nearest of the names by changes of single characters (insert, delete, replace, swap two neighbours); null where
 * more than a third of the name would have to change, or more than `changesMax` characters.
 */
export function nearestName(
  written: string,
  names: readonly string[],
  changesMax = LENGTH_MAX,
): string | null {
  if (written.length > LENGTH_MAX) return null;
  const lower = written.toLowerCase();
  let nearest: string | null = null;
  let least = Math.min(Math.floor(written.length / 3), changesMax) + 1;
  for (const name of names) {
    if (Math.abs(name.length - lower.length) >= least) continue;
    const changes = distance(lower, name.toLowerCase());
    if (changes >= least) continue;
    nearest = name;
    least = changes;
  }
  return nearest;
}

/** To end a message with: `; did you mean x?`, or nothing. */
export function didYouMean(written: string, names: readonly string[]): string {
  const name = nearestName(written, names);
  return name === null ? "" : `; did you mean ${name}?`;
}

/** The Damerau-Levenshtein distance (optimal string alignment). */
function distance(a: string, b: string): number {
  let [twoUp, up]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let least = Math.min(up[j]! + 1, row[j - 1]! + 1, up[j - 1]! + (isSame ? 0 : 1));
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) least = Math.min(least, twoUp[j - 2]! + 1);
      row.push(least);
    }
    [twoUp, up] = [up, row];
  }
  return up[b.length]!;
}
