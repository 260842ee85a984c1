/** Taking turns: of a list too long to serve at once, a different stretch each time. */
export class Turns {
  private at = 0;

  /** At most `max` of `items`, going on behind those of the last time; all of them where they are few. */
  take<T>(items: readonly T[], max: number): readonly T[] {
    if (items.length <= max) return items;
    const from = this.at % items.length;
    this.at = from + max;
    const taken = items.slice(from, from + max);
    return taken.length === max ? taken : [...taken, ...items.slice(0, max - taken.length)];
  }
}
