/** POST …/topics/{topic}/records: records one behind the other, a delivery report for each. */
import { describe, expect, it } from "vitest";
import { ERRORS } from "../../src/base/errors.ts";
import { partitionForKey } from "../../src/records/index.ts";
import {
  call,
  CLUSTER,
  errorOf,
  newTopic,
  partitionPath,
  post,
  producer,
  readAll,
  recordsPath,
  reports,
} from "./records-support.ts";

const json = (data: unknown) => ({ type: "JSON", data });
const string = (data: string) => ({ type: "STRING", data });

describe("a record", () => {
  it("is reported with its place, its time and how it was understood", async () => {
    const topic = await newTopic();
    const response = await post(recordsPath(topic), {
      key: string("ké"),
      value: json({ a: 1 }),
      timestamp: "2021-02-05T19:14:42Z",
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.text()).toBe(
      `{"error_code":200,"cluster_id":"odradek","topic_name":"${topic}","partition_id":0,"offset":0,"timestamp":"2021-02-05T19:14:42.000Z","key":{"type":"STRING","size":3},"value":{"type":"JSON","size":7}}\r\n`,
    );
    expect(await readAll(topic)).toEqual([
      {
        topic,
        partition: 0,
        offset: 0,
        timestamp: 1_612_552_482_000,
        key: "ké",
        key_encoding: "string",
        value: { a: 1 },
        headers: [],
      },
    ]);
  });

  it("without a key is refused by a compacted topic, and the others of the request are taken", async () => {
    const topic = await newTopic(1, { "cleanup.policy": "compact,delete" });
    const keyed = JSON.stringify({ key: string("k"), value: json(1) });
    const answer = await post(recordsPath(topic), `${keyed}${JSON.stringify({ value: json(2) })}`);
    const codes = (await answer.text())
      .trim()
      .split("\r\n")
      .map((line) => (JSON.parse(line) as { error_code: number }).error_code);
    expect(codes).toEqual([200, ERRORS.INVALID_RECORD.rest]);
    expect(await readAll(topic)).toHaveLength(1);
  });

  it("keeps its JSON to the byte", async () => {
    const topic = await newTopic();
    const written = '{ "n": 9007199254740993, "e": 1.0e-7,\n"s": "\\u00e9\\ud83d\\ude00 日本 😀" }';
    await post(recordsPath(topic), `{"value":{"type":"JSON","data":${written}}}`);
    const page = await call(`${partitionPath(topic)}?offset=0`);
    expect(await page.text()).toContain(`"value":${written}`);
  });

  it("has keys, values and headers of every type, and null ones", async () => {
    const topic = await newTopic();
    const headers = [
      { name: "trace", value: "AAEC" },
      { name: "名", value: null },
      { name: "trace", value: "" },
    ];
    const answered = await reports(
      await post(
        recordsPath(topic),
        [
          { key: { type: "BINARY", data: "AP8=" }, value: { type: "BINARY", data: "" }, headers },
          { key: null, value: null },
          {},
          { key: { type: "STRING", data: null }, value: { data: "late", type: "STRING" } },
          { value: json(null), timestamp: 1234 },
        ]
          .map((record) => JSON.stringify(record))
          .join("\n"),
      ),
    );
    expect(answered.map(({ error_code }) => error_code)).toEqual([200, 200, 200, 200, 200]);
    expect(answered.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4]);
    expect(answered[0]).toMatchObject({
      key: { type: "BINARY", size: 2 },
      value: { type: "BINARY", size: 0 },
    });
    expect(answered[1]).not.toHaveProperty("key");
    expect(answered[3]).toMatchObject({ key: { type: "STRING", size: 0 } });
    const read = await readAll(topic, 0, "application/vnd.kafka.binary.v2+json");
    expect(read.map(({ key, value }) => [key, value])).toEqual([
      ["AP8=", ""],
      [null, null],
      [null, null],
      [null, "bGF0ZQ=="],
      [null, null],
    ]);
    expect(read[0]!.headers).toEqual(headers);
    expect(read[4]!.timestamp).toBe(1234);
  });

  it("goes where it says, else where its key belongs, else with the request's others", async () => {
    const topic = await newTopic(7);
    const records = [
      { partition_id: 3, value: string("named") },
      ...["a", "b", "c", "d"].map((key) => ({ key: string(key), value: string(key) })),
      { value: string("x") },
      { value: string("y") },
    ];
    const body = records.map((record) => JSON.stringify(record)).join("");
    const places = (await reports(await post(recordsPath(topic), body))).map(
      ({ partition_id }) => partition_id,
    );
    const byKey = ["a", "b", "c", "d"].map((key) =>
      partitionForKey(new TextEncoder().encode(key), 7),
    );
    expect(places.slice(0, 5)).toEqual([3, ...byKey]);
    expect(places[5]).toBe(places[6]);
  });
});

