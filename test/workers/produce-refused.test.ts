/**
 * Refusals that say that nothing was written, by every way in: a numbered batch that is in the log is recognised
 * whatever setting was changed since, and the records that are to blame are named (KIP-467).
 */
import { describe, expect, it } from "vitest";
import { ERRORS } from "../../src/base/errors.ts";
import { encodeBatch } from "../../src/records/index.ts";
import { batchOf, connect, growElsewhere, produceRequest } from "./kafka-support.ts";
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
  reports,
} from "./records-support.ts";

const INVALID_RECORD = 87;
const PRODUCER = 7;

/** What one numbered request was told. */
interface Told {
  /** Kafka's code; 0 where it was taken. */
  readonly code: number;
  readonly isDuplicate: boolean;
}

type Way = (topic: string, sequence: number, value: string) => Promise<Told>;

async function alter(topic: string, name: string, value: string): Promise<void> {
  const path = `${CLUSTER}/topics/${topic}/configs/${name}`;
  const body = JSON.stringify({ value });
  const headers = { "content-type": "application/json" };
  const altered = await call(path, { method: "PUT", body, headers });
  if (altered.status !== 204) throw new Error(await altered.text());
}

/** A REST answer's error, as Kafka's code. */
function codeOf(rest: number): number {
  if (rest === ERRORS.MESSAGE_TOO_LARGE.rest) return ERRORS.MESSAGE_TOO_LARGE.kafka;
  if (rest === ERRORS.INVALID_RECORD.rest) return ERRORS.INVALID_RECORD.kafka;
  throw new Error(`unexpected: ${rest}`);
}

async function told(response: Response): Promise<Told> {
  const body = await response.json<Record<string, unknown>>();
  const entry = (body.offsets as Record<string, unknown>[] | undefined)?.[0] ?? body;
  const code = entry.error_code as number | undefined | null;
  const isTaken = (code ?? 200) === 200;
  return { code: isTaken ? 0 : codeOf(code!), isDuplicate: entry.duplicate === true };
}

const string = (data: string) => ({ type: "STRING", data });
const raw = (sequence: number, value: string) => batchOf([value], { id: PRODUCER, sequence });

const WAYS: Readonly<Record<string, Way>> = {
  "v3 records": async (topic, sequence, value) =>
    told(await post(recordsPath(topic), { value: string(value) }, producer(PRODUCER, sequence))),
  "v3 records of one partition": async (topic, sequence, value) =>
    told(
      await post(
        `${partitionPath(topic, 0)}:batch`,
        { records: [{ value: string(value) }] },
        producer(PRODUCER, sequence),
      ),
    ),
  v2: async (topic, sequence, value) =>
    told(await post(`/topics/${topic}`, { records: [{ value }] }, producer(PRODUCER, sequence))),
  "raw batches": async (topic, sequence, value) =>
    told(
      await post(`${partitionPath(topic, 0)}:batch`, raw(sequence, value), {
        "content-type": BATCH_TYPE,
      }),
    ),
  "the wire": async (topic, sequence, value) => {
    const client = connect();
    const before = (await readAll(topic)).length;
    const answer = await client.ask(0, 9, produceRequest(topic, { 0: raw(sequence, value) }));
    await client.close();
    const { errorCode, baseOffset } = answer.responses[0]!.partitionResponses[0]!;
    return { code: errorCode, isDuplicate: errorCode === 0 && baseOffset < before };
  },
};

describe.each(Object.entries(WAYS))("a repeat over %s", (_name, produce) => {
  it("is recognised after max.message.bytes was lowered, and what is new is too large", async () => {
    const topic = await newTopic();
    const value = "x".repeat(300);
    expect(await produce(topic, 0, value)).toEqual({ code: 0, isDuplicate: false });
    await alter(topic, "max.message.bytes", "200");
    expect(await produce(topic, 0, value)).toEqual({ code: 0, isDuplicate: true });
    expect(await produce(topic, 1, value)).toMatchObject({ code: ERRORS.MESSAGE_TOO_LARGE.kafka });
    expect(await produce(topic, 1, "x")).toEqual({ code: 0, isDuplicate: false });
    expect(await readAll(topic)).toHaveLength(2);
  });

  it("is recognised after its topic was compacted, and what is new needs a key", async () => {
    const topic = await newTopic();
    expect(await produce(topic, 0, "a")).toEqual({ code: 0, isDuplicate: false });
    await alter(topic, "cleanup.policy", "compact");
    expect(await produce(topic, 0, "a")).toEqual({ code: 0, isDuplicate: true });
    expect(await produce(topic, 1, "b")).toMatchObject({ code: INVALID_RECORD });
    expect(await readAll(topic)).toHaveLength(1);
  });
});

