/** Polls of partitions where nothing is committed, whose offsets are out of range, or that cannot be read. */
import { describe, expect, it } from "vitest";
import { newGroup, newInstance, produce, topicOf, valuesOf } from "./consumers-support.ts";
import { call, CLUSTER, errorOf, whileLeaderIsFenced } from "./records-support.ts";

const refused = async (response: Promise<Response>) => {
  const { status, code, message } = await errorOf(await response);
  return { status, code, message };
};

async function deleteTopic(topic: string): Promise<void> {
  const { status } = await call(`${CLUSTER}/topics/${topic}`, { method: "DELETE" });
  expect(status).toBe(204);
}

async function leaderOf(topic: string): Promise<number> {
  const partition = await call(`/topics/${topic}/partitions/0`);
  return (await partition.json<{ leader: number }>()).leader;
}

async function deleteBefore(topic: string, before: number): Promise<void> {
  const path = `${CLUSTER}/topics/${topic}/partitions/0/records?before=${before}`;
  expect((await call(path, { method: "DELETE" })).status).toBe(200);
}

describe("where nothing is known, or what is known is out of range", () => {
  it("earliest begins with the first record there is, latest with what comes", async () => {
    const topic = await topicOf([0, 1, 2]);
    await deleteBefore(topic, 2);
    const earliest = await (await newInstance(newGroup())).subscribe(topic);
    expect(valuesOf(await earliest.read(1))).toEqual([2]);
    const settings = { "auto.offset.reset": "latest" };
    const latest = await (await newInstance(newGroup(), settings)).subscribe(topic);
    expect((await latest.poll(300)).records).toEqual([]);
    await produce(topic, [3]);
    expect(valuesOf(await latest.read(1))).toEqual([3]);
  });

  it("none is told so, by the partition", async () => {
    const topic = await topicOf([0, 1, 2]);
    const group = newGroup();
    const settings = { "auto.offset.reset": "none" };
    const instance = await (await newInstance(group, settings)).assign([topic, 0]);
    const nothing = await refused(instance.get("/records?timeout=100"));
    expect(nothing).toMatchObject({ status: 409, code: 40903 });
    expect(nothing.message).toContain(`${topic}, partition 0`);
    const seek = (offset: number) =>
      instance.done(instance.post("/positions", { offsets: [{ topic, partition: 0, offset }] }));
    await seek(1);
    expect(valuesOf(await instance.read(2))).toEqual([1, 2]);
    await seek(4);
    const past = await refused(instance.get("/records?timeout=100"));
    expect(past).toMatchObject({ status: 416, code: 41601 });
    await seek(0);
    await deleteBefore(topic, 1);
    const below = await refused(instance.get("/records?timeout=100"));
    expect(below).toMatchObject({ status: 410, code: 41001 });
  });

  it("a position out of range goes to the end that the policy names", async () => {
    const topic = await topicOf([0, 1, 2]);
    for (const [policy, expected] of [
      ["earliest", [1, 2]],
      ["latest", []],
    ] as const) {
      const settings = { "auto.offset.reset": policy };
      const instance = await (await newInstance(newGroup(), settings)).assign([topic, 0]);
      await instance.poll(100);
      await deleteBefore(topic, 1);
      for (const offset of [0, 99]) {
        const seek = { offsets: [{ topic, partition: 0, offset }] };
        await instance.done(instance.post("/positions", seek));
        expect(valuesOf((await instance.poll(500)).records), `${policy} ${offset}`).toEqual(
          expected,
        );
      }
    }
  });

  it("a topic that was created anew is read from its own beginning", async () => {
    const topic = await topicOf([1, 2, 3]);
    const instance = await (await newInstance(newGroup())).subscribe(topic);
    await instance.read(3);
    await instance.done(instance.post("/offsets", ""));
    await deleteTopic(topic);
    expect((await instance.poll(200)).records).toEqual([]);
    const created = await call(`${CLUSTER}/topics`, {
      method: "POST",
      body: JSON.stringify({ topic_name: topic }),
      headers: { "content-type": "application/json" },
    });
    expect(created.status).toBe(201);
    await produce(topic, ["new"]);
    expect(valuesOf(await instance.read(1))).toEqual(["new"]);
  });
});

describe("partitions that cannot be read", () => {
  it("are passed over as long as others have records, and read when they can be", async () => {
    const lost = await topicOf(["a"]);
    let other = await topicOf(["b"]);
    while ((await leaderOf(other)) === (await leaderOf(lost))) other = await topicOf(["b"]);
    const gone = await topicOf(["c"]);
    const instance = await (await newInstance(newGroup())).assign([lost, 0], [other, 0], [gone, 0]);
    await deleteTopic(gone);
    await whileLeaderIsFenced(lost, async () => {
      expect(valuesOf((await instance.poll(20_000)).records)).toEqual(["b"]);
      expect((await instance.poll(100)).records).toEqual([]);
    });
    expect(valuesOf(await instance.read(1))).toEqual(["a"]);
  });
});