describe("records that cannot be taken", () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ["base64 that is none", '{"value":{"type":"BINARY","data":"*"}}', 400],
    ["a header's base64 that is none", '{"headers":[{"name":"a","value":"*"}]}', 400],
    ["a number as a string", '{"value":{"type":"STRING","data":1}}', 42207],
    ["an unknown type", '{"value":{"type":"AVRO","data":1}}', 42207],
    ["no type", '{"value":{"data":1}}', 42207],
    ["a value that is no object", '{"value":1}', 42206],
    ["an unknown field", '{"values":{"type":"JSON","data":1}}', 42206],
    ["an unknown field of the value", '{"value":{"type":"JSON","data":1,"schema_id":4}}', 42206],
    ["a header without a name", '{"headers":[{"value":"AA=="}]}', 42206],
    ["headers that are no array", '{"headers":{}}', 42206],
    ["a record that is none", "17", 42206],
    ["a partition that is no number", '{"partition_id":"0"}', 42206],
    ["a partition that is a fraction", '{"partition_id":0.5}', 42206],
    ["a negative partition", '{"partition_id":-1}', 42206],
    ["a partition that is not there", '{"partition_id":1}', 40403],
    ["a negative timestamp", '{"timestamp":-1}', 42206],
    ["a timestamp beyond dates", '{"timestamp":8640000000000001}', 42206],
    ["a timestamp that is no date", '{"timestamp":"2021-13-45T00:00:00Z"}', 42206],
    ["a timestamp of another form", '{"timestamp":"yesterday"}', 42206],
  ];

  it("have a report of their own and leave the others alone", async () => {
    const topic = await newTopic();
    const good = '{"value":{"type":"STRING","data":"good"}}';
    const body = cases.map(([, record]) => `${record}\n${good}`).join("\n");
    const answered = await reports(await post(recordsPath(topic), body));
    const bad = answered.filter((_, i) => i % 2 === 0).map(({ error_code }) => error_code);
    expect(bad).toEqual(cases.map(([, , code]) => code));
    expect(answered.filter((_, i) => i % 2 === 1).every((r) => r.error_code === 200)).toBe(true);
    expect((await readAll(topic, 0)).length).toBe(cases.length);
  });

  it("are too large for a batch alone, and fit into several together", async () => {
    const topic = await newTopic(1, { "max.message.bytes": "2000" });
    const value = (bytes: number) => JSON.stringify({ value: string("x".repeat(bytes)) });
    const body = [900, 900, 3000, 900, 1800].map(value).join("");
    const answered = await reports(await post(recordsPath(topic), body));
    expect(answered.map(({ error_code }) => error_code)).toEqual([200, 200, 413, 200, 200]);
    expect(answered.map(({ offset }) => offset)).toEqual([0, 1, undefined, 2, 3]);
    const read = await readAll(topic, 0, "application/vnd.kafka.string.v2+json");
    expect(read.map((record) => (record.value as string).length)).toEqual([900, 900, 900, 1800]);
  });
});

const good = '{"value":{"type":"JSON","data":1}}';

describe("a request whose tail is broken", () => {
  const tails: readonly (readonly [string, string])[] = [
    ["a record that does not end", '{"value":'],
    ["JSON that is too deep", `{"value":{"type":"JSON","data":${"[".repeat(100)}`],
    ["a comma", ","],
    ["an invalid escape", '{"value":{"type":"JSON","data":"\\x"}}'],
  ];
  it.each(tails)(
    "answers the records before it, then the error: %s (issue 11)",
    async (_, tail) => {
      const topic = await newTopic();
      const answered = await reports(await post(recordsPath(topic), `${good}\n${good}${tail}`));
      expect(answered.map(({ error_code }) => error_code)).toEqual([200, 200, 400]);
      expect(answered[2]!.message).toMatch(/^JSON at byte \d+/);
      expect((await readAll(topic)).length).toBe(2);
    },
  );

  it("has any number of records", async () => {
    const topic = await newTopic();
    const answered = await reports(await post(recordsPath(topic), "{}".repeat(10_001)));
    expect(answered.map(({ offset }) => offset)).toEqual(
      Array.from({ length: 10_001 }, (_, i) => i),
    );
  });
});

