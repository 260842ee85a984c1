/** Consumer instances over HTTP: making, subscribing, assigning, committing, closing, and every error on the way. */
import { describe, expect, it } from "vitest";
import { groupNameProblem } from "../../src/base/ids.ts";
import {
  coordinator,
  newGroup,
  newInstance,
  produce,
  topicOf,
  valuesOf,
} from "./consumers-support.ts";
import { call, errorOf, ORIGIN, post } from "./records-support.ts";

const code = async (response: Response | Promise<Response>) => {
  const error = await errorOf(await response);
  return [error.status, error.code];
};
const at = (topic: string, partition = 0) => ({ partitions: [{ topic, partition }] });
const offsets = (topic: string, offset: number, partition = 0) => ({
  offsets: [{ topic, partition, offset }],
});

describe("an instance", () => {
  it("is made with a name of its own, and told where requests about it go", async () => {
    const group = newGroup();
    const response = await post(`/consumers/${group}`, { name: "reader" });
    expect(await response.json()).toEqual({
      instance_id: "reader",
      base_uri: `${ORIGIN}/consumers/${group}/instances/reader`,
    });
    const made = await (
      await call(`/consumers/${group}`, { method: "POST" })
    ).json<Record<string, string>>();
    expect(made.base_uri).toBe(`${ORIGIN}/consumers/${group}/instances/${made.instance_id}`);
    expect(made.instance_id).not.toBe("");
  });

  it("answers in the media type that is accepted", async () => {
    const headers = { accept: "application/vnd.kafka.v2+json" };
    const made = await post(`/consumers/${newGroup()}`, {}, headers);
    expect(made.headers.get("content-type")).toBe(headers.accept);
    expect(await code(post(`/consumers/${newGroup()}`, {}, { accept: "text/html" }))).toEqual([
      406, 40601,
    ]);
  });

  it("takes numbers and booleans as strings, as clients of v2 send them", async () => {
    const group = newGroup();
    const topic = await topicOf([1, 2, 3]);
    const instance = await newInstance(group, {
      "auto.commit.enable": "true",
      "auto.commit.interval.ms": "0",
      "max.poll.records": "2",
      "fetch.min.bytes": "-1",
      "session.timeout.ms": "30000",
      "partition.assignment.strategy": "range, roundrobin",
    });
    await instance.subscribe(topic);
    expect((await instance.poll(2_000)).records.length).toBe(2);
    expect((await instance.poll(2_000)).records.length).toBe(1);
    expect(await instance.committed(topic)).toBe(2);
  });

  it("is not made with settings that are none, out of bounds, or taken", async () => {
    const group = newGroup();
    const make = (settings: unknown) => code(post(`/consumers/${group}`, settings));
    for (const wrong of [
      { format: "avro" },
      { "auto.offset.reset": "smallest" },
      { "auto.commit.enable": "maybe" },
      { "fetch.min.bytes": "many" },
      { "max.poll.records": 1.5 },
      { "partition.assignment.strategy": "uniform" },
      { "partition.assignment.strategy": [] },
      { name: 7 },
      { name: ".." },
      { name: "x".repeat(256) },
      { "no.such.setting": 1 },
      { "fetch.min.bytes": -2 },
      { "consumer.request.timeout.ms": "60001" },
      { "session.timeout.ms": 10 },
      { "max.poll.records": 0 },
      { "max.poll.interval.ms": 0 },
    ]) {
      expect(await make(wrong), JSON.stringify(wrong)).toEqual([422, 42204]);
    }
    expect(await make([])).toEqual([400, 400]);
    expect(await make("{")).toEqual([400, 400]);
    await newInstance(group, { name: "taken" });
    expect(await make({ name: "taken" })).toEqual([409, 40902]);
    expect(await code(post(`/consumers/${encodeURIComponent("ü".repeat(16_384))}`, {}))).toEqual([
      400, 400,
    ]);
    const text = { "content-type": "text/plain" };
    expect(await code(post(`/consumers/${group}`, "{}", text))).toEqual([415, 415]);
  });

  it("has a name of any text, in paths percent-encoded", async () => {
    for (const name of ["a/b/c", "größe/日本 %2F+", "?#&=\"'", "😀"]) {
      expect(groupNameProblem(name)).toBeNull();
      const topic = await topicOf([name]);
      const group = `${newGroup()}/${name}`;
      const instance = await newInstance(group, { name });
      expect(instance.id).toBe(name);
      expect(decodeURIComponent(instance.base.split("/")[2]!)).toBe(group);
      await instance.subscribe(topic);
      expect(valuesOf(await instance.read(1))).toEqual([name]);
      await instance.done(instance.post("/offsets", ""));
      expect(await instance.committed(topic)).toBe(1);
      const members = [{ memberId: name }];
      expect(await coordinator(group).describeGroup()).toMatchObject({ members });
      await instance.close();
    }
  });

  it("that is closed is not found by any route", async () => {
    const topic = await topicOf([1]);
    const instance = await (await newInstance(newGroup())).subscribe(topic);
    await instance.close();
    const unknown = [404, 40403];
    for (const path of ["/records", "/subscription", "/assignments", "/offsets"]) {
      expect(await code(instance.get(path)), path).toEqual(unknown);
    }
    expect(await code(instance.post("/subscription", { topics: [topic] }))).toEqual(unknown);
    expect(await code(instance.post("/assignments", at(topic)))).toEqual(unknown);
    expect(await code(instance.post("/positions", offsets(topic, 0)))).toEqual(unknown);
    expect(await code(instance.post("/positions/beginning", at(topic)))).toEqual(unknown);
    expect(await code(instance.post("/positions/end", at(topic)))).toEqual(unknown);
    expect(await code(instance.post("/offsets", offsets(topic, 0)))).toEqual(unknown);
    expect(await code(instance.delete("/subscription"))).toEqual(unknown);
    expect(await code(instance.delete())).toEqual(unknown);
    expect(await code(call(`/consumers/g/instances/${"x".repeat(256)}/records`))).toEqual(unknown);
    expect(await code(call(`/consumers/${"g".repeat(32_768)}/instances/x/records`))).toEqual([
      400, 400,
    ]);
  });

  it("leaves its last word when it is closed: what was delivered is committed", async () => {
    const group = newGroup();
    const topic = await topicOf([1, 2]);
    const first = await newInstance(group, { "auto.commit.enable": true });
    await (await first.subscribe(topic)).read(2);
    await first.close();
    const second = await (await newInstance(group)).subscribe(topic);
    expect(await second.committed(topic)).toBe(2);
    expect((await second.poll(300)).records).toEqual([]);
  });
});

