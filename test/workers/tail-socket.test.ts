/** GET …/records with `Upgrade: websocket`: the tail, as JSON and as batches. */
import { describe, expect, it } from "vitest";
import { recordsFrom } from "../../src/records/index.ts";
import { SUBREQUESTS_MAX } from "../../src/worker/records/events.ts";
import {
  call,
  CLUSTER,
  errorOf,
  newTopic,
  partitionPath,
  post,
  recordsPath,
  whileLeaderIsFenced,
} from "./records-support.ts";
import { Tail } from "./tail-support.ts";

const produce = async (topic: string, ...values: unknown[]) => {
  const body = values.map((data) => JSON.stringify({ value: { type: "JSON", data } })).join("");
  const response = await post(recordsPath(topic), body);
  expect(response.status).toBe(200);
};

const valuesOf = (message: string) =>
  (JSON.parse(message) as { value: unknown }[]).map((record) => record.value);

describe("a tail of JSON", () => {
  it("greets with the ends of the log, then sends a message for every flush", async () => {
    const topic = await newTopic();
    await produce(topic, 0, 1, 2);
    const tail = await Tail.open(topic, "?offset=1");
    expect(JSON.parse(await tail.text())).toMatchObject({
      type: "hello",
      offset: 1,
      highWatermark: 3,
      logStartOffset: 0,
    });
    expect(valuesOf(await tail.text())).toEqual([1, 2]);
    await produce(topic, { n: "日本" });
    const [record] = JSON.parse(await tail.text()) as Record<string, unknown>[];
    expect(record).toMatchObject({
      topic,
      partition: 0,
      offset: 3,
      value: { n: "日本" },
      headers: [],
    });
    tail.close();
  });

  it("begins at an end of the log, and with what comes when nothing is said", async () => {
    const topic = await newTopic();
    await produce(topic, "old");
    const earliest = await Tail.open(topic, "?offset=earliest");
    expect(JSON.parse(await earliest.text())).toMatchObject({ offset: 0 });
    expect(valuesOf(await earliest.text())).toEqual(["old"]);
    for (const query of ["", "?offset=latest"]) {
      const latest = await Tail.open(topic, query);
      await latest.text();
      await produce(topic, query);
      expect(valuesOf(await latest.text())).toEqual([query]);
      latest.close();
    }
    earliest.close();
  });

  it("is closed with where to go on when it acknowledges nothing", async () => {
    const topic = await newTopic();
    const large = "x".repeat(900_000);
    for (let i = 0; i < 24; i++) await produce(topic, large);
    const tail = await Tail.open(topic, "?offset=0");
    const { code, reason } = await tail.closed;
    expect(code).toBe(1013);
    const resumed = await Tail.open(topic, `?offset=${reason}`);
    expect(JSON.parse(await resumed.text())).toMatchObject({ offset: Number(reason) });
    resumed.close();
  });

  it("passes acknowledgements on, so that a reader that keeps up stays", async () => {
    const topic = await newTopic();
    const large = "x".repeat(900_000);
    const tail = await Tail.open(topic, "?offset=earliest");
    await tail.text();
    for (let i = 0; i < 24; i++) {
      await produce(topic, large);
      const [record] = JSON.parse(await tail.text()) as { offset: number }[];
      expect(record!.offset).toBe(i);
      tail.socket.send(JSON.stringify({ ack: i + 1 }));
    }
    tail.close();
  });

  it("is closed by the partition for what is no acknowledgement", async () => {
    const topic = await newTopic();
    for (const message of ["hello", new Uint8Array([1])]) {
      const tail = await Tail.open(topic, "");
      tail.socket.send(message);
      expect((await tail.closed).code).toBe(1008);
    }
  });

  it("ends before the platform would end it, with where to go on", async () => {
    const topic = await newTopic();
    await produce(topic, 0, 1);
    const tail = await Tail.open(topic, "?offset=0");
    await tail.text();
    await tail.text();
    for (let i = 0; i <= SUBREQUESTS_MAX; i++) tail.socket.send('{"ack":2}');
    expect(await tail.closed).toEqual({ code: 1013, reason: "2" });
  });

  it("is closed when another replica leads, and opens there", async () => {
    const topic = await newTopic(1, {}, 3);
    await produce(topic, 0);
    const tail = await Tail.open(topic, "?offset=0");
    await tail.text();
    expect(valuesOf(await tail.text())).toEqual([0]);
    await whileLeaderIsFenced(topic, async () => {
      expect(await tail.closed).toMatchObject({ code: 1012 });
      await produce(topic, 1);
      const again = await Tail.open(topic, "?offset=1");
      await again.text();
      expect(valuesOf(await again.text())).toEqual([1]);
      again.close();
    });
  });

  it("is closed when the topic is deleted", async () => {
    const topic = await newTopic();
    const tail = await Tail.open(topic, "");
    await tail.text();
    expect((await call(`${CLUSTER}/topics/${topic}`, { method: "DELETE" })).status).toBe(204);
    expect((await tail.closed).code).toBe(1012);
  });
});

describe("a tail of batches", () => {
  it("is the partition's own socket", async () => {
    const topic = await newTopic();
    await produce(topic, 0, 1);
    const tail = await Tail.open(topic, "?offset=1&format=recordbatch");
    expect(JSON.parse(await tail.text())).toMatchObject({ type: "hello", highWatermark: 2 });
    const offsets = (message: string | Uint8Array, from: number) => {
      if (typeof message === "string") throw new Error("a text message");
      return [...recordsFrom(message, from)].map((record) => (record.ok ? record.offset : -1));
    };
    expect(offsets(await tail.next(), 1)).toEqual([1]);
    await produce(topic, 2);
    expect(offsets(await tail.next(), 2)).toEqual([2]);
    tail.close();
  });
});

describe("refusals", () => {
  it("come by status, before the upgrade", async () => {
    const topic = await newTopic();
    const open = async (path: string) =>
      errorOf(await call(path, { headers: { upgrade: "websocket" } }));
    expect(await open(`${partitionPath(topic)}?offset=5`)).toMatchObject({ status: 416 });
    expect(await open(`${partitionPath(topic)}?offset=x`)).toMatchObject({ status: 400 });
    expect(await open(`${partitionPath(topic)}?format=xml`)).toMatchObject({ status: 400 });
    expect(await open(partitionPath(topic, 3))).toMatchObject({ status: 404, code: 40403 });
    expect(await open(partitionPath("missing"))).toMatchObject({ status: 404, code: 40401 });
  });

  it("the subprotocol is answered when it was offered", async () => {
    const topic = await newTopic();
    const response = await call(partitionPath(topic), {
      headers: { upgrade: "websocket", "sec-websocket-protocol": "odradek" },
    });
    expect(response.status).toBe(101);
    expect(response.headers.get("sec-websocket-protocol")).toBe("odradek");
    response.webSocket!.accept();
    response.webSocket!.close();
  });
});
