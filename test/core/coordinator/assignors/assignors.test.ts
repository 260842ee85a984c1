/** Properties of every assignor in one round, for any group and any claims of its members. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ASSIGNORS,
  assignPartitions,
  type AssignorMember,
} from "../../../../src/objects/coordinator/groups/assignors/index.ts";
import {
  anyGroup,
  assign,
  expectComplete,
  expectEven,
  expectSubscribed,
  groupArbitrary,
  grouped,
  keptOf,
  member,
  named,
  names,
  ownersOf,
  spread,
  subscribedPartitions,
  topicOf,
  type Group,
} from "./support.ts";

const RUNS = { numRuns: 2_000 };
const EAGER = ["range", "roundrobin", "sticky"] as const;

/** The group in another order: members, subscriptions, claims and topics. */
function reordered({ members, counts }: Group): fc.Arbitrary<Group> {
  const shuffled = <T>(items: readonly T[]): fc.Arbitrary<T[]> =>
    fc.shuffledSubarray([...items], { minLength: items.length });
  const each = members.map((one) =>
    fc.record({
      memberId: fc.constant(one.memberId),
      groupInstanceId: fc.constant(one.groupInstanceId),
      topics: shuffled(one.topics),
      owned: shuffled(one.owned),
      generation: fc.constant(one.generation),
    }),
  );
  return fc.record({
    members: fc.tuple(...each).chain((all) => shuffled<AssignorMember>(all)),
    counts: shuffled([...counts]).map((entries) => new Map(entries)),
  });
}

describe("every assignor", () => {
  test.each(EAGER)("%s gives each partition to one of its subscribers", (assignor) => {
    fc.assert(
      fc.property(anyGroup, (group) => expectComplete(group, assign(assignor, group))),
      RUNS,
    );
  });

  test("cooperative-sticky gives each partition to at most one of its subscribers", () => {
    fc.assert(
      fc.property(anyGroup, (group) => {
        const held = assign("cooperative-sticky", group);
        expect([...held.keys()].sort()).toEqual(group.members.map((one) => one.memberId).sort());
        const existing = new Set(subscribedPartitions(group));
        for (const partition of ownersOf(held).keys()) expect(existing).toContain(partition);
        expectSubscribed(group, held);
      }),
      RUNS,
    );
  });

  test.each(ASSIGNORS)("%s answers the same, whatever the order of what it is told", (assignor) => {
    const twice = anyGroup.chain((group) => fc.tuple(fc.constant(group), reordered(group)));
    fc.assert(
      fc.property(twice, ([group, other]) => {
        const answer = assignPartitions(assignor, group.members, group.counts);
        expect(assignPartitions(assignor, other.members, other.counts)).toEqual(answer);
      }),
      RUNS,
    );
  });

  test.each(ASSIGNORS)("%s answers topics sorted, each once, and partitions ascending", (name) => {
    fc.assert(
      fc.property(anyGroup, ({ members, counts }) => {
        for (const owned of assignPartitions(name, members, counts).values()) {
          const topics = owned.map(({ topic }) => topic);
          expect(topics).toEqual([...new Set(topics)].sort());
          for (const { partitions } of owned) {
            expect(partitions.length).toBeGreaterThan(0);
            expect(partitions).toEqual([...new Set(partitions)].sort((a, b) => a - b));
          }
        }
      }),
      RUNS,
    );
  });

  test.each(ASSIGNORS)(
    "%s has an answer for nobody, for no topics, for none that exist",
    (name) => {
      expect(assignPartitions(name, [], new Map([["a", 3]]))).toEqual(new Map());
      const idle = [member("m", []), member("n", ["gone", "empty"])];
      expect(assignPartitions(name, idle, new Map([["empty", 0]]))).toEqual(
        new Map([
          ["m", []],
          ["n", []],
        ]),
      );
    },
  );

  test.each(ASSIGNORS)("%s counts a topic that is named twice once", (name) => {
    const members = [member("m", ["a", "a"]), member("n", ["a"])];
    const held = assign(name, { members, counts: new Map([["a", 4]]) });
    expect([...held.values()].map(({ length }) => length)).toEqual([2, 2]);
  });

  test.each(ASSIGNORS)("%s refuses two members of one id, and counts that cannot be", (name) => {
    const twice = [member("m", ["a"]), member("m", ["b"])];
    expect(() => assignPartitions(name, twice, new Map())).toThrow("a member twice");
    const negative = new Map([["a", -1]]);
    expect(() => assignPartitions(name, [member("m", ["a"])], negative)).toThrow("partition count");
  });
});

