/** POST …/partitions/{p}/records:batch: all records or none, as JSON or as record batches. */
import { describe, expect, it } from "vitest";
import { encodeBatch, splitBatches, type BatchFields } from "../../src/records/index.ts";
import {
  BATCH_TYPE,
  call,
  CLUSTER,
  errorOf,
  newTopic,
  partitionPath,
  post,
  producer,
  readAll,
  recordsPath,
} from "./records-support.ts";

const atomicPath = (topic: string, partition = 0) => `${partitionPath(topic, partition)}:batch`;
const values = (...data: unknown[]) => ({
  records: data.map((value) => ({ value: { type: "JSON", data: value } })),
});

describe("as JSON", () => {
  it("appends all, in order, and answers with their range", async () => {
    const topic = await newTopic(3);
    const first = await post(atomicPath(topic, 2), values(1, "b", null));
    expect(first.status).toBe(200);
    expect(await first.text()).toBe('{"base_offset":0,"last_offset":2,"duplicate":false}');
    const second = await post(atomicPath(topic, 2), values(4));
    expect(await second.json()).toEqual({ base_offset: 3, last_offset: 3, duplicate: false });
    expect((await readAll(topic, 2)).map(({ value }) => value)).toEqual([1, "b", null, 4]);
  });

  it("is stored in the compression that the producer asks for", async () => {
    for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"]) {
      const topic = await newTopic();
      const body = values(...Array.from({ length: 50 }, (_, i) => `the same again and again ${i}`));
      expect((await post(`${atomicPath(topic)}?compression=${compression}`, body)).status).toBe(
        200,
      );
      const raw = await call(`${partitionPath(topic)}?offset=0`, {
        headers: { accept: BATCH_TYPE },
      });
      const split = splitBatches(new Uint8Array(await raw.arrayBuffer()));
      expect(split).toMatchObject({ ok: true, batches: [{ compression, recordCount: 50 }] });
      expect((await readAll(topic)).length).toBe(50);
    }
  });

  it("is spread over batches where max.message.bytes asks for it", async () => {
    const topic = await newTopic(1, { "max.message.bytes": "1500" });
    const body = values(...Array.from({ length: 20 }, () => "x".repeat(400)));
    expect(await (await post(atomicPath(topic), body)).json()).toMatchObject({ last_offset: 19 });
    expect((await readAll(topic)).length).toBe(20);
  });

  const refused: readonly (readonly [string, unknown, number, number])[] = [
    [
      "one bad record",
      { records: [{ value: null }, { value: { type: "BINARY", data: "*" } }] },
      400,
      400,
    ],
    [
      "one misfit",
      { records: [{ value: null }, { value: { type: "STRING", data: 1 } }] },
      422,
      42207,
    ],
    ["another partition", { records: [{ partition_id: 1 }] }, 422, 42206],
    ["no records", { records: [] }, 422, 42206],
    ["no list", { recordz: [{}] }, 422, 42206],
    ["broken JSON", '{"records":[{}', 400, 400],
    ["a record that is too large", values("x".repeat(1_100_000)), 413, 413],
    ["too many records", { records: Array.from({ length: 10_001 }, () => ({})) }, 400, 400],
  ];
  it.each(refused)("refuses %s and writes nothing", async (_, body, status, code) => {
    const topic = await newTopic(2);
    expect(await errorOf(await post(atomicPath(topic), body))).toMatchObject({ status, code });
    expect(await readAll(topic)).toEqual([]);
  });

  it("names the record that is bad", async () => {
    const topic = await newTopic();
    const body = { records: [{}, {}, { timestamp: -1 }] };
    const { message } = await errorOf(await post(atomicPath(topic), body));
    expect(message).toMatch(/^Record 2: /);
  });

  it("knows no partition that is not there", async () => {
    const topic = await newTopic();
    for (const partition of ["1", "-1", "x", "99999999999999999999"]) {
      const path = `${partitionPath(topic)}:batch`.replace("/0/", `/${partition}/`);
      expect(await errorOf(await post(path, values(1)))).toMatchObject({
        status: 404,
        code: 40403,
      });
    }
  });

  it("refuses media types that it does not take", async () => {
    const topic = await newTopic();
    const response = await post(atomicPath(topic), values(1), { "content-type": "text/plain" });
    expect(response.status).toBe(415);
  });
});

