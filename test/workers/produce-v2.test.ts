/** POST /topics/{topic} and /topics/{topic}/partitions/{p}: v2's produce, in its three formats. */
import { describe, expect, it } from "vitest";
import { partitionForKey } from "../../src/records/index.ts";
import { errorOf, newTopic, post, producer, readAll } from "./records-support.ts";

const V2 = "application/vnd.kafka.v2+json";
const UNVERSIONED = "application/vnd.kafka+json";
const typed = (format: string) => ({ "content-type": `application/vnd.kafka.${format}.v2+json` });
const at = (offset: number, partition = 0) => ({
  partition,
  offset,
  error_code: null,
  error: null,
});

interface V2Answer {
  readonly offsets: readonly Record<string, unknown>[];
}

describe("formats", () => {
  it("json, also under application/json", async () => {
    const topic = await newTopic();
    const records = [
      { key: { id: 1 }, value: { n: 1 }, timestamp: 5, headers: [{ key: "h", value: "AQ==" }] },
      { value: null },
      { key: null, value: "text" },
    ];
    for (const type of [
      "application/vnd.kafka.json.v2+json",
      "application/json",
      V2,
      UNVERSIONED,
    ]) {
      const headers = { "content-type": type };
      const response = await post(`/topics/${topic}`, { records }, headers);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe(V2);
    }
    const read = await readAll(topic);
    expect(read.length).toBe(12);
    expect(read[0]).toMatchObject({ key: { id: 1 }, value: { n: 1 }, timestamp: 5 });
    expect(read[0]!.headers).toEqual([{ name: "h", value: "AQ==" }]);
    expect(read.slice(1, 3).map(({ key, value }) => [key, value])).toEqual([
      [null, null],
      [null, "text"],
    ]);
  });

  it("binary and string", async () => {
    const topic = await newTopic();
    await post(`/topics/${topic}`, { records: [{ key: "AA==", value: "/w==" }] }, typed("binary"));
    await post(`/topics/${topic}`, { records: [{ key: "k", value: '"日本' }] }, typed("string"));
    const read = await readAll(topic, 0, "application/vnd.kafka.binary.v2+json");
    expect(read.map(({ key, value }) => [key, value])).toEqual([
      ["AA==", "/w=="],
      ["aw==", btoa(String.fromCharCode(...new TextEncoder().encode('"日本')))],
    ]);
  });

  it("nothing else", async () => {
    const topic = await newTopic();
    for (const type of ["application/vnd.kafka.avro.v2+json", "text/plain"]) {
      const response = await post(`/topics/${topic}`, { records: [{}] }, { "content-type": type });
      expect(await errorOf(response)).toMatchObject({ status: 415, code: 415 });
    }
  });
});

describe("answers", () => {
  it("have an element for each record", async () => {
    const topic = await newTopic(3);
    const records = [
      { key: "a", value: 1 },
      { partition: 2, value: 2 },
      { partition: 3, value: 3 },
      { partition: 2, value: 5 },
    ];
    const response = await post(`/topics/${topic}`, {
      key_schema: null,
      records,
      value_schema_id: null,
    });
    const byKey = partitionForKey(new TextEncoder().encode('"a"'), 3);
    const shift = byKey === 2 ? 1 : 0;
    expect(await response.json()).toEqual({
      offsets: [
        at(0, byKey),
        at(shift, 2),
        { partition: null, offset: null, error_code: 40402, error: expect.any(String) },
        at(1 + shift, 2),
      ],
      key_schema_id: null,
      value_schema_id: null,
    });
  });

  it("tell a body of another shape (400) from a payload that is not legal (422), as Karapace's suite expects", async () => {
    const topic = await newTopic();
    const malformed: [unknown, string][] = [
      ["[]", "json"],
      [{ records: "should be an array" }, "binary"],
      [{ records: ["object with value"] }, "binary"],
      [{ records: [{ value: "not base64" }] }, "binary"],
      [{ records: [{ value: { a: 1 } }] }, "binary"],
    ];
    for (const [body, format] of malformed) {
      const response = await post(`/topics/${topic}`, body, typed(format));
      expect(await errorOf(response)).toMatchObject({ status: 400, code: 400 });
    }
    for (const body of [{ records: [] }, { foo: "bar" }, { records: [{ valur: { foo: 1 } }] }]) {
      const response = await post(`/topics/${topic}`, body, typed("json"));
      expect(await errorOf(response)).toMatchObject({ status: 422, code: 42206 });
    }
    expect(await readAll(topic)).toEqual([]);
  });

  it("refuse a body with two lists of records, of which other readers of JSON know one", async () => {
    const topic = await newTopic();
    const twice = '{"records":[{"value":1}],"records":[{"value":2}]}';
    expect(await errorOf(await post(`/topics/${topic}`, twice))).toMatchObject({ status: 400 });
    expect(await readAll(topic)).toEqual([]);
  });

  it("refuse the whole request where nothing of it can be understood", async () => {
    const topic = await newTopic();
    const refused = async (body: unknown, path = `/topics/${topic}`) =>
      errorOf(await post(path, body));
    expect(await refused("")).toMatchObject({ status: 400, code: 400 });
    expect(await refused('{"records":[')).toMatchObject({ status: 400, code: 400 });
    expect(await refused({ records: [] })).toMatchObject({ status: 422, code: 42206 });
    expect(await refused({})).toMatchObject({ status: 422, code: 42206 });
    expect(await refused({ records: [{}] }, "/topics/missing")).toMatchObject({
      status: 404,
      code: 40401,
    });
    expect(await refused({ records: [{}] }, `/topics/${topic}/partitions/1`)).toMatchObject({
      status: 404,
      code: 40402,
    });
    expect(await readAll(topic)).toEqual([]);
  });
});

