/** GET …/partitions/{p}/records as pages: formats, offsets, paging, waiting. */
import { describe, expect, it } from "vitest";
import { encodeBatch, splitBatches, type Compression } from "../../src/records/index.ts";
import {
  BATCH_TYPE,
  call,
  errorOf,
  newTopic,
  partitionPath,
  post,
  readAll,
  recordsPath,
  type ReadRecord,
} from "./records-support.ts";

const BINARY = "application/vnd.kafka.binary.v2+json";
const STRING = "application/vnd.kafka.string.v2+json";
const bytesOf = (text: string) => new TextEncoder().encode(text);

const get = (topic: string, query = "", accept?: string) =>
  call(partitionPath(topic) + query, accept === undefined ? {} : { headers: { accept } });

/** Appends raw batches, one for each list of values. */
async function append(
  topic: string,
  batches: readonly (readonly (Uint8Array | null)[])[],
  compression: Compression = "none",
): Promise<void> {
  for (const values of batches) {
    const records = values.map((value, i) => ({ timestamp: i, key: value, value, headers: [] }));
    const response = await post(
      `${partitionPath(topic)}:batch`,
      encodeBatch(records, { compression }),
      { "content-type": BATCH_TYPE },
    );
    if (response.status !== 200) throw new Error(await response.text());
  }
}

describe("representations", () => {
  const stored = [
    bytesOf('{"a": [1, 9007199254740993]}'),
    bytesOf(' "日本" '),
    bytesOf('plain "text"\n\u0001\\ 😀'),
    new Uint8Array([0xff, 0x00]),
    new Uint8Array(0),
    null,
    bytesOf("[1,"),
  ];
  const of = async (accept: string) => {
    const topic = await newTopic();
    await append(topic, [stored]);
    const response = await get(topic, "?offset=0", accept);
    return { text: await response.clone().text(), records: await response.json<ReadRecord[]>() };
  };

  it("json: the bytes as they were written; else a string or base64, and it says so", async () => {
    const { text, records } = await of("application/json");
    expect(text).toContain('"value":{"a": [1, 9007199254740993]}');
    expect(records.map(({ value, value_encoding }) => [value, value_encoding]).slice(1)).toEqual([
      ["日本", undefined],
      ['plain "text"\n\u0001\\ 😀', "string"],
      ["/wA=", "base64"],
      ["", "string"],
      [null, undefined],
      ["[1,", "string"],
    ]);
    for (const { key, key_encoding, value, value_encoding } of records) {
      expect([key, key_encoding]).toEqual([value, value_encoding]);
    }
  });

  it("string: what is UTF-8 as a string; the rest in base64, and it says so", async () => {
    const { records } = await of(STRING);
    expect(records.map(({ value, value_encoding }) => [value, value_encoding])).toEqual([
      ['{"a": [1, 9007199254740993]}', undefined],
      [' "日本" ', undefined],
      ['plain "text"\n\u0001\\ 😀', undefined],
      ["/wA=", "base64"],
      ["", undefined],
      [null, undefined],
      ["[1,", undefined],
    ]);
  });

  it("binary: base64", async () => {
    const { records } = await of(BINARY);
    const expected = stored.map((bytes) => bytes && btoa(String.fromCharCode(...bytes)));
    expect(records.map(({ value }) => value)).toEqual(expected);
    expect(records.every((record) => !("value_encoding" in record))).toBe(true);
  });

  it("is chosen by Accept, and answered under the name that was asked for", async () => {
    const topic = await newTopic();
    const typeOf = async (accept?: string) =>
      (await get(topic, "", accept)).headers.get("content-type");
    expect(await typeOf()).toBe("application/json");
    expect(await typeOf("*/*")).toBe("application/json");
    expect(await typeOf(BINARY)).toBe(BINARY);
    expect(await typeOf(`text/html, ${STRING};q=0.5, application/json;q=0.1`)).toBe(STRING);
    expect(await typeOf(BATCH_TYPE)).toBe(BATCH_TYPE);
    expect(await errorOf(await get(topic, "", "text/html"))).toMatchObject({
      status: 406,
      code: 40601,
    });
  });
});