describe("idempotence", () => {
  it("answers a repeat with the first offsets, refuses a gap, fences an older epoch", async () => {
    const topic = await newTopic();
    const send = (sequence: number, epoch = 0) =>
      post(atomicPath(topic), values(1, 2), producer(5, sequence, epoch));
    expect(await (await send(0)).json()).toEqual({
      base_offset: 0,
      last_offset: 1,
      duplicate: false,
    });
    expect(await (await send(2)).json()).toMatchObject({ base_offset: 2, duplicate: false });
    expect(await (await send(0)).json()).toEqual({
      base_offset: 0,
      last_offset: 1,
      duplicate: true,
    });
    expect(await errorOf(await send(5))).toMatchObject({ status: 409, code: 40904 });
    expect(await (await send(0, 1)).json()).toMatchObject({ base_offset: 4, duplicate: false });
    expect(await errorOf(await send(4, 0))).toMatchObject({ status: 403, code: 40302 });
    expect((await readAll(topic)).length).toBe(6);
  });

  it("fits one batch or is refused whole", async () => {
    const topic = await newTopic(1, { "max.message.bytes": "1500" });
    const body = values("x".repeat(1000), "x".repeat(1000));
    expect((await post(atomicPath(topic), body, producer(5, 0))).status).toBe(413);
    expect(await readAll(topic)).toEqual([]);
  });
});

describe("as record batches", () => {
  const batch = (texts: readonly string[], fields: BatchFields = {}) =>
    encodeBatch(
      texts.map((text, i) => ({
        timestamp: 1000 + i,
        key: null,
        value: new TextEncoder().encode(text),
        headers: [],
      })),
      fields,
    );
  const joined = (...parts: Uint8Array[]) => new Uint8Array(parts.flatMap((part) => [...part]));
  const send = (topic: string, bytes: Uint8Array, headers: Record<string, string> = {}) =>
    post(atomicPath(topic), bytes, { "content-type": BATCH_TYPE, ...headers });

  it("stores them as they come", async () => {
    const topic = await newTopic();
    const bytes = joined(batch(["a", "b"]), batch(["c"], { compression: "zstd" }));
    expect(await (await send(topic, bytes)).json()).toEqual({
      base_offset: 0,
      last_offset: 2,
      duplicate: false,
    });
    const raw = await call(`${partitionPath(topic)}?offset=0`, { headers: { accept: BATCH_TYPE } });
    const stored = new Uint8Array(await raw.arrayBuffer());
    // Offset and leader epoch (the bytes before the magic) are the leader's to write.
    expect(stored.length).toBe(bytes.length);
    const first = batch(["a", "b"]).length;
    expect(stored.subarray(16, first)).toEqual(bytes.subarray(16, first));
    expect(stored.subarray(first + 16)).toEqual(bytes.subarray(first + 16));
  });

  it("puts them into the topic's compression, with the same records and producer", async () => {
    for (const type of ["uncompressed", "gzip", "snappy", "lz4", "zstd"]) {
      const topic = await newTopic(1, { "compression.type": type });
      const stamp = { producerId: 9, producerEpoch: 1, baseSequence: 0 };
      const bytes = batch(["a", "b", "c"], { ...stamp, compression: "gzip" });
      expect((await send(topic, bytes)).status).toBe(200);
      const raw = await call(`${partitionPath(topic)}?offset=0`, {
        headers: { accept: BATCH_TYPE },
      });
      expect(splitBatches(new Uint8Array(await raw.arrayBuffer()))).toMatchObject({
        ok: true,
        batches: [
          { compression: type === "uncompressed" ? "none" : type, recordCount: 3, ...stamp },
        ],
      });
      const read = await readAll(topic, 0, "application/vnd.kafka.string.v2+json");
      expect(read.map(({ value, timestamp }) => [value, timestamp])).toEqual([
        ["a", 1000],
        ["b", 1001],
        ["c", 1002],
      ]);
      expect(await (await send(topic, bytes)).json()).toMatchObject({ duplicate: true });
    }
  });

  const good = batch(["a", "b"]);
  const changed = (at: number, byte: number) => {
    const bytes = good.slice();
    bytes[at] = byte;
    return bytes;
  };
  const refused: readonly (readonly [string, Uint8Array, number, number])[] = [
    ["a wrong CRC", changed(good.length - 2, 0x7a), 422, 42208],
    ["magic 1", changed(16, 1), 422, 42208],
    ["a wrong length", changed(11, 200), 422, 42208],
    ["a cut batch", good.subarray(0, good.length - 1), 422, 42208],
    ["bytes behind the last batch", joined(good, new Uint8Array(3)), 422, 42208],
    ["a control batch", batch(["a"], { isControl: true }), 422, 42206],
    [
      "a transactional batch",
      batch(["a"], { isTransactional: true, producerId: 1, producerEpoch: 0, baseSequence: 0 }),
      422,
      42206,
    ],
    ["a time of append", batch(["a"], { logAppendTimeMs: 5 }), 422, 42206],
    ["a batch that is too large", batch(["x".repeat(1_100_000)]), 413, 413],
    ["an empty body", new Uint8Array(0), 400, 400],
  ];
  it.each(refused)(
    "refuses %s, also behind a good one, and writes nothing",
    async (_, bytes, status, code) => {
      const topic = await newTopic();
      expect(await errorOf(await send(topic, bytes))).toMatchObject({ status, code });
      if (bytes.length > 0) {
        expect(await errorOf(await send(topic, joined(good, bytes)))).toMatchObject({
          status,
          code,
        });
      }
      expect(await readAll(topic)).toEqual([]);
    },
  );

  it("refuses headers and queries that batches carry themselves", async () => {
    const topic = await newTopic();
    expect((await send(topic, good, producer(1, 0))).status).toBe(400);
    const response = await post(`${atomicPath(topic)}?compression=gzip`, good, {
      "content-type": BATCH_TYPE,
    });
    expect(response.status).toBe(400);
  });
});