describe("a request with a record that is not legal", () => {
  const good = { key: "AAAA", value: "AA==" };
  const bad: readonly (readonly [string, number, unknown, Record<string, string>])[] = [
    ["an unknown field", 422, { value: 4, unknown: 1 }, {}],
    ["a timestamp that is none", 422, { value: 4, timestamp: "soon" }, {}],
    ["a partition that is no number", 422, { value: 4, partition: "0" }, {}],
    ["a header without a name", 422, { value: 4, headers: [{ value: "AA==" }] }, {}],
    ["no base64", 400, { value: "!" }, typed("binary")],
    ["a number where strings are sent", 422, { value: 4 }, typed("string")],
    ["no object", 400, 7, {}],
  ];

  it.for(bad)("writes none of it: %s (issue 11)", async ([, status, record, headers]) => {
    const topic = await newTopic(2);
    for (const path of [`/topics/${topic}`, `/topics/${topic}/partitions/1`]) {
      for (const records of [
        [good, record],
        [record, good],
      ]) {
        const refused = await errorOf(await post(path, { records }, headers));
        expect(refused.status).toBe(status);
        expect(refused.message).toContain(`Record ${records.indexOf(record)}:`);
      }
    }
    for (const partition of [0, 1]) expect(await readAll(topic, partition)).toEqual([]);
  });

  it("keeps what the topic refuses to the record that it is about", async () => {
    const compacted = await newTopic(1, {
      "cleanup.policy": "compact",
      "max.message.bytes": "500",
    });
    const records = [
      { key: "a" },
      { value: 1 },
      { key: "b", value: "x".repeat(600) },
      { key: "c" },
    ];
    const response = await post(`/topics/${compacted}`, { records });
    expect(response.status).toBe(200);
    const { offsets } = await response.json<V2Answer>();
    expect(offsets.map(({ error_code }) => error_code)).toEqual([null, 42206, 413, null]);
    expect((await readAll(compacted)).map(({ key }) => key)).toEqual(["a", "c"]);
  });
});

describe("one partition", () => {
  it("takes what the path names, and no record that names another", async () => {
    const topic = await newTopic(4);
    const path = `/topics/${topic}/partitions/3`;
    const records = [{ key: "a", value: 1 }, { partition: 3 }];
    const response = await post(path, { records });
    const { offsets } = await response.json<V2Answer>();
    expect(offsets).toEqual([at(0, 3), at(1, 3)]);
    const elsewhere = { records: [...records, { partition: 0, value: 2 }] };
    expect(await errorOf(await post(path, elsewhere))).toMatchObject({ status: 422, code: 42206 });
    expect((await readAll(topic, 3)).length).toBe(2);
  });

  it("is idempotent without gaps", async () => {
    const topic = await newTopic();
    const send = (sequence: number, records: unknown[]) =>
      post(`/topics/${topic}/partitions/0`, { records }, producer(3, sequence));
    expect(await (await send(0, [{ value: 1 }, { value: 2 }])).json()).toMatchObject({
      offsets: [at(0), at(1)],
    });
    expect(await (await send(0, [{ value: 1 }, { value: 2 }])).json()).toMatchObject({
      offsets: [
        { ...at(0), duplicate: true },
        { ...at(1), duplicate: true },
      ],
    });
    expect(await errorOf(await send(3, [{ value: 4 }]))).toMatchObject({
      status: 409,
      code: 40904,
    });
    // A record left out would be a gap: then none is written.
    expect(await errorOf(await send(2, [{ value: 3 }, { partition: 1 }]))).toMatchObject({
      status: 422,
    });
    expect((await readAll(topic)).length).toBe(2);
  });

  it("is idempotent over partitions, also without keys", async () => {
    const topic = await newTopic(4);
    const send = async (sequence: number) => {
      const records = [{ value: 1 }, { key: "a", value: 2 }, { value: 3 }, { key: "b", value: 4 }];
      const response = await post(`/topics/${topic}`, { records }, producer(3, sequence));
      return (await response.json<V2Answer>()).offsets;
    };
    const first = await send(10);
    expect(first[0]!.partition).toBe((3 + 10) % 4);
    const again = await send(10);
    expect(again).toEqual(first.map((place) => ({ ...place, duplicate: true })));
    expect((await send(14)).every(({ error_code }) => error_code === null)).toBe(true);
  });
});
