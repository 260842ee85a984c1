/**
 * An assignment on its way to balance: who has how many, what is kept and what was given, and the
 * moves that even it out. Used by the sticky assignors, which say in which order.
 *
 * Topics with the same subscribers are one to it, an audience: with equal subscriptions there is a
 * single one. A move goes from the member with most to one with at least two fewer, if need be over
 * others in between: each passes on a partition that the next may have. Where no such way is left,
 * no assignment has the partitions spread more evenly (an optimal semi-matching).
 */
import { NOBODY, type Layout, type Owners, type Topic } from "./layout.ts";

/** Members that may have the same partitions. */
interface Audience {
  /** Their numbers, ascending. */
  readonly members: readonly number[];
  /** None of them has fewer partitions than this; it may be that none has as few. */
  floor: number;
}

/** A member's partitions out of one audience's. */
interface Holding {
  /** Those that it owned before. */
  readonly kept: number[];
  readonly given: number[];
}

/** One partition goes from one member to another; which one is seen when it goes. */
interface Step {
  readonly from: number;
  readonly to: number;
  readonly audience: Audience;
}

export class Balance {
  readonly #topics: readonly Topic[];
  readonly #audiences: readonly Audience[];
  /** Who owned a partition before. */
  readonly #before: Owners;
  /** By member: its partitions; there is no entry without any. */
  readonly #holdings: readonly Map<Audience, Holding>[];
  readonly #loads: Int32Array;
  /** By member: how many of its partitions it did not own before. */
  readonly #given: Int32Array;
  /** By member: the audiences it is one of. */
  readonly #memberships: readonly Audience[][];