describe("with an expected offset (issue 11)", () => {
  const at = (offset: number | string) => ({ "expected-offset": String(offset) });
  const refusal = (end: number) => ({
    error_code: 40906,
    message: expect.stringContaining(`ends at ${end}`),
    end_offset: end,
  });

  it("is written where the log ends there, else refused with the end as it is", async () => {
    const topic = await newTopic();
    expect((await post(atomicPath(topic), values(1, 2), at(0))).status).toBe(200);
    for (const body of [values(3), values("x".repeat(50_000))]) {
      const late = await post(atomicPath(topic), body, at(1));
      expect(late.status).toBe(409);
      expect(await late.json()).toEqual(refusal(2));
    }
    const batch = encodeBatch(
      [{ timestamp: 1, key: null, value: new Uint8Array([0x33]), headers: [] }],
      {},
    );
    const raw = { "content-type": BATCH_TYPE };
    const early = await post(atomicPath(topic), batch, { ...raw, ...at(3) });
    expect(await early.json()).toEqual(refusal(2));
    expect((await post(atomicPath(topic), batch, { ...raw, ...at(2) })).status).toBe(200);
    expect((await readAll(topic)).map(({ value }) => value)).toEqual([1, 2, 3]);
  });

  it("lets one of many writers win each offset", async () => {
    const topic = await newTopic();
    for (let end = 0; end < 3; end++) {
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) => post(atomicPath(topic), values(i), at(end))),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 409)).toHaveLength(7);
    }
    expect(await readAll(topic)).toHaveLength(3);
  });

  it("tells the repeat of a numbered request that it was written", async () => {
    const topic = await newTopic();
    const send = () => post(atomicPath(topic), values(1), { ...producer(6, 0), ...at(0) });
    expect(await (await send()).json()).toMatchObject({ base_offset: 0, duplicate: false });
    await post(atomicPath(topic), values(2));
    expect(await (await send()).json()).toMatchObject({ base_offset: 0, duplicate: true });
  });

  it("is refused where it is no offset, and on routes that do not know it", async () => {
    const topic = await newTopic();
    for (const offset of ["-1", "x", "1.5", "9007199254740992", ""]) {
      expect(await errorOf(await post(atomicPath(topic), values(1), at(offset)))).toMatchObject({
        status: 400,
      });
    }
    const record = { value: { type: "JSON", data: 1 } };
    for (const [path, body] of [
      [`/topics/${topic}`, { records: [{ value: 1 }] }],
      [`/topics/${topic}/partitions/0`, { records: [{ value: 1 }] }],
      [recordsPath(topic), record],
      [`${recordsPath(topic)}:batch`, { entries: [{ id: "1", ...record }] }],
    ] as const) {
      expect(await errorOf(await post(path, body, at(0)))).toMatchObject({ status: 400 });
    }
    expect(await readAll(topic)).toEqual([]);
  });
});

