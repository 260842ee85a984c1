/** POST …/records:batch (entries, each of which succeeds or fails) and the paths that look like it. */
import { describe, expect, it } from "vitest";
import {
  call,
  errorOf,
  newTopic,
  post,
  producer,
  readAll,
  recordsPath,
} from "./records-support.ts";

interface BatchAnswer {
  readonly successes: readonly Record<string, unknown>[];
  readonly failures: readonly { id: string; error_code: number; message: string }[];
}

const entry = (id: unknown, more: object = {}) => ({
  id,
  value: { type: "STRING", data: String(id) },
  ...more,
});
const batchPath = (topic: string) => `${recordsPath(topic)}:batch`;

describe("records:batch", () => {
  it("answers 207 with the entries that were written and those that were not", async () => {
    const topic = await newTopic(2);
    const entries = [
      entry("first", { partition_id: 0, timestamp: 1000 }),
      entry("no such partition", { partition_id: 2 }),
      entry("日本", { partition_id: 1, key: { type: "BINARY", data: "AA==" } }),
      { id: "bad", value: { type: "BINARY", data: "*" } },
    ];
    const response = await post(batchPath(topic), { entries });
    expect(response.status).toBe(207);
    const { successes, failures } = await response.json<BatchAnswer>();
    expect(successes[0]).toEqual({
      id: "first",
      cluster_id: "odradek",
      topic_name: topic,
      partition_id: 0,
      offset: 0,
      timestamp: "1970-01-01T00:00:01.000Z",
      value: { type: "STRING", size: 5 },
    });
    expect(successes[1]).toMatchObject({ id: "日本", partition_id: 1, key: { size: 1 } });
    expect(failures.map(({ id, error_code }) => [id, error_code])).toEqual([
      ["no such partition", 40403],
      ["bad", 400],
    ]);
    expect((await readAll(topic, 1)).length).toBe(1);
  });

  it("takes a thousand entries", async () => {
    const topic = await newTopic();
    const entries = Array.from({ length: 1000 }, (_, i) => entry(`${i}`));
    const response = await post(batchPath(topic), { entries });
    const { successes } = await response.json<BatchAnswer>();
    expect(successes.map(({ offset }) => offset)).toEqual(entries.map((_, i) => i));
  });

  const refused: readonly (readonly [string, unknown, number, number])[] = [
    ["no entries", { entries: [] }, 422, 42208],
    ["no list of entries", {}, 422, 42208],
    ["entries of another kind", { entries: {} }, 400, 400],
    ["a body of another kind", [], 400, 400],
    ["two lists of entries", '{"entries":[{"id":"a"}],"entries":[{"id":"b"}]}', 400, 400],
    [
      "1,001 entries",
      { entries: Array.from({ length: 1001 }, (_, i) => entry(`${i}`)) },
      422,
      42208,
    ],
    ["an entry without an id", { entries: [entry("a"), { value: null }] }, 422, 42208],
    ["an id that is a number", { entries: [entry(1)] }, 422, 42208],
    ["an empty id", { entries: [entry("")] }, 422, 42208],
    ["an id of 81 characters", { entries: [entry("x".repeat(81))] }, 422, 42208],
    ["the same id twice", { entries: [entry("a"), entry("a")] }, 422, 42208],
    ["broken JSON", '{"entries":[{"id":"a"}', 400, 400],
    ["something behind the object", '{"entries":[{"id":"a"}]} 1', 400, 400],
    ["an empty body", "", 400, 400],
  ];
  it.each(refused)("refuses %s and changes nothing", async (_, body, status, code) => {
    const topic = await newTopic();
    expect(await errorOf(await post(batchPath(topic), body))).toMatchObject({ status, code });
    expect(await readAll(topic)).toEqual([]);
  });

  it("repeats land in the same places", async () => {
    const topic = await newTopic(4);
    const entries = Array.from({ length: 12 }, (_, i) =>
      entry(`${i}`, i % 2 === 0 ? { key: { type: "STRING", data: `k${i}` } } : {}),
    );
    const send = async () =>
      (await post(batchPath(topic), { entries }, producer(1, 0))).json<BatchAnswer>();
    const first = await send();
    const again = await send();
    const places = ({ successes }: BatchAnswer) => successes.map((s) => [s.partition_id, s.offset]);
    expect(places(again)).toEqual(places(first));
    expect(again.successes.every(({ duplicate }) => duplicate === true)).toBe(true);
  });
});

it("paths that only begin alike are none", async () => {
  const topic = await newTopic();
  for (const path of [`${recordsPath(topic)}:batches`, `${recordsPath(topic)}foo`]) {
    const response = await call(path, { method: "POST", body: "{}" });
    expect(response.status).toBe(404);
  }
  expect((await post(`${recordsPath(topic)}/`, "{}")).status).toBe(200);
});
