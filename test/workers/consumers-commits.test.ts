/** Commits of consumer instances, and what instances cost in rows and calls. */
import { describe, expect, it } from "vitest";
import {
  coordinator,
  newGroup,
  newInstance,
  produce,
  settle,
  topicOf,
} from "./consumers-support.ts";
import { errorOf, newTopic } from "./records-support.ts";

const code = async (response: Response | Promise<Response>) => {
  const error = await errorOf(await response);
  return [error.status, error.code];
};
const offsets = (topic: string, offset: number, partition = 0) => ({
  offsets: [{ topic, partition, offset }],
});

describe("a commit", () => {
  it("names the last record, and stores the next offset", async () => {
    const topic = await topicOf([0, 1, 2]);
    const instance = await (await newInstance(newGroup())).subscribe(topic);
    await instance.read(3);
    const commit = { offsets: [{ topic, partition: 0, offset: 1, metadata: "half" }] };
    await instance.done(instance.post("/offsets", commit));
    const found = await instance.get(`/offsets?topic=${topic}&partition=0`);
    expect(await found.json()).toEqual({
      offsets: [{ topic, partition: 0, offset: 2, metadata: "half" }],
    });
    expect(await (await instance.get(`/offsets?topic=${topic}&partition=9`)).json()).toEqual({
      offsets: [],
    });
    expect(await (await instance.get("/offsets")).json()).toEqual({ offsets: [] });
  });

  it("without a body is of all that was delivered", async () => {
    const topic = await topicOf([0, 1, 2], 2);
    const instance = await (await newInstance(newGroup())).subscribe(topic);
    await instance.read(6);
    for (const body of ["", "{}", '{"offsets":null}']) {
      await instance.done(instance.post("/offsets", body));
      expect([await instance.committed(topic, 0), await instance.committed(topic, 1)]).toEqual([
        3, 3,
      ]);
    }
  });

  it("that states an old generation is refused, and so is one of others' partitions", async () => {
    const group = newGroup();
    const topic = await topicOf([0, 1], 2);
    const one = await (await newInstance(group)).subscribe(topic);
    await one.read(4);
    const { generation } = await one.poll();
    const commit = offsets(topic, 0);
    await one.done(one.post("/offsets", commit, { "consumer-generation": generation! }));
    const two = await (await newInstance(group)).subscribe(topic);
    await settle([one, two], 2);
    const stale = [409, 40905];
    expect(await code(one.post(`/offsets?generation=${generation}`, commit))).toEqual(stale);
    const header = { "consumer-generation": generation! };
    expect(await code(one.post("/offsets", commit, header))).toEqual(stale);
    expect(await code(one.post("/offsets", "", header))).toEqual(stale);
    const [mine] = await one.assignment();
    const other = mine === `${topic}/0` ? 1 : 0;
    expect(await code(one.post("/offsets", offsets(topic, 0, other)))).toEqual(stale);
    expect(await code(one.post("/offsets?generation=x", commit))).toEqual([400, 400]);
  });

  it("is refused whole for what is wrong with it", async () => {
    const topic = await topicOf([0, 1]);
    const instance = await (await newInstance(newGroup())).subscribe(topic);
    await instance.read(2);
    const commit = (body: unknown) => code(instance.post("/offsets", body));
    expect(await commit(offsets(topic, -1))).toEqual([400, 400]);
    expect(await commit(offsets(topic, Number.MAX_SAFE_INTEGER))).toEqual([400, 400]);
    expect(await commit(offsets("a b", 0))).toEqual([400, 40002]);
    expect(await commit(offsets("another", 0))).toEqual([409, 40905]);
    const long = { topic, partition: 0, offset: 1, metadata: "ä".repeat(2_049) };
    expect(await commit({ offsets: [{ topic, partition: 0, offset: 0 }, long] })).toEqual([
      422, 42206,
    ]);
    expect(await instance.committed(topic)).toBeNull();
    const query = (text: string) => code(instance.get(`/offsets?${text}`));
    for (const text of ["topic=a", "partition=0", "topic=a&partition=x"]) {
      expect(await query(text), text).toEqual([400, 400]);
    }
  });

  it("by hand is not taken while the group has members", async () => {
    const group = newGroup();
    const topic = await topicOf([0, 1]);
    const member = await (await newInstance(group)).subscribe(topic);
    await member.read(2);
    const loose = await (await newInstance(group)).assign([topic, 0]);
    expect(await code(loose.post("/offsets", offsets(topic, 0)))).toEqual([409, 40903]);
    await member.close();
    await loose.done(loose.post("/offsets", offsets(topic, 0)));
    expect(await loose.committed(topic)).toBe(1);
  });
});

describe("what it costs", () => {
  const rowsWritten = async (group: string): Promise<number> => {
    const described = await coordinator(group).describeGroup();
    return (described as { rowsWritten: number }).rowsWritten;
  };

  it("a poll writes nothing, a commit of 100 partitions one row", async () => {
    const group = newGroup();
    const topic = await newTopic(100);
    const instance = await (await newInstance(group)).subscribe(topic);
    await settle([instance], 100);
    await produce(topic, ["a"], 7);
    await instance.read(1);
    const before = await rowsWritten(group);
    // Longer than a poll waits without a heartbeat.
    await instance.poll(3_200);
    await produce(topic, ["b"], 8);
    await instance.read(1);
    expect(await rowsWritten(group)).toBe(before);
    const all = Array.from({ length: 100 }, (_, partition) => ({ topic, partition, offset: 0 }));
    await instance.done(instance.post("/offsets", { offsets: all }));
    expect(await rowsWritten(group)).toBe(before + 1);
    expect(await instance.committed(topic, 99)).toBe(1);
  });
});
