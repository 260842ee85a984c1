/** What a poll reads and answers: from where, how much, of whom, in which format, and how long it waits. */
import { describe, expect, it } from "vitest";
import { newGroup, newInstance, produce, topicOf, valuesOf } from "./consumers-support.ts";
import { call, errorOf, newTopic, type ReadRecord } from "./records-support.ts";

const many = (count: number, of: (i: number) => unknown = (i) => i): unknown[] =>
  Array.from({ length: count }, (_, i) => of(i));
const partitionsOf = (records: readonly ReadRecord[]): number[] =>
  [...new Set(records.map(({ partition }) => partition))].toSorted();
const refused = async (response: Promise<Response>) => {
  const { status, code, message } = await errorOf(await response);
  return { status, code, message };
};

describe("the answer", () => {
  it("has records as other reads give them, in the instance's format", async () => {
    const topic = await newTopic();
    const record =
      '{"key":"k","value":{"a":9007199254740993},"headers":[{"name":"h","value":"aGk="}]}';
    const text = `{"records":[${record}]}`;
    const body = { method: "POST", body: text, headers: { "content-type": "application/json" } };
    expect((await call(`/topics/${topic}`, body)).status).toBe(200);
    const given: Record<string, unknown> = {};
    for (const format of ["json", "binary", "string"]) {
      const instance = await (await newInstance(newGroup(), { format })).assign([topic, 0]);
      const response = await instance.get("/records?timeout=2000");
      expect(response.headers.get("content-type")).toBe("application/json");
      expect(response.headers.get("cache-control")).toBe("no-store");
      const answered = await response.text();
      if (format === "json") expect(answered).toContain('"value":{"a":9007199254740993}');
      const [read] = JSON.parse(answered) as ReadRecord[];
      expect(read).toMatchObject({
        topic,
        partition: 0,
        offset: 0,
        headers: [{ name: "h", value: "aGk=" }],
      });
      expect(read!.timestamp).toBeGreaterThan(0);
      given[format] = read!.key;
    }
    expect(given).toEqual({ json: "k", binary: "Imsi", string: '"k"' });
  });

  it("is in the media type that is accepted, and refused where that is another format's", async () => {
    const topic = await topicOf([1]);
    const instance = await (await newInstance(newGroup(), { format: "binary" })).subscribe(topic);
    const binary = "application/vnd.kafka.binary.v2+json";
    const accepting = async (accept: string) => {
      const response = await instance.get("/records?timeout=500", { accept });
      const type = response.status === 200 ? response.headers.get("content-type") : response.status;
      await response.body?.cancel();
      return type;
    };
    expect(await accepting(binary)).toBe(binary);
    expect(await accepting(`application/vnd.kafka.json.v2+json, ${binary};q=0.5`)).toBe(binary);
    expect(await accepting("application/vnd.kafka.v2+json")).toBe("application/vnd.kafka.v2+json");
    expect(await accepting("*/*")).toBe("application/json");
    expect(await accepting("application/vnd.kafka.json.v2+json")).toBe(406);
    expect(await accepting("text/html")).toBe(406);
    const json = { accept: "application/vnd.kafka.json.v2+json" };
    expect(await refused(instance.get("/records", json))).toMatchObject({ code: 40601 });
  });

  it("has at most max.poll.records, and goes on where it ended", async () => {
    const topic = await topicOf(many(7), 3);
    const settings = { "max.poll.records": 5 };
    const instance = await (await newInstance(newGroup(), settings)).subscribe(topic);
    const read: ReadRecord[] = [];
    for (let polls = 0; read.length < 21 && polls < 20; polls++) {
      const { records } = await instance.poll(2_000);
      expect(records.length).toBeLessThanOrEqual(5);
      read.push(...records);
    }
    for (const partition of [0, 1, 2]) {
      const own = read.filter((record) => record.partition === partition);
      expect(valuesOf(own)).toEqual(many(7));
    }
  });

  it("has at most max_bytes, but a first record whatever its size", async () => {
    const topic = await topicOf(many(6, (i) => `${i}`.repeat(400)));
    const instance = await (await newInstance(newGroup())).assign([topic, 0]);
    const lengths: number[] = [];
    for (const max of [100, 600, 1_500, 2_000]) {
      const response = await instance.get(`/records?timeout=2000&max_bytes=${max}`);
      const text = await response.text();
      const { length } = JSON.parse(text) as unknown[];
      if (length > 1) expect(text.length).toBeLessThanOrEqual(max);
      lengths.push(length);
    }
    expect(lengths).toEqual([1, 1, 2, 2]);
  });

  it("lets no partition starve", async () => {
    const topic = await topicOf(
      many(200, (i) => `${i}`.padEnd(200)),
      4,
    );
    const group = newGroup();
    const settings = { "max.poll.records": 40 };
    const instance = await (await newInstance(group, settings)).subscribe(topic);
    const first = await instance.poll(2_000);
    expect(first.records.length).toBe(40);
    const counts = [0, 1, 2, 3].map(
      (p) => first.records.filter(({ partition }) => partition === p).length,
    );
    expect(counts).toEqual([10, 10, 10, 10]);
    // Fewer records than partitions: each has its turn.
    const one = await (
      await newInstance(group, { "max.poll.records": 1 })
    ).assign(...[0, 1, 2, 3].map((p) => [topic, p] as const));
    const seen: ReadRecord[] = [];
    for (let i = 0; i < 4; i++) seen.push(...(await one.poll(2_000)).records);
    expect(partitionsOf(seen)).toEqual([0, 1, 2, 3]);
    // And so with bytes for one record only.
    const small: ReadRecord[] = [];
    for (let i = 0; i < 4; i++) small.push(...(await one.poll(2_000, "&max_bytes=1")).records);
    expect(partitionsOf(small)).toEqual([0, 1, 2, 3]);
  });

  it("of compressed batches is cut by records, not by batches", async () => {
    const topic = await newTopic(1, { "compression.type": "gzip" });
    await produce(
      topic,
      many(1_000, () => "a".repeat(100)),
    );
    const instance = await (
      await newInstance(newGroup(), { "max.poll.records": 300 })
    ).assign([topic, 0]);
    expect((await instance.read(1_000)).map(({ offset }) => offset)).toEqual(many(1_000));
  });
});