describe("range", () => {
  test("cuts each topic into runs of equal length, give or take one, the longer ones first", () => {
    fc.assert(
      fc.property(anyGroup, ({ members, counts }) => {
        const assignment = assignPartitions("range", members, counts);
        for (const topic of counts.keys()) {
          const runs = members
            .filter(({ topics }) => topics.includes(topic))
            .map(({ memberId }) => assignment.get(memberId)!.find((one) => one.topic === topic))
            .map((one) => one?.partitions ?? []);
          expect(spread(runs.map((run) => run.length))).toBeLessThanOrEqual(1);
          for (const run of runs.filter(({ length }) => length > 0)) {
            expect(run.at(-1)! - run[0]! + 1).toBe(run.length);
          }
          const byStart = runs.filter(({ length }) => length > 0).sort((a, b) => a[0]! - b[0]!);
          const lengths = byStart.map(({ length }) => length);
          expect(lengths).toEqual(lengths.toSorted((a, b) => b - a));
        }
      }),
      RUNS,
    );
  });

  test("serves static members first, by instance id, then the others by member id", () => {
    const members = [
      member("a", ["t"]),
      member("z", ["t"], { groupInstanceId: "i1" }),
      member("B", ["t"]),
      member("y", ["t"], { groupInstanceId: "i2" }),
    ];
    const held = assign("range", { members, counts: new Map([["t", 4]]) });
    expect([...ownersOf(held)].sort().map(([, owner]) => owner)).toEqual(["z", "y", "B", "a"]);
  });
});

describe("balance", () => {
  test.each(["roundrobin", "sticky"] as const)(
    "%s with equal subscriptions: totals differ by at most one",
    (assignor) => {
      fc.assert(
        fc.property(groupArbitrary("equal"), (group) => {
          const totals = [...assign(assignor, group).values()].map(({ length }) => length);
          expect(spread(totals)).toBeLessThanOrEqual(1);
        }),
        RUNS,
      );
    },
  );

  test("sticky with any subscriptions: no partition could go to a member with two fewer", () => {
    fc.assert(
      fc.property(anyGroup, (group) => expectEven(group, assign("sticky", group))),
      RUNS,
    );
  });

  test("sticky: there is no assignment with the partitions spread more evenly", () => {
    const small = groupArbitrary("different").map((group) => {
      const counts = new Map([...group.counts].map(([topic, count]) => [topic, count % 3]));
      return { members: group.members.slice(0, 4), counts };
    });
    fc.assert(
      fc.property(small, (group) => {
        const held = assign("sticky", group);
        const squares = [...held.values()].map(({ length }) => length * length);
        expect(squares.reduce((sum, square) => sum + square, 0)).toBe(leastSquares(group));
      }),
      { numRuns: 500 },
    );
  });

  test("a partition is passed on through others where that is the only way", () => {
    // "three" has two partitions and "one" has none; they share no topic, so "two" has to pass one on.
    const members = [
      member("one", ["t0"]),
      member("two", ["t0", "t1"], { owned: [{ topic: "t0", partitions: [0] }] }),
      member("three", ["t1"], { owned: [{ topic: "t1", partitions: [0, 1] }] }),
    ];
    const counts = new Map([
      ["t0", 1],
      ["t1", 2],
    ]);
    expect(assign("sticky", { members, counts })).toEqual(
      new Map([
        ["one", ["t0-0"]],
        ["two", ["t1-1"]],
        ["three", ["t1-0"]],
      ]),
    );
  });
});

/** The lowest sum of squared numbers of partitions among all assignments, by trying them; equal states once. */
function leastSquares(group: Group): number {
  const ids = group.members.map(({ memberId }) => memberId);
  let profiles = new Set([ids.map(() => 0).join()]);
  for (const partition of subscribedPartitions(group)) {
    const next = new Set<string>();
    for (const profile of profiles) {
      const loads = profile.split(",").map(Number);
      for (const [index, { topics }] of group.members.entries()) {
        if (!topics.includes(topicOf(partition))) continue;
        next.add(loads.with(index, loads[index]! + 1).join());
      }
    }
    profiles = next;
  }
  const sums = [...profiles].map((profile) =>
    profile.split(",").reduce((sum, load) => sum + Number(load) ** 2, 0),
  );
  return Math.min(...sums);
}

