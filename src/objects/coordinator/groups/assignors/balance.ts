/**
 * An assignment that is being balanced: how many partitions each member has, which of them it keeps and which are new
 * to it, and the moves that even the numbers out. The sticky assignors say in which order.
 *
 * Topics with the same subscribers are handled together, as a subscriber set; with equal subscriptions there is one.
 * A move goes from the member with the most partitions to one with at least two fewer, if need be along a path of
 * other members, each of which passes on a partition that the next one subscribes to. Where no such path is left, no
 * assignment spreads the partitions more evenly (an optimal semi-matching).
 */
import { NOBODY, type Layout, type Owners, type Topic } from "./layout.ts";

/** The members that subscribe to the same topics. */
interface SubscriberSet {
  /** Their numbers in the layout, ascending. */
  readonly members: readonly number[];
  /** A lower bound of their numbers of partitions. */
  floor: number;
}

/** A member's partitions of one subscriber set. */
interface Holding {
  /** Partitions that it owned before. */
  readonly kept: number[];
  readonly given: number[];
}

/** One partition moves from one member to another; which one is chosen when it moves. */
interface Step {
  readonly from: number;
  readonly to: number;
  readonly set: SubscriberSet;
}

export class Balance {
  readonly #topics: readonly Topic[];
  readonly #sets: readonly SubscriberSet[];
  /** The owner of each partition before. */
  readonly #before: Owners;
  /** By member: its partitions by subscriber set, without empty entries. */
  readonly #holdings: readonly Map<SubscriberSet, Holding>[];
  readonly #loads: Int32Array;
  /** By member: number of its partitions that it did not own before. */
  readonly #given: Int32Array;
  /** By member: the subscriber sets that contain it. */
  readonly #memberships: readonly SubscriberSet[][];