it("a repeat is recognised after compression was switched off, where the records fill no row unpacked", async () => {
  const topic = await newTopic();
  const records = [
    { timestamp: Date.now(), key: null, value: new Uint8Array(3_000_000), headers: [] },
  ];
  const fields = { compression: "gzip", producerId: 7, producerEpoch: 0, baseSequence: 0 } as const;
  const send = () =>
    post(`${partitionPath(topic, 0)}:batch`, encodeBatch(records, fields), {
      "content-type": BATCH_TYPE,
    });
  expect(await (await send()).json()).toMatchObject({ base_offset: 0, duplicate: false });
  await alter(topic, "compression.type", "uncompressed");
  expect(await (await send()).json()).toMatchObject({ base_offset: 0, duplicate: true });
  const next = encodeBatch(records, { ...fields, baseSequence: 1 });
  const refused = await post(`${partitionPath(topic, 0)}:batch`, next, {
    "content-type": BATCH_TYPE,
  });
  expect(await errorOf(refused)).toMatchObject({ status: 413 });
});

it("a partition that was added meanwhile is known of before a record is refused for it", async () => {
  const topic = await newTopic(1);
  const body = (partition: number) => ({ partition_id: partition, value: string("a") });
  expect((await post(recordsPath(topic), body(0))).status).toBe(200);
  await growElsewhere(topic, 3);
  const answered = await reports(await post(recordsPath(topic), body(2), producer(PRODUCER, 0)));
  expect(answered).toMatchObject([{ error_code: 200, partition_id: 2, offset: 0 }]);
  const unknown = await reports(await post(recordsPath(topic), body(3)));
  expect(unknown).toMatchObject([{ error_code: ERRORS.UNKNOWN_TOPIC_OR_PARTITION.rest }]);
});

describe("a compacted topic", () => {
  const COMPACT = { "cleanup.policy": "compact" };
  const bytes = (text: string) => new TextEncoder().encode(text);
  /** A batch with a record for each letter; only `k` has a key. */
  const lettered = (letters: string) =>
    encodeBatch(
      [...letters].map((letter) => ({
        timestamp: Date.now(),
        key: letter === "k" ? bytes("k") : null,
        value: bytes(letter),
        headers: [],
      })),
    );

  it.each([8, 9, 12])("names records without keys over the wire, version %i", async (version) => {
    const topic = await newTopic(2, COMPACT);
    const batches = { 0: lettered("k-k-"), 1: lettered("kk") };
    const answer = await connect().ask(0, version, produceRequest(topic, batches));
    const [refused, taken] = answer.responses[0]!.partitionResponses;
    expect(refused).toMatchObject({
      errorCode: INVALID_RECORD,
      baseOffset: -1,
      recordErrors: [{ batchIndex: 1 }, { batchIndex: 3 }],
      errorMessage: expect.stringContaining("Record 1"),
    });
    expect(refused!.recordErrors[0]!.batchIndexErrorMessage).toContain("no key");
    expect(taken).toMatchObject({ errorCode: 0, recordErrors: [], errorMessage: null });
    expect(await readAll(topic, 0)).toEqual([]);
  });

  it("refuses all of them to versions that cannot name any", async () => {
    const topic = await newTopic(1, COMPACT);
    const answer = await connect().ask(0, 7, produceRequest(topic, { 0: lettered("k-") }));
    expect(answer.responses[0]!.partitionResponses[0]!.errorCode).toBe(INVALID_RECORD);
    expect(await readAll(topic)).toEqual([]);
  });

  it("names the first of a raw batch, and of what stands or falls together", async () => {
    const topic = await newTopic(1, COMPACT);
    const path = `${partitionPath(topic, 0)}:batch`;
    const code = ERRORS.INVALID_RECORD.rest;
    const refused = await post(path, lettered("kk-"), { "content-type": BATCH_TYPE });
    expect(await errorOf(refused)).toMatchObject({ status: 422, code });
    const json = { records: [{ key: string("k"), value: string("a") }, { value: string("b") }] };
    for (const headers of [{}, producer(PRODUCER, 0)]) {
      const answer = await post(path, json, headers);
      expect(answer.status).toBe(422);
      expect(await answer.json()).toMatchObject({
        error_code: code,
        message: expect.stringContaining("Record 1"),
      });
    }
    expect(await readAll(topic)).toEqual([]);
  });

  it("tells a numbered request of each record, where others of it went elsewhere", async () => {
    const topic = await newTopic(2, COMPACT);
    const body = [
      { partition_id: 0, key: string("a"), value: string("a") },
      { partition_id: 0, value: string("b") },
      { partition_id: 1, key: string("c"), value: string("c") },
    ];
    const text = body.map((record) => JSON.stringify(record)).join("");
    const answered = await reports(await post(recordsPath(topic), text, producer(PRODUCER, 0)));
    const code = ERRORS.INVALID_RECORD.rest;
    expect(answered.map(({ error_code }) => error_code)).toEqual([code, code, 200]);
    expect(answered[0]).toMatchObject({ message: expect.stringContaining("another record") });
    expect(answered[1]).toMatchObject({ message: expect.stringContaining("no key") });
    expect(await readAll(topic, 0)).toEqual([]);
    expect(await readAll(topic, 1)).toHaveLength(1);
  });
});
