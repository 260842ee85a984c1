/**
 * What one reader, or one group, was given of a partition, and the checks of it: nothing is skipped, nothing
 * comes again that was not to come again, and commits do not go back. Offsets here have no gaps: nothing is
 * compacted, and nothing is transactional. Which record lies at an offset is the partition's history to say.
 */
import { partitionPath } from "./brokers.ts";
import type { LiveHistory } from "./live-history.ts";

/** A reader that keeps its position over all its connections. */
export class ReaderHistory {
  readonly history: LiveHistory;
  readonly name: string;
  /** The offset of its next read. */
  next = 0;

  constructor(history: LiveHistory, name: string) {
    this.history = history;
    this.name = `${name} of ${history.place.topic}/${history.place.partition}`;
  }

  take(offset: number, value: string): void {
    if (offset !== this.next)
      throw new Error(`${this.name}: given ${offset} after ${this.next - 1}`);
    this.history.show(offset, value, this.name);
    this.next = offset + 1;
  }
}

interface Commit {
  readonly offset: number;
  readonly atMs: number;
}

/** All members of a group together, for one partition. */
export class GroupHistory {
  readonly history: LiveHistory;
  readonly name: string;
  /** Behind the last record that any member was given. */
  givenEnd = 0;
  /** Acknowledged, by rising offset. */
  readonly #commits: Commit[] = [];

  constructor(history: LiveHistory, group: string) {
    this.history = history;
    this.name = `group ${group} of ${partitionPath(history.place)}`;
  }

  /** The last commit that was acknowledged `ageMs` ago or longer; 0: none. */
  committed(nowMs: number, ageMs = 0): number {
    return this.#commits.findLast(({ atMs }) => atMs <= nowMs - ageMs)?.offset ?? 0;
  }

  /**
   * A member was given a record. `committed`: what {@link committed} returned when the member asked; a member that
   * asks after a commit is given nothing before it.
   */
  give(offset: number, value: string, committed: number, member: string): void {
    if (offset > this.givenEnd) {
      this.#broken(`${member} was given ${offset}, nobody ${this.givenEnd}`);
    }
    if (offset < committed)
      this.#broken(`${member} was given ${offset} after a commit of ${committed}`);
    this.history.show(offset, value, `${member} of ${this.name}`);
    this.givenEnd = Math.max(this.givenEnd, offset + 1);
  }

  /** A commit was acknowledged. */
  commit(offset: number, nowMs: number): void {
    if (offset > this.givenEnd) this.#broken(`${offset} is committed, ${this.givenEnd} not given`);
    if (offset > (this.#commits.at(-1)?.offset ?? 0)) this.#commits.push({ offset, atMs: nowMs });
  }

  /** The group's offset was asked for, when `committed` was acknowledged already. */
  told(offset: number, committed: number): void {
    if (offset < committed) this.#broken(`its offset is ${offset}, after a commit of ${committed}`);
  }

  #broken(what: string): never {
    throw new Error(`${this.name}: ${what}`);
  }
}
