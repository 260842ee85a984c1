/** GET …/records as server-sent events: each record once, in order, through reconnects and stalls. */
import { describe, expect, it } from "vitest";
import {
  call,
  errorOf,
  newTopic,
  partitionPath,
  post,
  recordsPath,
  whileLeaderIsFenced,
} from "./records-support.ts";
import { EventReader } from "./tail-support.ts";

const value = (data: unknown) => JSON.stringify({ value: { type: "JSON", data } });
const produce = async (topic: string, ...values: unknown[]) => {
  const response = await post(recordsPath(topic), values.map(value).join(""));
  expect(response.status).toBe(200);
  await response.body?.cancel();
};
const valuesOf = (events: readonly { readonly data: string }[]) =>
  events.map(({ data }) => (JSON.parse(data) as { value: unknown }).value);

describe("an event stream", () => {
  it("gives what is there, then what comes", async () => {
    const topic = await newTopic();
    await produce(topic, 0, 1, 2);
    const reader = await EventReader.open(topic, "?offset=1");
    expect(reader.response.headers.get("content-type")).toBe("text/event-stream");
    expect(reader.response.headers.get("x-high-watermark")).toBe("3");
    const there = await reader.take(2);
    expect(there.map(({ id }) => id)).toEqual(["2", "3"]);
    expect(JSON.parse(there[0]!.data)).toMatchObject({ topic, partition: 0, offset: 1, value: 1 });
    for (let i = 3; i < 8; i++) {
      const next = reader.take(1);
      await produce(topic, i);
      expect(valuesOf(await next)).toEqual([i]);
    }
    await produce(topic, 8, 9);
    expect(valuesOf(await reader.take(2))).toEqual([8, 9]);
    await reader.close();
  });

  it("begins with what comes when no offset is given", async () => {
    const topic = await newTopic();
    await produce(topic, "old");
    const reader = await EventReader.open(topic, "");
    await produce(topic, "new");
    expect(valuesOf(await reader.take(1))).toEqual(["new"]);
    await reader.close();
  });

  it("that is taken up again by Last-Event-ID sees each record once", async () => {
    const topic = await newTopic();
    await produce(topic, ...Array.from({ length: 10 }, (_, i) => i));
    const seen: unknown[] = [];
    let last: string | null = null;
    for (let round = 0; seen.length < 20; round++) {
      if (round === 2) await produce(topic, ...Array.from({ length: 10 }, (_, i) => 10 + i));
      const headers: Record<string, string> = last === null ? {} : { "last-event-id": last };
      // The query's offset is that of the first connection: the header overrides it.
      const reader = await EventReader.open(topic, "?offset=earliest", headers);
      const events = await reader.take(round < 2 ? 3 : 7);
      seen.push(...valuesOf(events));
      last = events.at(-1)!.id;
      await reader.close();
    }
    expect(seen.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it("goes on at another leader when its own is lost, and misses nothing", async () => {
    const topic = await newTopic(1, {}, 3);
    await produce(topic, 0);
    const reader = await EventReader.open(topic, "?offset=0");
    expect(valuesOf(await reader.take(1))).toEqual([0]);
    const next = reader.take(3);
    await produce(topic, 1);
    await whileLeaderIsFenced(topic, async () => {
      await produce(topic, 2);
      await produce(topic, 3);
      const events = await next;
      expect(valuesOf(events)).toEqual([1, 2, 3]);
      expect(events.map(({ id }) => id)).toEqual(["2", "3", "4"]);
    });
    await reader.close();
  });

  it("keeps values that are spread over lines in one", async () => {
    const topic = await newTopic();
    await post(
      recordsPath(topic),
      '{"value":{"type":"JSON","data":{"a":\r\n [1,\n 2],"b":"\\n"}}}',
    );
    const reader = await EventReader.open(topic, "?offset=0");
    const [event] = await reader.take(1);
    expect(event!.data).not.toContain("\n");
    expect(valuesOf([event!])).toEqual([{ a: [1, 2], b: "\n" }]);
    await reader.close();
  });

  it("gives the format that is asked for", async () => {
    const topic = await newTopic();
    await produce(topic, "ä");
    for (const [format, expected] of [
      ["json", "ä"],
      ["string", '"ä"'],
      ["binary", "IsOkIg=="],
    ]) {
      const reader = await EventReader.open(topic, `?offset=0&format=${format}`);
      expect(valuesOf(await reader.take(1))).toEqual([expected]);
      await reader.close();
    }
  });

  it("loses nothing when its reader is slower than its producers", async () => {
    const topic = await newTopic();
    await produce(topic, "first");
    const reader = await EventReader.open(topic, "?offset=0");
    await reader.take(1);
    // The next read makes it listen; then far more comes than it keeps.
    const next = reader.take(1);
    const large = "x".repeat(400_000);
    for (let i = 0; i < 12; i++) await produce(topic, `${i} ${large}`);
    const events = [...(await next), ...(await reader.take(11))];
    expect(valuesOf(events).map((text) => Number.parseInt(text as string, 10))).toEqual(
      Array.from({ length: 12 }, (_, i) => i),
    );
    await reader.close();
  });

  describe("whose records were deleted", () => {
    const events = (topic: string, query: string, headers: Record<string, string> = {}) =>
      call(partitionPath(topic) + query, { headers: { accept: "text/event-stream", ...headers } });
    const shortened = async (): Promise<string> => {
      const topic = await newTopic();
      await produce(topic, ...Array.from({ length: 8 }, (_, i) => i));
      await call(`${partitionPath(topic)}?before=5`, { method: "DELETE" });
      return topic;
    };

    it("goes on from the earliest and says so: browsers do not return after a 410 (issue 11)", async () => {
      const topic = await shortened();
      for (const [query, headers] of [
        ["?offset=1", {}],
        ["?offset=7", { "last-event-id": "1" }],
        ["?offset=1&auto.offset.reset=earliest", {}],
      ] as const) {
        const reader = await EventReader.open(topic, query, headers);
        expect(reader.response.headers.get("x-next-offset")).toBe("5");
        const [reset, ...rest] = await reader.take(4);
        expect(reset).toMatchObject({ event: "reset", id: "5" });
        expect(JSON.parse(reset!.data)).toEqual({
          error_code: 41001,
          message: expect.any(String),
          requested_offset: 1,
          offset: 5,
        });
        expect(valuesOf(rest)).toEqual([5, 6, 7]);
        await reader.close();
      }
    });

    it("goes on from the latest, or is refused, where its reader says so", async () => {
      const topic = await shortened();
      const reader = await EventReader.open(topic, "?offset=1&auto.offset.reset=latest");
      expect(await reader.take(1)).toMatchObject([{ event: "reset", id: "8" }]);
      await produce(topic, "new");
      expect(valuesOf(await reader.take(1))).toEqual(["new"]);
      await reader.close();
      const refused = await events(topic, "?offset=1&auto.offset.reset=none");
      expect(await errorOf(refused)).toMatchObject({ status: 410, code: 41001 });
      const unknown = await events(topic, "?offset=1&auto.offset.reset=never");
      expect(await errorOf(unknown)).toMatchObject({ status: 400, code: 400 });
    });

    it("goes on when they are deleted while it is read", async () => {
      for (const policy of ["earliest", "none"]) {
        const topic = await newTopic();
        await produce(topic, ...Array.from({ length: 5 }, () => "x".repeat(300_000)));
        const query = `?offset=0&max_bytes=1&auto.offset.reset=${policy}`;
        const reader = await EventReader.open(topic, query);
        await reader.take(1);
        await call(`${partitionPath(topic)}?before=5`, { method: "DELETE" });
        await produce(topic, "last");
        const seen = [];
        for (let event = await reader.next(); event !== null; event = await reader.next()) {
          seen.push(event);
          if (event.id === "6") break;
        }
        // Where all were on their way already, nothing was missed.
        const told = seen.find(({ event }) => event !== "message");
        if (told !== undefined) {
          expect(told.event).toBe(policy === "none" ? "error" : "reset");
          expect(JSON.parse(told.data)).toMatchObject({ error_code: 41001 });
        }
        if (policy === "earliest") expect(seen.at(-1)!.id).toBe("6");
        await reader.close();
      }
    });

    it("goes on from the earliest when the log ends below what was read of another of the name", async () => {
      const topic = await newTopic();
      await produce(topic, 0);
      const reader = await EventReader.open(topic, "", { "last-event-id": "7" });
      const [reset, first] = await reader.take(2);
      expect(JSON.parse(reset!.data)).toMatchObject({
        error_code: 41601,
        requested_offset: 7,
        offset: 0,
      });
      expect(valuesOf([first!])).toEqual([0]);
      await reader.close();
    });
  });

  it("is refused by status before it begins", async () => {
    const topic = await newTopic();
    const open = async (query: string, headers: Record<string, string> = {}) =>
      errorOf(
        await call(partitionPath(topic) + query, {
          headers: { accept: "text/event-stream", ...headers },
        }),
      );
    expect(await open("?offset=1")).toMatchObject({ status: 416, code: 41601 });
    expect(await open("", { "last-event-id": "x" })).toMatchObject({ status: 400 });
    const refusing = "?auto.offset.reset=none";
    expect(await open(refusing, { "last-event-id": "7" })).toMatchObject({ status: 416 });
    expect(await open("?format=xml")).toMatchObject({ status: 400 });
    expect(await open("?format=recordbatch")).toMatchObject({ status: 406 });
  });
});