describe("waiting", () => {
  it("ends with a record that is produced meanwhile, to any of the partitions", async () => {
    const topic = await newTopic(3);
    const instance = await (await newInstance(newGroup())).subscribe(topic);
    await instance.poll(500);
    for (const partition of [0, 1, 2]) {
      const polling = instance.poll(30_000);
      await produce(topic, ["woken"], partition);
      const { records } = await polling;
      expect(valuesOf(records)).toEqual(["woken"]);
      expect(partitionsOf(records)).toEqual([partition]);
    }
  });

  it("goes on for fetch.min.bytes, over all partitions, until the timeout", async () => {
    const topic = await newTopic(2);
    const settings = { "fetch.min.bytes": 2_000 };
    const instance = await (await newInstance(newGroup(), settings)).subscribe(topic);
    await instance.poll(500);
    await produce(topic, ["small"], 0);
    const polling = instance.poll(30_000);
    await produce(topic, ["x".repeat(2_500)], 1);
    expect((await polling).records.length).toBe(2);
    await produce(topic, ["late"], 0);
    expect(valuesOf((await instance.poll(300)).records)).toEqual(["late"]);
  });

  it("is the instance's where the poll names none", async () => {
    const topic = await newTopic();
    const settings = { "consumer.request.timeout.ms": 60_000 };
    const instance = await (await newInstance(newGroup(), settings)).subscribe(topic);
    const polling = instance.get("/records");
    await produce(topic, ["woken"]);
    expect(valuesOf(await (await polling).json())).toEqual(["woken"]);
  });

  it("goes on through a rebalance with what it is given then", async () => {
    const group = newGroup();
    const topic = await newTopic(2);
    const one = await (await newInstance(group)).subscribe(topic);
    await one.poll(500);
    const polling = one.poll(30_000);
    const two = await (await newInstance(group)).subscribe(topic);
    // It can be assigned something only when the other has heard, within its poll, that it must share.
    while ((await two.assignment()).length === 0) await two.poll(300);
    const other = (await one.assignment())[0] === `${topic}/0` ? 0 : 1;
    await produce(topic, ["kept"], other);
    expect(valuesOf((await polling).records)).toEqual(["kept"]);
  });

  it("needs a subscription or an assignment", async () => {
    const instance = await newInstance(newGroup());
    expect(await refused(instance.get("/records"))).toMatchObject({ status: 409, code: 40903 });
    for (const query of ["timeout=x", "max_bytes=-1", `last_poll_id=${"x".repeat(256)}`]) {
      expect(await refused(instance.get(`/records?${query}`)), query).toMatchObject({ code: 400 });
    }
    const head = await call(`${instance.base}/records`, { method: "HEAD" });
    expect(head.status).toBe(405);
  });

  it("ends for a poll when another of the same instance has begun and has had the records", async () => {
    const topic = await newTopic();
    const instance = await (await newInstance(newGroup())).subscribe(topic);
    await instance.poll(500);
    const earlier = instance.get("/records?timeout=30000");
    const later = instance.get("/records?timeout=30000");
    await produce(topic, ["once"]);
    const answers = await Promise.all([earlier, later]);
    const statuses = answers.map(({ status }) => status).toSorted();
    expect(statuses).toEqual([200, 409]);
    const given = answers.find(({ status }) => status === 200)!;
    expect(valuesOf(await given.json())).toEqual(["once"]);
  });
});

