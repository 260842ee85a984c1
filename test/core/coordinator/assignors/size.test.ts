/**
 * The largest groups: 1,000 members and 10,000 partitions. An assignor that is quadratic in either number exceeds a
 * test's time. The assertions count the partitions that move.
 */
import { describe, expect, test } from "vitest";
import { ASSIGNORS } from "../../../../src/objects/coordinator/groups/assignors/index.ts";
import {
  assign,
  expectComplete,
  expectEven,
  keptOf,
  member,
  ownersOf,
  owning,
  spread,
  type Group,
  type Held,
} from "./support.ts";

const MEMBERS = 1_000;
const PARTITIONS = 10_000;

const ids = Array.from({ length: MEMBERS }, (_, index) => `member-${index}`);

/** Topics with the same number of partitions, and members that subscribe to the topics that `subscribed` picks. */
function groupOf(topics: number, subscribed: (topic: number, member: number) => boolean): Group {
  const names = Array.from({ length: topics }, (_, index) => `topic-${index}`);
  return {
    members: ids.map((id, index) =>
      member(
        id,
        names.filter((_, topic) => subscribed(topic, index)),
      ),
    ),
    counts: new Map(names.map((name) => [name, PARTITIONS / topics])),
  };
}

const loads = (held: Held): number[] => [...held.values()].map(({ length }) => length);

/** One member owns everything, the others nothing. */
function byOne(group: Group): Group {
  const [one] = group.members;
  const alone = assign("sticky", { ...group, members: [one!] });
  return owning(group, alone);
}

const equal = groupOf(100, () => true);
/** A window of 30 topics out of 100, which slides with the member. */
const windows = groupOf(100, (topic, index) => (topic - index + 1_000) % 100 < 30);
/** Topics of one partition each, whose subscribers are the same only by chance. */
const scattered = groupOf(PARTITIONS, (topic, index) => {
  return index === 0 || (topic * 31 + index * 17 + ((topic * index) % 101)) % 97 < 5;
});
/** Each topic has two subscribers, and each member two topics: a ring. */
const ring = groupOf(MEMBERS, (topic, index) => topic === index || topic === (index + 1) % MEMBERS);
/** Members from n on subscribe to topic n: the first can have little, the last everything. */
const nested = groupOf(100, (topic, index) => topic * 10 <= index);

describe.each([
  ["equal subscriptions", equal],
  ["sliding subscriptions", windows],
  ["scattered subscriptions", scattered],
  ["nested subscriptions", nested],
  ["subscriptions in a ring", ring],
])("%s", (_, group) => {
  test.each(ASSIGNORS)("%s assigns all of it", (assignor) => {
    const held = assign(assignor, group);
    expectComplete(group, held);
    if (assignor.endsWith("sticky")) expectEven(group, held);
  });

  test("sticky shares what one member had with all the others", () => {
    const held = assign("sticky", byOne(group));
    expectComplete(group, held);
    expectEven(group, held);
  });

  test("cooperatively, that takes two rounds", () => {
    const from = byOne(group);
    const first = assign("cooperative-sticky", from);
    const owners = ownersOf(first);
    for (const { topic, partitions } of from.members[0]!.owned) {
      for (const partition of partitions) {
        expect(owners.get(`${topic}-${partition}`) ?? ids[0]).toBe(ids[0]);
      }
    }
    const second = assign("cooperative-sticky", owning(group, first, 2));
    expectComplete(group, second);
    expectEven(group, second);
    expect(keptOf(first, second)).toBe(owners.size);
  });

  test("sticky moves nothing when nothing has changed", () => {
    const held = assign("sticky", group);
    expect(assign("sticky", owning(group, held))).toEqual(held);
  });
});

describe("10,000 topics of one partition, to which everybody subscribes", () => {
  const group = groupOf(PARTITIONS, () => true);

  test.each(ASSIGNORS)("%s assigns all of it", (assignor) => {
    expect(ownersOf(assign(assignor, group)).size).toBe(PARTITIONS);
  });

  test("sticky shares what one member had with all the others", () => {
    expect(new Set(loads(assign("sticky", byOne(group))))).toEqual(new Set([10]));
  });
});

describe("equal subscriptions, move by move", () => {
  const held = assign("sticky", equal);

  test("the 1,001st member gets 9 partitions, and those are all that move", () => {
    const joined = {
      ...equal,
      members: [...equal.members, member("zz", [...equal.counts.keys()])],
    };
    const after = assign("sticky", owning(joined, held));
    expect(after.get("zz")).toHaveLength(9);
    expect(keptOf(held, after)).toBe(PARTITIONS - 9);
  });

  test("of 300 members that leave, only theirs move", () => {
    const rest = owning({ ...equal, members: equal.members.slice(300) }, held);
    const after = assign("sticky", rest);
    const left = equal.members.slice(0, 300).flatMap((one) => held.get(one.memberId)!);
    expect(spread(loads(after))).toBeLessThanOrEqual(1);
    expect(keptOf(held, after)).toBe(PARTITIONS - left.length);
  });
});