describe("a subscription", () => {
  it("is of topics or of a pattern, and ends", async () => {
    const topic = await topicOf([1]);
    const other = await topicOf([2]);
    const instance = await newInstance(newGroup());
    const subscribed = async () => (await instance.get("/subscription")).json();
    expect(await subscribed()).toEqual({ topics: [] });
    await instance.subscribe(topic, topic);
    expect(await subscribed()).toEqual({ topics: [topic] });
    await instance.done(instance.post("/subscription", { topic_pattern: `${topic}|${other}` }));
    expect(await subscribed()).toEqual({
      topics: [topic, other].toSorted(),
      topic_pattern: `${topic}|${other}`,
    });
    expect(valuesOf(await instance.read(2)).toSorted()).toEqual([1, 2]);
    await instance.done(instance.delete("/subscription"));
    expect(await subscribed()).toEqual({ topics: [] });
    expect(await instance.assignment()).toEqual([]);
    await instance.subscribe(topic);
    await instance.done(instance.post("/subscription", { topics: [] }));
    expect(await subscribed()).toEqual({ topics: [] });
  });

  it("is refused where it is none, or partitions were assigned by hand", async () => {
    const topic = await topicOf([1]);
    const instance = await newInstance(newGroup());
    const subscribe = (body: unknown) => code(instance.post("/subscription", body));
    expect(await subscribe({})).toEqual([400, 400]);
    expect(await subscribe({ topics: "a" })).toEqual([400, 400]);
    expect(await subscribe({ topics: ["a b"] })).toEqual([400, 40002]);
    expect(await subscribe({ topics: [topic], topic_pattern: "a" })).toEqual([409, 40903]);
    expect(await subscribe({ topic_pattern: "(" })).toEqual([400, 400]);
    expect(await subscribe({ topic_pattern: "a".repeat(1_025) })).toEqual([400, 400]);
    await instance.assign([topic, 0]);
    expect(await subscribe({ topics: [topic] })).toEqual([409, 40901]);
  });

  it("needs an assignor in common with the group's members", async () => {
    const group = newGroup();
    const topic = await topicOf([1]);
    const one = await newInstance(group, { "partition.assignment.strategy": "range" });
    await one.subscribe(topic);
    const other = await newInstance(group, { "partition.assignment.strategy": ["roundrobin"] });
    expect(await code(other.post("/subscription", { topics: [topic] }))).toEqual([409, 40903]);
  });
});