describe("a request that is refused changes nothing", () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ["an empty body", "", 400],
    ["white space", " \n", 400],
    ["broken JSON", `{"value":`, 400],
    ["JSON that is too deep", `{"value":{"type":"JSON","data":${"[".repeat(100)}`, 400],
    ["a leading comma", `,${good}`, 400],
    ["invalid escapes", `{"value":{"type":"JSON","data":"\\x"}}`, 400],
  ];
  it.each(cases)("%s", async (_, body, code) => {
    const topic = await newTopic();
    const response = await post(recordsPath(topic), body);
    expect(await errorOf(response)).toMatchObject({ status: 400, code });
    expect(await readAll(topic)).toEqual([]);
  });

  it("whole, where a producer's sequence numbers its records", async () => {
    for (const tail of ['{"value":', ",", "{}".repeat(10_000)]) {
      const topic = await newTopic();
      const response = await post(recordsPath(topic), `${good}${tail}`, producer(5, 0));
      expect(await errorOf(response)).toMatchObject({ status: 400, code: 400 });
      expect(await readAll(topic)).toEqual([]);
    }
  });

  it("bytes that are not UTF-8", async () => {
    const topic = await newTopic();
    const bytes = new TextEncoder().encode('{"value":{"type":"STRING","data":"?"}}');
    bytes[bytes.indexOf(0x3f)] = 0xff;
    expect(await errorOf(await post(recordsPath(topic), bytes))).toMatchObject({ status: 400 });
    expect(await readAll(topic)).toEqual([]);
  });

  it("a record that is too large, whether it has come whole or not", async () => {
    const topic = await newTopic();
    const body = `{"value":{"type":"STRING","data":"${"x".repeat(8_400_000)}"}}`;
    for (const sent of [body, new Blob([body]).stream()]) {
      const response = await call(recordsPath(topic), {
        method: "POST",
        body: sent,
        headers: { "content-type": "application/json" },
      });
      expect(await errorOf(response)).toMatchObject({ code: 413 });
    }
    expect(await readAll(topic)).toEqual([]);
  });

  it("other media types and encodings", async () => {
    const topic = await newTopic();
    for (const headers of [
      { "content-type": "application/x-www-form-urlencoded" },
      { "content-encoding": "br" },
    ]) {
      expect(await errorOf(await post(recordsPath(topic), good, headers))).toMatchObject({
        status: 415,
        code: 415,
      });
    }
  });

  it("topics and clusters that are not there, acks and compressions that are none", async () => {
    const topic = await newTopic();
    const status = async (path: string) => errorOf(await post(path, good));
    expect(await status(recordsPath("missing"))).toMatchObject({ status: 404, code: 40401 });
    expect(await status(recordsPath("a,b"))).toMatchObject({ status: 400, code: 40002 });
    expect(await status(`/v3/clusters/other/topics/${topic}/records`)).toMatchObject({
      status: 404,
    });
    for (const acks of ["2", "", "constructor"]) {
      expect(await status(`${recordsPath(topic)}?acks=${acks}`)).toMatchObject({ status: 400 });
    }
    expect(await status(`${recordsPath(topic)}?compression=rar`)).toMatchObject({
      status: 422,
      code: 42208,
    });
    expect(await readAll(topic)).toEqual([]);
  });
});

describe("encodings, acks and compression", () => {
  it("takes gzip, which is bounded, and refuses what is none", async () => {
    const topic = await newTopic();
    const zip = (text: string) =>
      new Response(
        new Blob([text]).stream().pipeThrough(new CompressionStream("gzip")),
      ).arrayBuffer();
    const send = async (body: ArrayBuffer) =>
      call(recordsPath(topic), {
        method: "POST",
        body,
        headers: { "content-type": "application/json", "content-encoding": "gzip" },
      });
    const zipped = await zip('{"value":{"type":"JSON","data":1}}');
    expect((await send(zipped)).status).toBe(200);
    const large = `{"value":{"type":"STRING","data":"${"x".repeat(9_000_000)}"}}`;
    expect((await send(await zip(large))).status).toBe(413);
    expect((await send(zipped.slice(0, 20))).status).toBe(400);
    expect((await send(new Uint8Array([1, 2, 3]).buffer)).status).toBe(400);
  });

  it("takes every acks and compression, and the topic's compression wins", async () => {
    for (const setting of ["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"]) {
      const topic = await newTopic(1, { "compression.type": setting });
      for (const query of [
        "acks=0",
        "acks=1",
        "acks=all",
        "compression=gzip",
        "compression=none",
      ]) {
        const response = await post(`${recordsPath(topic)}?${query}`, { value: string(query) });
        expect(response.status).toBe(200);
      }
      expect((await readAll(topic)).length).toBe(5);
    }
  });

  it("creates the topic when the service is set to", async () => {
    const path = recordsPath("made-by-producing");
    const request = {
      method: "POST",
      body: '{"value":{"type":"JSON","data":1}}',
      headers: { "content-type": "application/json" },
    };
    expect((await call(path, request)).status).toBe(404);
    expect((await call(path, { ...request, autoCreate: true })).status).toBe(200);
    expect((await call(`${CLUSTER}/topics/made-by-producing`)).status).toBe(200);
  });

  it("stamps the time of the append where the topic asks for it", async () => {
    const topic = await newTopic(1, { "message.timestamp.type": "LogAppendTime" });
    const before = Date.now();
    const [report] = await reports(await post(recordsPath(topic), '{"timestamp":5}'));
    expect(Date.parse(report!.timestamp as string)).toBeGreaterThanOrEqual(before - 1000);
    const [record] = await readAll(topic);
    expect(record!.timestamp).toBe(Date.parse(report!.timestamp as string));
  });
});