  /** Begins with every partition at its owner, if it has one. */
  constructor(layout: Layout, before: Owners) {
    this.#topics = layout.topics;
    this.#before = before;
    this.#sets = setsOf(layout.topics);
    this.#holdings = layout.members.map(() => new Map());
    this.#loads = new Int32Array(layout.members.length);
    this.#given = new Int32Array(layout.members.length);
    this.#memberships = layout.members.map(() => []);
    for (const set of new Set(this.#sets)) {
      for (const member of set.members) this.#memberships[member]!.push(set);
    }
    this.#forEachPartition((partition, set) => {
      const owner = before[partition]!;
      if (owner !== NOBODY) this.#add(owner, partition, set);
    });
  }

  /** Assigns each partition that has no owner to the subscriber with the fewest partitions. */
  assignUnowned(): void {
    this.#forEachPartition((partition, set) => {
      if (this.#before[partition] !== NOBODY) return;
      this.#add(this.#leastLoaded(set), partition, set);
    });
  }

  /** Moves partitions until that evens nothing out any more; kept ones only where it `mayTakeKept`. */
  equalize(mayTakeKept: boolean): void {
    // Members whose partitions can only go to members with at most one fewer: they are done.
    const closed = new Uint8Array(this.#loads.length);
    for (;;) {
      const { donor, fewest } = this.#extremes(closed);
      if (donor === NOBODY || this.#loads[donor]! - fewest < 2) return;
      const path =
        (this.#given[donor]! > 0 ? this.#directStep(donor, "given", fewest) : null) ??
        (mayTakeKept ? this.#directStep(donor, "kept", fewest) : null) ??
        this.#searchPath(donor, mayTakeKept, closed);
      // In the order of the path, so that no member in between loses a partition before it has one more.
      for (const step of path ?? []) this.#move(step);
    }
  }

  owners(): Owners {
    const owners: Owners = new Int32Array(this.#before.length).fill(NOBODY);
    for (const [member, holdings] of this.#holdings.entries()) {
      for (const { kept, given } of holdings.values()) {
        for (const partition of kept) owners[partition] = member;
        for (const partition of given) owners[partition] = member;
      }
    }
    return owners;
  }

  /** Topics with the fewest subscribers first, because the others leave more choice. */
  #forEachPartition(visit: (partition: number, set: SubscriberSet) => void): void {
    const order = this.#topics
      .map((topic, index) => ({ topic, set: this.#sets[index]! }))
      .sort((a, b) => a.set.members.length - b.set.members.length);
    for (const { topic, set } of order) {
      const end = topic.first + topic.count;
      for (let partition = topic.first; partition < end; partition += 1) visit(partition, set);
    }
  }

  /** Among members that are not closed: the first with the most partitions, and the lowest number of partitions. */
  #extremes(closed: Uint8Array): { donor: number; fewest: number } {
    let donor = NOBODY;
    let most = Number.NEGATIVE_INFINITY;
    let fewest = Number.POSITIVE_INFINITY;
    for (let member = 0; member < closed.length; member += 1) {
      if (closed[member] === 1) continue;
      const load = this.#loads[member]!;
      if (load < fewest) fewest = load;
      if (load <= most) continue;
      most = load;
      donor = member;
    }
    return { donor, fewest };
  }

  /** The member with the fewest partitions, the first of several. */
  #leastLoaded(set: SubscriberSet): number {
    let least = NOBODY;
    let fewest = Number.POSITIVE_INFINITY;
    for (const member of set.members) {
      const load = this.#loads[member]!;
      if (load >= fewest) continue;
      fewest = load;
      least = member;
      if (load === set.floor) break;
    }
    set.floor = fewest;
    return least;
  }

  /** A move to the member with the fewest partitions that can take one of the donor's. `least`: the fewest of all. */
  #directStep(donor: number, what: keyof Holding, least: number): Step[] | null {
    let best: Step | null = null;
    let fewest = this.#loads[donor]! - 1;
    for (const [set, holding] of this.#holdings[donor]!) {
      if (holding[what].length === 0 || set.floor >= fewest) continue;
      const to = this.#leastLoaded(set);
      // The lower bound may have been too low; now it is exact.
      if (set.floor >= fewest) continue;
      fewest = set.floor;
      best = { from: donor, to, set };
      if (fewest === least) break;
    }
    return best && [best];
  }

  /**
   * The shortest path to a member with at least two fewer partitions. Where there is none, all members that were
   * reached are closed: they can pass partitions on only among themselves, and the donor has the most of them.
   */
  #searchPath(donor: number, mayTakeKept: boolean, closed: Uint8Array): Step[] | null {
    const steps = new Map<number, Step>();
    const seen = new Set<SubscriberSet>();
    const reached = [donor];
    for (const from of reached) {
      for (const [set, { kept, given }] of this.#holdings[from]!) {
        const hasAny = given.length > 0 || (mayTakeKept && kept.length > 0);
        if (!hasAny || seen.has(set)) continue;
        seen.add(set);
        for (const to of set.members) {
          if (to === donor || steps.has(to) || closed[to] === 1) continue;
          steps.set(to, { from, to, set });
          if (this.#loads[to]! <= this.#loads[donor]! - 2) return pathTo(to, steps);
          reached.push(to);
        }
      }
    }
    for (const member of reached) closed[member] = 1;
    return null;
  }

  #move({ from, to, set }: Step): void {
    const holdings = this.#holdings[from]!;
    const { kept, given } = holdings.get(set)!;
    if (given.length > 0) this.#given[from]! -= 1;
    const partition = (given.pop() ?? kept.pop())!;
    if (kept.length + given.length === 0) holdings.delete(set);
    const load = this.#loads[from]! - 1;
    this.#loads[from] = load;
    for (const own of this.#memberships[from]!) own.floor = Math.min(own.floor, load);
    this.#add(to, partition, set);
  }

  #add(member: number, partition: number, set: SubscriberSet): void {
    let holding = this.#holdings[member]!.get(set);
    if (!holding) {
      holding = { kept: [], given: [] };
      this.#holdings[member]!.set(set, holding);
    }
    this.#loads[member]! += 1;
    if (this.#before[partition] === member) {
      holding.kept.push(partition);
    } else {
      holding.given.push(partition);
      this.#given[member]! += 1;
    }
  }
}

/** By topic. */
function setsOf(topics: readonly Topic[]): SubscriberSet[] {
  const byMembers = new Map<string, SubscriberSet>();
  // Most topics share one array, whose elements need not be compared then.
  const byArray = new Map<readonly number[], SubscriberSet>();
  return topics.map(({ subscribers }) => {
    const known = byArray.get(subscribers);
    if (known) return known;
    const key = subscribers.join();
    const set = byMembers.get(key) ?? { members: subscribers, floor: 0 };
    byMembers.set(key, set);
    byArray.set(subscribers, set);
    return set;
  });
}

function pathTo(to: number, steps: ReadonlyMap<number, Step>): Step[] {
  const path: Step[] = [];
  for (let step = steps.get(to); step; step = steps.get(step.from)) path.unshift(step);
  return path;
}