describe("claims", () => {
  const counts = new Map([["t", 4]]);
  const claiming = (memberId: string, partitions: readonly number[], generation: number) =>
    member(memberId, ["t"], { owned: [{ topic: "t", partitions }], generation });

  test("with equal subscriptions sticky keeps all that balance allows of what is claimed by one", () => {
    fc.assert(
      fc.property(groupArbitrary("equal"), (group) => {
        const existing = new Set(subscribedPartitions(group));
        const claims = group.members.map(({ memberId, owned }) => ({
          memberId,
          partitions: [...new Set(names(owned))].filter((partition) => existing.has(partition)),
        }));
        const claimants = Map.groupBy(
          claims.flatMap(({ partitions }) => partitions),
          (partition) => partition,
        );
        const alone = new Map(
          claims.map(({ memberId, partitions }) => [
            memberId,
            partitions.filter((partition) => claimants.get(partition)!.length === 1),
          ]),
        );
        const members = group.members.map((one) =>
          Object.assign({}, one, { owned: grouped(alone.get(one.memberId)!) }),
        );
        const held = assign("sticky", { ...group, members });
        // The members with the most claims get the larger shares.
        const share = Math.floor(existing.size / members.length);
        const larger = existing.size % members.length;
        const most = [...alone.values()]
          .map(({ length }) => length)
          .sort((a, b) => b - a)
          .map((claimed, place) => Math.min(claimed, share + (place < larger ? 1 : 0)))
          .reduce((sum, kept) => sum + kept, 0);
        expect(keptOf(alone, held)).toBe(most);
      }),
      RUNS,
    );
  });

  test.each(["sticky", "cooperative-sticky"] as const)(
    "%s: of contradicting claims that of the higher generation counts (KIP-792)",
    (assignor) => {
      const members = [claiming("a", [0, 1], 4), claiming("b", [0, 1], 5)];
      const held = assign(assignor, { members, counts });
      expect(held).toEqual(
        new Map([
          ["a", ["t-2", "t-3"]],
          ["b", ["t-0", "t-1"]],
        ]),
      );
    },
  );

  test("a claim of an unknown generation gives way to any known one, but counts alone", () => {
    const members = [claiming("a", [0, 1, 3], -1), claiming("b", [0, 1], 0)];
    const held = assign("sticky", { members, counts });
    expect(held.get("a")).toEqual(["t-2", "t-3"]);
    expect(held.get("b")).toEqual(["t-0", "t-1"]);
  });

  test("of two claims of one generation neither counts: cooperatively both first let go", () => {
    const members = [claiming("a", [0, 1], 5), claiming("b", [0, 2], 5), claiming("c", [0], 4)];
    const first = assign("cooperative-sticky", { members, counts });
    expect(ownersOf(first)).toEqual(
      new Map([
        ["t-1", "a"],
        ["t-2", "b"],
        ["t-3", "a"],
      ]),
    );
  });

  test("cooperatively, a claim that does not count still holds a partition back from others", () => {
    // "a" no longer subscribes to t, but reads it until it gets its new assignment.
    const members = [
      member("a", ["u"], { owned: [{ topic: "t", partitions: [0] }], generation: 5 }),
      member("b", ["t"], { generation: 5 }),
    ];
    const held = assign("cooperative-sticky", { members, counts });
    expect(held.get("b")).toEqual(["t-1", "t-2", "t-3"]);
    expect(assign("sticky", { members, counts }).get("b")).toHaveLength(4);
  });

  test.each(["sticky", "cooperative-sticky"] as const)(
    "%s passes over claims to what does not exist",
    (assignor) => {
      const owned = [
        { topic: "t", partitions: [-1, 4, 1.5, Number.NaN, 2 ** 40, 3, 3] },
        { topic: "nowhere", partitions: [0] },
        { topic: "t", partitions: [3] },
      ];
      const members = [member("a", ["t"], { owned, generation: 1 })];
      const held = named(assignPartitions(assignor, members, counts));
      expect(held).toEqual(new Map([["a", ["t-0", "t-1", "t-2", "t-3"]]]));
    },
  );
});