describe("offsets", () => {
  it("are told by headers, with the ends of the log", async () => {
    const topic = await newTopic();
    await append(topic, [[bytesOf("1"), bytesOf("2")], [bytesOf("3")]]);
    const headersOf = async (query: string, accept?: string) => {
      const { headers } = await get(topic, query, accept);
      return ["x-next-offset", "x-high-watermark", "x-log-start-offset"].map((name) =>
        headers.get(name),
      );
    };
    for (const accept of ["application/json", BATCH_TYPE]) {
      expect(await headersOf("", accept)).toEqual(["3", "3", "0"]);
      expect(await headersOf("?offset=1&max_bytes=1", accept)).toEqual(["2", "3", "0"]);
      expect(await headersOf("?offset=latest", accept)).toEqual(["3", "3", "0"]);
      expect(await headersOf("?offset=3", accept)).toEqual(["3", "3", "0"]);
    }
    expect(await headersOf("?limit=1")).toEqual(["1", "3", "0"]);
  });

  it("outside the log are refused with the range that is there", async () => {
    const topic = await newTopic();
    await append(topic, [[bytesOf("1")], [bytesOf("2")], [bytesOf("3")]]);
    const past = await errorOf(await get(topic, "?offset=4"));
    expect(past).toMatchObject({ status: 416, code: 41601 });
    expect(past.message).toMatch(/\b0\b.*\b3\b/);
    const deleted = await call(`${partitionPath(topic)}?before=2`, { method: "DELETE" });
    expect(deleted.ok).toBe(true);
    const below = await errorOf(await get(topic, "?offset=1"));
    expect(below).toMatchObject({ status: 410, code: 41001 });
    expect(below.message).toMatch(/\b2\b.*\b3\b/);
    expect((await readAll(topic)).map(({ offset }) => offset)).toEqual([2]);
  });

  it("and other numbers are checked", async () => {
    const topic = await newTopic();
    const queries = [
      "offset=-1",
      "offset=x",
      "offset=",
      "offset=1e3",
      "format=xml",
      "auto.offset.reset=middle",
      "offset=9007199254740993",
      "max_bytes=-5",
      "min_bytes=x",
      "timeout=1.5",
      "limit=",
      "isolation_level=none",
    ];
    for (const query of queries) {
      expect(await errorOf(await get(topic, `?${query}`))).toMatchObject({
        status: 400,
        code: 400,
      });
    }
    const all = "?isolation_level=read_committed&max_bytes=9007199254740991&min_bytes=0&limit=0";
    expect((await get(topic, all)).status).toBe(200);
  });

  it("of partitions and topics that are not there", async () => {
    const topic = await newTopic();
    const at = async (path: string) => errorOf(await call(path));
    expect(await at(partitionPath(topic, 1))).toMatchObject({ status: 404, code: 40403 });
    expect(await at(partitionPath(topic).replace("/0/", "/x/"))).toMatchObject({ code: 40403 });
    expect(await at(partitionPath("missing"))).toMatchObject({ status: 404, code: 40401 });
    expect(await at(`/topics/${topic}/partitions/1/records`)).toMatchObject({ code: 40402 });
    expect((await call(`/topics/${topic}/partitions/0/records`)).status).toBe(200);
  });
});