  /** Begins with every partition at its owner, where it has one: what may be kept. */
  constructor(layout: Layout, before: Owners) {
    this.#topics = layout.topics;
    this.#before = before;
    this.#audiences = audiencesOf(layout.topics);
    this.#holdings = layout.members.map(() => new Map());
    this.#loads = new Int32Array(layout.members.length);
    this.#given = new Int32Array(layout.members.length);
    this.#memberships = layout.members.map(() => []);
    for (const audience of new Set(this.#audiences)) {
      for (const member of audience.members) this.#memberships[member]!.push(audience);
    }
    this.#forEachPartition((partition, audience) => {
      const owner = before[partition]!;
      if (owner !== NOBODY) this.#add(owner, partition, audience);
    });
  }

  /** Gives each partition that has no owner to the subscriber with the fewest. */
  giveOut(): void {
    this.#forEachPartition((partition, audience) => {
      if (this.#before[partition] !== NOBODY) return;
      this.#add(this.#leastLoaded(audience), partition, audience);
    });
  }

  /** Moves partitions until nothing is gained by it; those kept so far only if it `mayTakeKept`. */
  even(mayTakeKept: boolean): void {
    // Done with: everything they could pass on leads to members that have as many, but for one.
    const closed = new Uint8Array(this.#loads.length);
    for (;;) {
      const { giver, fewest } = this.#extremes(closed);
      if (giver === NOBODY || this.#loads[giver]! - fewest < 2) return;
      const way =
        (this.#given[giver]! > 0 ? this.#directWay(giver, "given", fewest) : null) ??
        (mayTakeKept ? this.#directWay(giver, "kept", fewest) : null) ??
        this.#searchWay(giver, mayTakeKept, closed);
      // From the first on: who is in between never falls below what it had.
      for (const step of way ?? []) this.#move(step);
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

  /** Those with the fewest subscribers first: the others have more of a choice left. */
  #forEachPartition(visit: (partition: number, audience: Audience) => void): void {
    const order = this.#topics
      .map((topic, index) => ({ topic, audience: this.#audiences[index]! }))
      .sort((a, b) => a.audience.members.length - b.audience.members.length);
    for (const { topic, audience } of order) {
      const end = topic.first + topic.count;
      for (let partition = topic.first; partition < end; partition += 1) visit(partition, audience);
    }
  }

  /** Of those that are not closed: who has most, the first of several, and the least that one has. */
  #extremes(closed: Uint8Array): { giver: number; fewest: number } {
    let giver = NOBODY;
    let most = Number.NEGATIVE_INFINITY;
    let fewest = Number.POSITIVE_INFINITY;
    for (let member = 0; member < closed.length; member += 1) {
      if (closed[member] === 1) continue;
      const load = this.#loads[member]!;
      if (load < fewest) fewest = load;
      if (load <= most) continue;
      most = load;
      giver = member;
    }
    return { giver, fewest };
  }

  /** The member with the fewest partitions, the first of several. */
  #leastLoaded(audience: Audience): number {
    let least = NOBODY;
    let fewest = Number.POSITIVE_INFINITY;
    for (const member of audience.members) {
      const load = this.#loads[member]!;
      if (load >= fewest) continue;
      fewest = load;
      least = member;
      if (load === audience.floor) break;
    }
    audience.floor = fewest;
    return least;
  }

  /** A step to the member with the fewest that can have one of the giver's; `least`: the fewest of all. */
  #directWay(giver: number, what: keyof Holding, least: number): Step[] | null {
    let best: Step | null = null;
    let fewest = this.#loads[giver]! - 1;
    for (const [audience, holding] of this.#holdings[giver]!) {
      if (holding[what].length === 0 || audience.floor >= fewest) continue;
      const to = this.#leastLoaded(audience);
      // The floor may have been too low.
      if (audience.floor >= fewest) continue;
      fewest = audience.floor;
      best = { from: giver, to, audience };
      if (fewest === least) break;
    }
    return best && [best];
  }

  /**
   * The shortest way to a member with at least two fewer. Without one, whoever was met is closed:
   * they can pass on only among themselves, and the giver has most of all that are left.
   */
  #searchWay(giver: number, mayTakeKept: boolean, closed: Uint8Array): Step[] | null {
    const steps = new Map<number, Step>();
    const seen = new Set<Audience>();
    const met = [giver];
    for (const from of met) {
      for (const [audience, { kept, given }] of this.#holdings[from]!) {
        const hasAny = given.length > 0 || (mayTakeKept && kept.length > 0);
        if (!hasAny || seen.has(audience)) continue;
        seen.add(audience);
        for (const to of audience.members) {
          if (to === giver || steps.has(to) || closed[to] === 1) continue;
          steps.set(to, { from, to, audience });
          if (this.#loads[to]! <= this.#loads[giver]! - 2) return wayTo(to, steps);
          met.push(to);
        }
      }
    }
    for (const member of met) closed[member] = 1;
    return null;
  }

  #move({ from, to, audience }: Step): void {
    const holdings = this.#holdings[from]!;
    const { kept, given } = holdings.get(audience)!;
    if (given.length > 0) this.#given[from]! -= 1;
    const partition = (given.pop() ?? kept.pop())!;
    if (kept.length + given.length === 0) holdings.delete(audience);
    const load = this.#loads[from]! - 1;
    this.#loads[from] = load;
    for (const own of this.#memberships[from]!) own.floor = Math.min(own.floor, load);
    this.#add(to, partition, audience);
  }

  #add(member: number, partition: number, audience: Audience): void {
    let holding = this.#holdings[member]!.get(audience);
    if (!holding) {
      holding = { kept: [], given: [] };
      this.#holdings[member]!.set(audience, holding);
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
function audiencesOf(topics: readonly Topic[]): Audience[] {
  const byMembers = new Map<string, Audience>();
  // Most topics share the very array, which need not be looked at then.
  const byArray = new Map<readonly number[], Audience>();
  return topics.map(({ subscribers }) => {
    const known = byArray.get(subscribers);
    if (known) return known;
    const key = subscribers.join();
    const audience = byMembers.get(key) ?? { members: subscribers, floor: 0 };
    byMembers.set(key, audience);
    byArray.set(subscribers, audience);
    return audience;
  });
}

function wayTo(to: number, steps: ReadonlyMap<number, Step>): Step[] {
  const way: Step[] = [];
  for (let step = steps.get(to); step; step = steps.get(step.from)) way.unshift(step);
  return way;
}
