/**
 * Properties of the sticky assignors over several rebalances, while members join, leave and change their subscriptions,
 * and topics grow.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  anyGroup,
  assign,
  expectComplete,
  expectEven,
  grouped,
  keptOf,
  member,
  names,
  ownersOf,
  owning,
  subscribedPartitions,
  TOPICS,
  topicsArbitrary,
  type Group,
  type Held,
} from "./support.ts";

const RUNS = { numRuns: 1_000 };

type Event =
  | { readonly kind: "nothing" }
  | { readonly kind: "join"; readonly topics: readonly string[] }
  | { readonly kind: "leave"; readonly which: number }
  | { readonly kind: "grow"; readonly topic: string; readonly by: number }
  | { readonly kind: "subscribe"; readonly which: number; readonly topics: readonly string[] };

const which = fc.nat(20);
const nothing = fc.record({ kind: fc.constant("nothing" as const) });
const leave = fc.record({ kind: fc.constant("leave" as const), which });
const grow = fc.record({
  kind: fc.constant("grow" as const),
  topic: fc.constantFrom(...TOPICS),
  by: fc.integer({ min: 1, max: 5 }),
});
const join = (topics: fc.Arbitrary<readonly string[]>) =>
  fc.record({ kind: fc.constant("join" as const), topics });
const subscribe = fc.record({
  kind: fc.constant("subscribe" as const),
  which,
  topics: topicsArbitrary,
});

const EMPTY: Group = { members: [], counts: new Map() };
const LENGTHS = { minLength: 1, maxLength: 20 };

const withEqualSubscriptions: fc.Arbitrary<Event[]> = topicsArbitrary.chain((topics) =>
  fc.array(fc.oneof(nothing, leave, grow, join(fc.constant(topics))), LENGTHS),
);
const withDifferentSubscriptions: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof(nothing, leave, grow, join(topicsArbitrary), subscribe),
  LENGTHS,
);
const anyEvents = fc.oneof(withEqualSubscriptions, withDifferentSubscriptions);

/** The group after the event. New ids sort before or after the others, so that new members are not always last. */
function after({ members, counts }: Group, event: Event, turn: number): Group {
  if (event.kind === "nothing") return { members, counts };
  if (event.kind === "grow") {
    const grown = (counts.get(event.topic) ?? 0) + event.by;
    return { members, counts: new Map([...counts, [event.topic, grown]]) };
  }
  if (event.kind === "join") {
    const joined = member(`m${(turn * 7) % 23}`, event.topics);
    return { members: [...members, joined], counts };
  }
  if (members.length === 0) return { members, counts };
  const place = event.which % members.length;
  if (event.kind === "leave") return { members: members.toSpliced(place, 1), counts };
  const changed = { ...members[place]!, topics: event.topics };
  return { members: members.with(place, changed), counts };
}

/** The previous partitions of the members that are still in the group. */
function remaining({ members }: Group, held: Held): Held {
  return new Map(members.map(({ memberId }) => [memberId, held.get(memberId) ?? []]));
}

const total = (held: Held): number =>
  [...held.values()].reduce((sum, { length }) => sum + length, 0);

/** Runs the events with a rebalance after each; `check` gets the group, its previous and its new assignment. */
function play(
  events: readonly Event[],
  rebalance: (group: Group) => Held,
  check: (seen: { group: Group; event: Event; before: Held; held: Held }) => void,
): Group {
  let group = EMPTY;
  for (const [turn, event] of events.entries()) {
    const changed = after(group, event, turn);
    const held = rebalance(changed);
    const before = new Map(changed.members.map((one) => [one.memberId, names(one.owned)]));
    check({ group: changed, event, before, held });
    group = owning(changed, held, turn);
  }
  return group;
}

describe("sticky", () => {
  const rebalance = (group: Group) => assign("sticky", group);

  test("each rebalance ends complete and even, and without a change nothing moves", () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        play(events, rebalance, ({ group, event, before, held }) => {
          expectComplete(group, held);
          expectEven(group, held);
          if (event.kind === "nothing") expect(held).toEqual(before);
        });
      }),
      RUNS,
    );
  });

  test("with equal subscriptions, when one leaves only its partitions move", () => {
    fc.assert(
      fc.property(withEqualSubscriptions, (events) => {
        play(events, rebalance, ({ event, before, held }) => {
          if (event.kind === "leave") expect(keptOf(before, held)).toBe(total(before));
        });
      }),
      RUNS,
    );
  });

  test("with equal subscriptions, when one joins it gets its share and nothing else moves", () => {
    fc.assert(
      fc.property(withEqualSubscriptions, (events) => {
        play(events, rebalance, ({ group, event, before, held }) => {
          if (event.kind !== "join" || group.members.length === 1) return;
          const share = Math.floor(total(before) / group.members.length);
          expect(total(before) - keptOf(before, held)).toBe(share);
        });
      }),
      RUNS,
    );
  });

  test("with equal subscriptions, when a topic grows only what is new is given out", () => {
    fc.assert(
      fc.property(withEqualSubscriptions, (events) => {
        play(events, rebalance, ({ event, before, held }) => {
          if (event.kind === "grow") expect(keptOf(before, held)).toBe(total(before));
        });
      }),
      RUNS,
    );
  });
});

