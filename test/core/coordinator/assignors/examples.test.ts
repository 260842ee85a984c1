/** The examples of Kafka's documentation of each assignor, and of the KIPs that they come from. */
import { describe, expect, test } from "vitest";
import { assign, member, owning, type Held } from "./support.ts";

const held = (assignment: Record<string, string>): Held =>
  new Map(
    Object.entries(assignment).map(([memberId, partitions]) => [
      memberId,
      partitions
        .split(" ")
        .filter((name) => name !== "")
        .map((name) => name.replace(/^t(\d)p/, "t$1-"))
        .sort(),
    ]),
  );

const counts = (...partitions: number[]) =>
  new Map(partitions.map((count, index) => [`t${index}`, count]));

const all = (topics: number) => Array.from({ length: topics }, (_, index) => `t${index}`);

describe("range", () => {
  const topics = all(2);

  test("two consumers, two topics of three partitions", () => {
    const group = { members: [member("C0", topics), member("C1", topics)], counts: counts(3, 3) };
    expect(assign("range", group)).toEqual(held({ C0: "t0p0 t0p1 t1p0 t1p1", C1: "t0p2 t1p2" }));
  });

  test("new member ids after a rolling bounce shuffle it", () => {
    const group = { members: [member("C3", topics), member("C2", topics)], counts: counts(3, 3) };
    expect(assign("range", group)).toEqual(held({ C2: "t0p0 t0p1 t1p0 t1p1", C3: "t0p2 t1p2" }));
  });

  test("with static membership they do not", () => {
    const members = [
      member("C3", topics, { groupInstanceId: "I0" }),
      member("C2", topics, { groupInstanceId: "I1" }),
    ];
    const group = { members, counts: counts(3, 3) };
    expect(assign("range", group)).toEqual(held({ C3: "t0p0 t0p1 t1p0 t1p1", C2: "t0p2 t1p2" }));
  });
});

describe("roundrobin", () => {
  test("two consumers, two topics of three partitions", () => {
    const members = [member("C0", all(2)), member("C1", all(2))];
    expect(assign("roundrobin", { members, counts: counts(3, 3) })).toEqual(
      held({ C0: "t0p0 t0p2 t1p1", C1: "t0p1 t1p0 t1p2" }),
    );
  });

  test("different subscriptions: who does not subscribe is passed over", () => {
    const members = [member("C0", all(1)), member("C1", all(2)), member("C2", all(3))];
    expect(assign("roundrobin", { members, counts: counts(1, 2, 3) })).toEqual(
      held({ C0: "t0p0", C1: "t1p0", C2: "t1p1 t2p0 t2p1 t2p2" }),
    );
  });

  test("with static membership new member ids after a rolling bounce change nothing", () => {
    const before = ["C0", "C1", "C2"].map((id) => member(id, all(2)));
    const after = ["C5", "C3", "C4"].map((id, index) =>
      member(id, all(2), { groupInstanceId: `I${index}` }),
    );
    expect(assign("roundrobin", { members: before, counts: counts(3, 3) })).toEqual(
      held({ C0: "t0p0 t1p0", C1: "t0p1 t1p1", C2: "t0p2 t1p2" }),
    );
    expect(assign("roundrobin", { members: after, counts: counts(3, 3) })).toEqual(
      held({ C5: "t0p0 t1p0", C3: "t0p1 t1p1", C4: "t0p2 t1p2" }),
    );
  });
});

describe("sticky (KIP-54)", () => {
  test("equal subscriptions: as round robin at first; when one leaves, the others keep theirs", () => {
    const members = ["C0", "C1", "C2"].map((id) => member(id, all(4)));
    const group = { members, counts: counts(2, 2, 2, 2) };
    const first = held({ C0: "t0p0 t1p1 t3p0", C1: "t0p1 t2p0 t3p1", C2: "t1p0 t2p1" });
    expect(assign("sticky", group)).toEqual(first);
    expect(assign("roundrobin", group)).toEqual(first);

    const rest = { ...group, members: [members[0]!, members[2]!] };
    expect(assign("roundrobin", rest)).toEqual(
      held({ C0: "t0p0 t1p0 t2p0 t3p0", C2: "t0p1 t1p1 t2p1 t3p1" }),
    );
    expect(assign("sticky", owning(rest, first))).toEqual(
      held({ C0: "t0p0 t1p1 t3p0 t2p0", C2: "t1p0 t2p1 t0p1 t3p1" }),
    );
  });

  test("different subscriptions: more even than round robin, and five of six stay", () => {
    const members = [member("C0", all(1)), member("C1", all(2)), member("C2", all(3))];
    const group = { members, counts: counts(1, 2, 3) };
    const first = held({ C0: "t0p0", C1: "t1p0 t1p1", C2: "t2p0 t2p1 t2p2" });
    expect(assign("sticky", group)).toEqual(first);
    expect(assign("sticky", owning({ ...group, members: members.slice(1) }, first))).toEqual(
      held({ C1: "t1p0 t1p1 t0p0", C2: "t2p0 t2p1 t2p2" }),
    );
  });
});

describe("cooperative-sticky (KIP-429)", () => {
  test("one joins: its share is first let go of, then given to it; the others read on", () => {
    const members = ["C0", "C1"].map((id) => member(id, all(1)));
    const first = assign("cooperative-sticky", { members, counts: counts(6) });
    expect(first).toEqual(held({ C0: "t0p0 t0p2 t0p4", C1: "t0p1 t0p3 t0p5" }));

    const joined = { members: [...members, member("C2", all(1))], counts: counts(6) };
    const second = assign("cooperative-sticky", owning(joined, first));
    expect(second).toEqual(held({ C0: "t0p0 t0p2", C1: "t0p1 t0p3", C2: "" }));
    expect(assign("cooperative-sticky", owning(joined, second, 2))).toEqual(
      held({ C0: "t0p0 t0p2", C1: "t0p1 t0p3", C2: "t0p4 t0p5" }),
    );
  });

  test("one leaves: its partitions are nobody's, and are given out at once", () => {
    const members = ["C0", "C1", "C2"].map((id) => member(id, all(1)));
    const group = { members, counts: counts(6) };
    const first = assign("cooperative-sticky", group);
    const rest = owning({ ...group, members: members.slice(1) }, first);
    expect(assign("cooperative-sticky", rest)).toEqual(
      held({ C1: "t0p1 t0p4 t0p0", C2: "t0p2 t0p5 t0p3" }),
    );
  });
});
