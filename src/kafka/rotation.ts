/** Takes turns over a list that is too long to serve at once: a different part of it each time. */
export class Rotation {
  private at = 0;

  /** At most `max` of `items`, continuing after those of the last call; all of them where they are few. */
  take<T>(items: readonly T[], max: number): readonly T[] {
    if (items.length <= max) return items;
    const from = this.at % items.length;
    this.at = from + max;
    const taken = items.slice(from, from + max);
    return taken.length === max ? taken : [...taken, ...items.slice(0, max - taken.length)];
  }
}