/** No member gets a partition that another one has. */
function expectNothingShared(before: Held, held: Held): void {
  const had = ownersOf(before);
  for (const [partition, owner] of ownersOf(held)) {
    expect(had.get(partition) ?? owner, `${partition} had another owner`).toBe(owner);
  }
}

/** An example in which the second round returns a partition to the member that the first has taken it from. */
const GIVEN_BACK: Event[] = [
  { kind: "join", topics: [] },
  { kind: "join", topics: ["a", "e"] },
  { kind: "grow", topic: "e", by: 3 },
  { kind: "join", topics: ["e"] },
  { kind: "grow", topic: "a", by: 1 },
  { kind: "join", topics: ["a"] },
];

describe("cooperative-sticky", () => {
  const rebalance = (group: Group) => assign("cooperative-sticky", group);

  test("a partition is given to nobody while another one owns it, however changes follow", () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        const group = play(events, rebalance, ({ before, held }) => {
          expectNothingShared(before, held);
        });
        // Two rounds are enough after the last change.
        const held = rebalance(owning(group, rebalance(group)));
        expectComplete(group, held);
        expectEven(group, held);
      }),
      RUNS,
    );
  });

  test("the first round takes what must move, the second gives it out and takes nothing", () => {
    const settle = (group: Group): Held => rebalance(owning(group, rebalance(group)));
    fc.assert(
      fc.property(anyEvents, (events) => {
        play(events, settle, ({ group, event, before, held }) => {
          const first = rebalance(group);
          const target = assign("sticky", group);
          const had = ownersOf(before);
          for (const { memberId } of group.members) {
            const own = target
              .get(memberId)!
              .filter((partition) => (had.get(partition) ?? memberId) === memberId);
            expect(first.get(memberId)).toEqual(own);
          }
          expect(keptOf(first, held)).toBe(total(first));
          // The second round may return what the first has taken: no member keeps less than in a single round.
          expect(keptOf(before, held)).toBeGreaterThanOrEqual(keptOf(before, target));
          expectComplete(group, held);
          expectEven(group, held);
          if (event.kind === "nothing") expect(first).toEqual(before);
        });
      }),
      { ...RUNS, examples: [[GIVEN_BACK]] },
    );
  });

  test("whatever members claimed, after two rounds all is assigned, and evenly", () => {
    fc.assert(
      fc.property(anyGroup, (group) => {
        const first = rebalance(group);
        const second = rebalance(owning(group, first));
        expect(keptOf(first, second)).toBe(total(first));
        expectComplete(group, second);
        expectEven(group, second);
        expect(rebalance(owning(group, second))).toEqual(second);
      }),
      { numRuns: 3_000 },
    );
  });

  test("whatever members claimed, only the last of its owners gets what another claims too", () => {
    fc.assert(
      fc.property(anyGroup, (group) => {
        const { members } = group;
        const claims = members.map((one) => ({ one, partitions: new Set(names(one.owned)) }));
        for (const [partition, owner] of ownersOf(rebalance(group))) {
          const claiming = claims.filter(({ partitions }) => partitions.has(partition));
          const others = claiming.filter(({ one }) => one.memberId !== owner);
          if (others.length === 0) continue;
          const own = claiming.find(({ one }) => one.memberId === owner)?.one.generation;
          const latest = Math.max(...others.map(({ one }) => one.generation));
          expect(own, `${partition} of ${owner}`).toBeGreaterThan(latest);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test("a member that missed a rebalance does not get back what others have since", () => {
    fc.assert(
      fc.property(topicsArbitrary, fc.nat(8), fc.nat(8), (topics, size, late) => {
        const counts = new Map(TOPICS.map((topic, index) => [topic, index + 3]));
        const ids = Array.from({ length: size + 2 }, (_, index) => `m${index}`);
        const group = { members: ids.map((id) => member(id, topics)), counts };
        const first = rebalance(group);
        const missing = ids[late % ids.length]!;
        const rest = owning(
          { counts, members: group.members.filter(({ memberId }) => memberId !== missing) },
          first,
        );
        const second = rebalance(rest);
        const stale = member(missing, topics, {
          owned: grouped(first.get(missing)!),
          generation: 1,
        });
        const back = { counts, members: [...owning(rest, second, 2).members, stale] };
        const third = rebalance(back);
        expect(third.get(missing)).toEqual([]);
        expect(keptOf(second, third)).toBe(total(third));
        const fourth = rebalance(owning(back, third, 3));
        const owners = ownersOf(fourth);
        expect([...owners.keys()].sort()).toEqual(subscribedPartitions(back));
        expect(keptOf(remaining(rest, third), fourth)).toBe(total(third));
      }),
      RUNS,
    );
  });
});