describe("paging", () => {
  for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
    it(`from every offset, in pages of any size, gives what is there (${compression})`, async () => {
      const topic = await newTopic();
      const sizes = [1, 5, 2, 9, 1, 3];
      let count = 0;
      const batches = sizes.map((size) =>
        Array.from({ length: size }, () =>
          bytesOf(`"${count++} ${"x".repeat((count * 37) % 200)}"`),
        ),
      );
      await append(topic, batches, compression);
      for (const [maxBytes, limit] of [
        [1, 100],
        [400, 100],
        [1_000_000, 100],
        [1_000_000, 1],
        [700, 4],
      ]) {
        const seen: number[] = [];
        for (let offset = 0; offset < count;) {
          const query = `?offset=${offset}&max_bytes=${maxBytes}&limit=${limit}`;
          const response = await get(topic, query);
          const page = await response.json<ReadRecord[]>();
          expect(page[0]!.offset).toBe(offset);
          expect(page.length).toBeLessThanOrEqual(limit!);
          for (const record of page) {
            expect(record.value).toMatch(new RegExp(`^${record.offset} `));
            seen.push(record.offset);
          }
          offset = Number(response.headers.get("x-next-offset"));
        }
        expect(seen).toEqual(Array.from({ length: count }, (_, i) => i));
      }
      for (let offset = 0; offset <= count; offset++) {
        const page = await (await get(topic, `?offset=${offset}`)).json<ReadRecord[]>();
        expect(page.map((record) => record.offset)).toEqual(
          Array.from({ length: count - offset }, (_, i) => offset + i),
        );
      }
    });
  }

  it("raw: whole batches, the first of which may begin below the offset", async () => {
    const topic = await newTopic();
    await append(topic, [[bytesOf("1"), bytesOf("2"), bytesOf("3")], [bytesOf("4")]]);
    const response = await get(topic, "?offset=2&max_bytes=1", BATCH_TYPE);
    expect(response.headers.get("x-next-offset")).toBe("3");
    expect(splitBatches(new Uint8Array(await response.arrayBuffer()))).toMatchObject({
      batches: [{ baseOffset: 0, recordCount: 3 }],
    });
    const empty = await get(topic, "?offset=4", BATCH_TYPE);
    expect((await empty.arrayBuffer()).byteLength).toBe(0);
  });
});

describe("waiting", () => {
  const value = (data: unknown) => JSON.stringify({ value: { type: "JSON", data } });

  it("ends when a record is produced", async () => {
    const topic = await newTopic();
    const waiting = get(topic, "?offset=0&timeout=30000");
    await post(recordsPath(topic), value("awaited"));
    const page = await (await waiting).json<ReadRecord[]>();
    expect(page.map((record) => record.value)).toEqual(["awaited"]);
  });

  it("goes on until min_bytes are there", async () => {
    const topic = await newTopic();
    const waiting = get(topic, "?offset=0&timeout=30000&min_bytes=300");
    await post(recordsPath(topic), value("small"));
    await post(recordsPath(topic), value("x".repeat(300)));
    const page = await (await waiting).json<ReadRecord[]>();
    expect(page.length).toBe(2);
  });

  it("ends with what is there when the time is up; without a timeout at once", async () => {
    const topic = await newTopic();
    await post(recordsPath(topic), value(1));
    const timed = await get(topic, "?offset=0&timeout=50&min_bytes=100000");
    expect((await timed.json<ReadRecord[]>()).length).toBe(1);
    expect(await (await get(topic, "?offset=latest")).json()).toEqual([]);
  });
});

it("an unusually large record comes whole, however small max_bytes is", async () => {
  const topic = await newTopic();
  const large = "日".repeat(300_000);
  await post(recordsPath(topic), { value: { type: "STRING", data: large } });
  const page = await (await get(topic, "?max_bytes=1", STRING)).json<ReadRecord[]>();
  expect(page[0]!.value).toBe(large);
});

it("what compresses well does not become an answer without bounds", async () => {
  const topic = await newTopic();
  const zeros = Array.from({ length: 7 }, () => new Uint8Array(1_000_000));
  await append(topic, [zeros], "gzip");
  const response = await get(topic, "?offset=0", BINARY);
  const page = await response.json<ReadRecord[]>();
  expect(page.length).toBeGreaterThan(0);
  expect(page.length).toBeLessThan(7);
  expect(response.headers.get("x-next-offset")).toBe(String(page.length));
});