describe("with a fencing token (issue 11)", () => {
  const given = (token: string) => ({ "fencing-token": token });
  const set = (token: string) => ({ "new-fencing-token": token });
  const refusal = (token: string) => ({
    error_code: 40907,
    message: expect.stringContaining(token === "" ? "not set" : `"${token}"`),
    fencing_token: token,
  });
  const expectRefused = async (response: Response, token: string) => {
    expect(response.status).toBe(409);
    expect(await response.json()).toEqual(refusal(token));
  };

  it("is set, compared, replaced, taken over and cleared", async () => {
    const topic = await newTopic();
    const path = atomicPath(topic);
    await expectRefused(await post(path, values(0), given("a")), "");
    expect((await post(path, values(1), { ...given(""), ...set("a") })).status).toBe(200);
    await expectRefused(await post(path, values(0), { ...given(""), ...set("b") }), "a");
    expect((await post(path, values(2), given("a"))).status).toBe(200);
    // Whoever gives none is not held back.
    expect((await post(path, values(3))).status).toBe(200);
    expect((await post(path, values(4), set("b"))).status).toBe(200);
    for (const body of [values(0), values("x".repeat(50_000))]) {
      await expectRefused(await post(path, body, given("a")), "b");
    }
    expect((await post(path, values(5), { ...given("b"), ...set("") })).status).toBe(200);
    await expectRefused(await post(path, values(0), given("b")), "");
    expect((await readAll(topic)).map(({ value }) => value)).toEqual([1, 2, 3, 4, 5]);
  });

  it("is understood beside record batches and an expected offset", async () => {
    const topic = await newTopic();
    const batch = encodeBatch(
      [{ timestamp: 1, key: null, value: new Uint8Array([0x33]), headers: [] }],
      {},
    );
    const send = (headers: Record<string, string>) =>
      post(atomicPath(topic), batch, { "content-type": BATCH_TYPE, ...headers });
    expect((await send({ ...set("a"), "expected-offset": "0" })).status).toBe(200);
    await expectRefused(await send({ ...given("b"), "expected-offset": "1" }), "a");
    expect(await errorOf(await send({ ...given("a"), "expected-offset": "0" }))).toMatchObject({
      status: 409,
      code: 40906,
    });
    expect((await send({ ...given("a"), "expected-offset": "1" })).status).toBe(200);
  });

  it("lets one of many writers take over from the one before", async () => {
    const topic = await newTopic();
    let token = "";
    for (let round = 0; round < 3; round++) {
      const headers = Array.from({ length: 8 }, (_, i) => ({
        ...given(token),
        ...set(`${round}.${i}`),
      }));
      const answers = await Promise.all(
        headers.map((one, i) => post(atomicPath(topic), values(i), one)),
      );
      const won = answers.findIndex(({ status }) => status === 200);
      token = `${round}.${won}`;
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array(7).fill(409)]);
    }
    expect(await readAll(topic)).toHaveLength(3);
  });

  it("is shown where a partition's offsets are asked for", async () => {
    const topic = await newTopic();
    const shown = async (path: string) =>
      (await (await call(`${CLUSTER}/topics/${topic}/partitions${path}`)).json()) as {
        fencing_token: string | null;
        data: { fencing_token: string | null }[];
      };
    await post(atomicPath(topic), values(1));
    expect(await shown("/0")).toMatchObject({ fencing_token: "" });
    await post(atomicPath(topic), values(2), set("a"));
    expect(await shown("/0")).toMatchObject({ fencing_token: "a" });
    expect((await shown("?offsets=true")).data).toMatchObject([{ fencing_token: "a" }]);
    expect((await shown("")).data).toMatchObject([{ fencing_token: null }]);
  });

  it("tells the repeat of a numbered request that it was written, whatever the token is by then", async () => {
    const topic = await newTopic();
    const send = () =>
      post(atomicPath(topic), values(1), { ...producer(8, 0), ...given(""), ...set("a") });
    expect(await (await send()).json()).toMatchObject({ base_offset: 0, duplicate: false });
    await post(atomicPath(topic), values(2), set("b"));
    expect(await (await send()).json()).toMatchObject({ base_offset: 0, duplicate: true });
    expect((await post(atomicPath(topic), values(3), given("b"))).status).toBe(200);
  });

  it("is refused where it is no token, and on routes that do not know it", async () => {
    const topic = await newTopic();
    const longest = "x".repeat(64);
    for (const token of [`${longest}x`, "a b", "a\tb", "ü"]) {
      for (const headers of [given(token), set(token), { ...given(""), ...set(token) }]) {
        const refused = await errorOf(await post(atomicPath(topic), values(1), headers));
        expect(refused).toMatchObject({ status: 422, code: 42208 });
      }
    }
    const record = { value: { type: "JSON", data: 1 } };
    for (const [path, body] of [
      [`/topics/${topic}`, { records: [{ value: 1 }] }],
      [`/topics/${topic}/partitions/0`, { records: [{ value: 1 }] }],
      [recordsPath(topic), record],
      [`${recordsPath(topic)}:batch`, { entries: [{ id: "1", ...record }] }],
    ] as const) {
      for (const headers of [given("a"), set("a")]) {
        expect(await errorOf(await post(path, body, headers))).toMatchObject({ status: 400 });
      }
    }
    expect(await readAll(topic)).toEqual([]);
    expect((await post(atomicPath(topic), values(1), set(longest))).status).toBe(200);
    expect((await post(atomicPath(topic), values(1), given(longest))).status).toBe(200);
  });
});
