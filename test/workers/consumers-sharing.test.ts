/** How instances share the partitions of their topics: fairly, anew when one comes or goes, and each record once. */
import { describe, expect, it } from "vitest";
import {
  coordinator,
  type Instance,
  newGroup,
  newInstance,
  produce,
  settle,
  topicOf,
  valuesOf,
} from "./consumers-support.ts";
import { call, CLUSTER, newTopic } from "./records-support.ts";

const members = (count: number, group: string, topic: string, settings = {}): Promise<Instance[]> =>
  Promise.all(
    Array.from({ length: count }, async () =>
      (await newInstance(group, settings)).subscribe(topic),
    ),
  );

const sizes = async (instances: readonly Instance[]): Promise<number[]> => {
  const all = await Promise.all(instances.map((instance) => instance.assignment()));
  return all.map(({ length }) => length).toSorted();
};

describe("four partitions", () => {
  it.each(["cooperative-sticky", "range", "roundrobin", "sticky"])(
    "are two for each of two, shared with a third, and leave one of five idle (%s)",
    async (assignor) => {
      const group = newGroup();
      const topic = await newTopic(4);
      const settings = { "partition.assignment.strategy": assignor };
      const instances = await members(2, group, topic, settings);
      await settle(instances, 4);
      expect(await sizes(instances)).toEqual([2, 2]);
      instances.push(...(await members(1, group, topic, settings)));
      await settle(instances, 4);
      expect(await sizes(instances)).toEqual([1, 1, 2]);
      instances.push(...(await members(2, group, topic, settings)));
      await settle(instances, 4);
      expect(await sizes(instances)).toEqual([0, 1, 1, 1, 1]);
      const { partition_assignor } = await (
        await call(`${CLUSTER}/consumer-groups/${group}`)
      ).json<Record<string, unknown>>();
      expect(partition_assignor).toBe(assignor);
    },
  );

  it("move on when an instance is closed, and its offsets with them", async () => {
    const group = newGroup();
    const topic = await topicOf([1, 2], 4);
    const [one, two] = (await members(2, group, topic)) as [Instance, Instance];
    await settle([one, two], 4);
    // Everything was read and committed by whoever had it, before or after they shared.
    const closing = [one, two].map((instance) => instance.done(instance.post("/offsets", "")));
    await Promise.all(closing);
    await one.close();
    await settle([two], 4);
    await produce(topic, ["next"], 0);
    await produce(topic, ["next"], 3);
    expect(valuesOf(await two.read(2))).toEqual(["next", "next"]);
  });

  it("move on when an instance is not heard of any more, within its session", async () => {
    const group = newGroup();
    const topic = await newTopic(4);
    const settings = { "session.timeout.ms": 1_500 };
    const [one, two] = (await members(2, group, topic, settings)) as [Instance, Instance];
    await settle([one, two], 4);
    await produce(topic, ["a"], 0);
    // It is alive as long as its poll waits, though that is longer than its session.
    await two.poll(2_000);
    await settle([two], 4);
    expect((await one.get("/records")).status).toBe(404);
  });
});

describe("two groups", () => {
  it("each get everything, and the instances of each group every record once", async () => {
    const topic = await topicOf([0, 1, 2, 3, 4], 4);
    const read = async (group: string): Promise<string[]> => {
      const instances = await members(2, group, topic);
      const seen: string[] = [];
      for (let round = 0; seen.length < 20 && round < 50; round++) {
        const answers = await Promise.all(instances.map((instance) => instance.poll(300)));
        for (const { records } of answers) {
          seen.push(...records.map(({ partition, offset }) => `${partition}/${offset}`));
        }
        // What was read is committed before anything moves: nothing is read twice.
        await Promise.all(instances.map((instance) => instance.post("/offsets", "")));
      }
      return seen;
    };
    const [one, two] = await Promise.all([read(newGroup()), read(newGroup())]);
    for (const seen of [one, two]) {
      expect(new Set(seen).size).toBe(20);
      expect(seen.length).toBe(20);
    }
  });
});

describe("a pattern", () => {
  it("takes in a topic that is created later, from its first record even with latest", async () => {
    const prefix = `later-${newGroup()}`;
    const create = async (name: string, partitions: number) => {
      const created = await call(`${CLUSTER}/topics`, {
        method: "POST",
        body: JSON.stringify({ topic_name: name, partitions_count: partitions }),
        headers: { "content-type": "application/json" },
      });
      expect(created.status).toBe(201);
    };
    await create(`${prefix}-a`, 1);
    await produce(`${prefix}-a`, ["before"]);
    const instance = await newInstance(newGroup(), { "auto.offset.reset": "latest" });
    await instance.done(instance.post("/subscription", { topic_pattern: `${prefix}-.*` }));
    expect((await instance.poll(500)).records).toEqual([]);
    await create(`${prefix}-b`, 2);
    await produce(`${prefix}-b`, ["first"], 1);
    expect(valuesOf(await instance.read(1))).toEqual(["first"]);
  });
});

describe("an idle group", () => {
  it("keeps its offsets when all instances are gone, and a new one goes on from them", async () => {
    const group = newGroup();
    const topic = await topicOf([1, 2, 3]);
    const first = await (await newInstance(group, { "max.poll.records": 2 })).subscribe(topic);
    await first.read(2);
    await first.done(first.post("/offsets", ""));
    await first.close();
    expect(await coordinator(group).describeGroup()).toMatchObject({ state: "Empty", members: [] });
    const second = await (await newInstance(group)).subscribe(topic);
    expect(valuesOf(await second.read(1))).toEqual([3]);
  });
});