describe("idempotence over several partitions", () => {
  const body = ["a", "b", "c", "d", "e", "f"]
    .map((key, i) =>
      JSON.stringify(i % 3 === 2 ? { value: json(i) } : { key: string(key), value: json(i) }),
    )
    .join("");

  it("a repeat lands in the same places and is written once", async () => {
    const topic = await newTopic(5);
    const first = await reports(await post(recordsPath(topic), body, producer(7, 0)));
    const again = await reports(await post(recordsPath(topic), body, producer(7, 0)));
    // The time of the first request is not known to its repeat.
    const untimed = first.map((report) => {
      const { timestamp, ...rest } = report;
      expect(timestamp).toBeTypeOf("string");
      return { ...rest, duplicate: true };
    });
    expect(again).toEqual(untimed);
    const next = await reports(await post(recordsPath(topic), body, producer(7, 6)));
    expect(next.every((report) => report.error_code === 200 && !report.duplicate)).toBe(true);
    const late = await reports(await post(recordsPath(topic), body, producer(7, 0)));
    expect(late.map(({ offset }) => offset)).toEqual(first.map(({ offset }) => offset));
    let total = 0;
    for (let p = 0; p < 5; p++) total += (await readAll(topic, p)).length;
    expect(total).toBe(12);
  });

  it("an older epoch is fenced, and a sequence that lies back is refused", async () => {
    const topic = await newTopic();
    const one = '{"value":{"type":"JSON","data":1}}';
    await post(recordsPath(topic), one, producer(8, 0, 1));
    const fenced = await post(recordsPath(topic), one, producer(8, 1, 0));
    expect(await errorOf(fenced)).toMatchObject({ status: 403, code: 40302 });
    for (let sequence = 1; sequence < 8; sequence++) {
      expect((await post(recordsPath(topic), one, producer(8, sequence, 1))).status).toBe(200);
    }
    const old = await post(recordsPath(topic), one, producer(8, 0, 1));
    expect(await errorOf(old)).toMatchObject({ status: 409, code: 40904 });
  });

  it("the headers come all together and within bounds", async () => {
    const topic = await newTopic();
    const wrong: Record<string, string>[] = [
      { "producer-id": "1" },
      { "producer-id": "1", "producer-epoch": "0" },
      { "producer-epoch": "0", "producer-seq": "0" },
      { ...producer(1, 0), "producer-id": "-1" },
      { ...producer(1, 0), "producer-epoch": "32768" },
      { ...producer(1, 0), "producer-seq": "2147483648" },
      { ...producer(1, 0), "producer-seq": "1e3" },
      { ...producer(1, 0), "producer-id": "9007199254740993" },
    ];
    for (const headers of wrong) {
      const response = await post(recordsPath(topic), "{}", headers);
      expect(await errorOf(response)).toMatchObject({ status: 400, code: 400 });
    }
    expect((await post(recordsPath(topic), "{}", producer(1, 2_147_483_647, 32_767))).status).toBe(
      200,
    );
  });
});

describe("a partition that has more in flight than it can hold", () => {
  it("throttles with 429 and Retry-After, and what it acknowledged is there", async () => {
    const topic = await newTopic();
    const value = (i: number) => JSON.stringify({ value: string(`${i} ${"x".repeat(1_000_000)}`) });
    const sent = Array.from({ length: 24 }, (_, i) => post(recordsPath(topic), value(i)));
    const answers = await Promise.all(sent);
    const taken: number[] = [];
    for (const [i, response] of answers.entries()) {
      if (response.status === 200) taken.push(i);
      else {
        expect(response.headers.get("retry-after")).toBe("1");
        expect(await errorOf(response)).toMatchObject({ status: 429, code: 42901 });
      }
    }
    expect(taken.length).toBeGreaterThan(0);
    expect(taken.length).toBeLessThan(24);
    const read = await readAll(topic, 0, "application/vnd.kafka.string.v2+json");
    const there = read.map((record) => Number.parseInt(record.value as string, 10));
    expect(there.sort((a, b) => a - b)).toEqual(taken);
  });
});