describe("what arrived", () => {
  it("is said by a plain client with its next poll", async () => {
    const topic = await topicOf([1, 2]);
    const instance = await (
      await newInstance(newGroup(), { "max.poll.records": 1 })
    ).subscribe(topic);
    expect(valuesOf(await instance.read(1))).toEqual([1]);
    expect(valuesOf(await instance.read(1))).toEqual([2]);
    expect((await instance.poll()).records).toEqual([]);
  });

  it("is said by Last-Poll-Id: an answer that it does not name is given again", async () => {
    const topic = await topicOf([1, 2, 3]);
    const settings = { "max.poll.records": 1, "auto.commit.enable": true };
    const instance = await (await newInstance(newGroup(), settings)).subscribe(topic);
    const poll = (id: string) => instance.poll(2_000, "", { "last-poll-id": id });
    const first = await poll("");
    expect(valuesOf(first.records)).toEqual([1]);
    // It was lost.
    const again = await poll("");
    expect(valuesOf(again.records)).toEqual([1]);
    const second = await poll(again.pollId);
    expect(valuesOf(second.records)).toEqual([2]);
    const lost = await instance.poll(2_000, `&last_poll_id=${again.pollId}`);
    expect(valuesOf(lost.records)).toEqual([2]);
    expect(valuesOf((await poll(lost.pollId)).records)).toEqual([3]);
  });

  it("is what an automatic commit is of", async () => {
    const topic = await topicOf([1, 2]);
    const settings = {
      "max.poll.records": 1,
      "auto.commit.enable": true,
      "auto.commit.interval.ms": 0,
    };
    const instance = await (await newInstance(newGroup(), settings)).subscribe(topic);
    await instance.read(1);
    expect(await instance.committed(topic)).toBeNull();
    await instance.read(1);
    expect(await instance.committed(topic)).toBe(1);
    await instance.poll();
    expect(await instance.committed(topic)).toBe(2);
  });
});