describe("an assignment by hand", () => {
  it("is read without a group's say, by as many as like", async () => {
    const group = newGroup();
    const topic = await topicOf([1, 2], 2);
    const one = await (await newInstance(group)).assign([topic, 1], [topic, 1]);
    const other = await (await newInstance(group)).assign([topic, 1], [topic, 0]);
    expect(await one.assignment()).toEqual([`${topic}/1`]);
    expect((await one.read(2)).every(({ partition }) => partition === 1)).toBe(true);
    expect((await other.read(4)).length).toBe(4);
    expect((await one.poll()).generation).toBeNull();
    const description = { members: [], looseInstances: 2 };
    expect(await coordinator(group).describeGroup()).toMatchObject(description);
  });

  it("is refused for what is not there, and where there is a subscription", async () => {
    const topic = await topicOf([1]);
    const instance = await newInstance(newGroup());
    const assign = (body: unknown) => code(instance.post("/assignments", body));
    expect(await assign(at("nowhere"))).toEqual([404, 40401]);
    expect(await assign(at(topic, 1))).toEqual([404, 40402]);
    expect(await assign(at(topic, -1))).toEqual([400, 400]);
    expect(await assign({})).toEqual([400, 400]);
    await instance.subscribe(topic);
    expect(await assign(at(topic))).toEqual([409, 40901]);
  });

  it("reaches a partition that was added a moment ago", async () => {
    const topic = await topicOf([1]);
    await call(`/topics/${topic}`);
    const path = `/v3/clusters/odradek/topics/${topic}`;
    const grown = await call(path, {
      method: "PATCH",
      body: JSON.stringify({ partitions_count: 2 }),
      headers: { "content-type": "application/json" },
    });
    expect(grown.status).toBe(200);
    const instance = await (await newInstance(newGroup())).assign([topic, 1]);
    await produce(topic, ["new"], 1);
    expect(valuesOf(await instance.read(1))).toEqual(["new"]);
  });
});

describe("positions", () => {
  it("are set to an offset, the beginning and the end", async () => {
    const topic = await topicOf([0, 1, 2, 3]);
    const instance = await (await newInstance(newGroup())).subscribe(topic);
    await instance.read(4);
    await instance.done(instance.post("/positions", offsets(topic, 2)));
    expect(valuesOf(await instance.read(2))).toEqual([2, 3]);
    await instance.done(instance.post("/positions/beginning", at(topic)));
    expect(valuesOf(await instance.read(4))).toEqual([0, 1, 2, 3]);
    await instance.done(instance.post("/positions/beginning", at(topic)));
    await instance.done(instance.post("/positions/end", at(topic)));
    await produce(topic, ["last"]);
    expect(valuesOf(await instance.read(1))).toEqual(["last"]);
    expect(await instance.committed(topic)).toBeNull();
  });

  it("are those of assigned partitions only", async () => {
    const topic = await topicOf([1]);
    const instance = await newInstance(newGroup());
    const stranger = [409, 40903];
    expect(await code(instance.post("/positions", offsets(topic, 0)))).toEqual(stranger);
    expect(await code(instance.post("/positions/beginning", at(topic)))).toEqual(stranger);
    expect(await code(instance.post("/positions/end", at("nowhere")))).toEqual(stranger);
    expect(await code(instance.post("/positions", offsets(topic, -1)))).toEqual([400, 400]);
    expect(await code(instance.post("/positions/end", offsets(topic, 0)))).toEqual([400, 400]);
  });
});
