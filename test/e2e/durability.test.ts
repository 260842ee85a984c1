/**
 * Proves that nothing acknowledged is lost: 100,000 records of every kind are produced in parallel
 * over every produce route while the service's whole process tree is killed with kill -9 again and
 * again and started on the same data. Then every acknowledged record lies at the offset that was
 * acknowledged, byte-identical, and what idempotent producers repeated lies there once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  encodeBatch,
  recordsFrom,
  splitBatches,
  type Compression,
} from "../../src/records/index.ts";
import {
  Client,
  createTopic,
  endsOf,
  RAW,
  rawPages,
  topicPath,
  type Answer,
} from "./support/client.ts";
import { asJson, difference, recordOf, recordsOf, type MadeRecord } from "./support/content.ts";
import { startService, type Service } from "./support/service.ts";

const RECORDS = 100_000;
const KILLS = 6;
const REQUEST_RECORDS_MAX = 120;
const REQUEST_BYTES_TARGET = 150_000;

/** A batch that is not accepted for this long will not be accepted any more. */
const PATIENCE_MS = 60_000;

const TOPIC = "ledger";
const COMPRESSIONS: readonly Compression[] = ["none", "gzip", "snappy", "lz4", "zstd"];

interface Batch {
  readonly stream: number;
  /** Number of its first record in the stream. */
  readonly from: number;
  readonly records: readonly MadeRecord[];
}

interface Identity {
  readonly id: number;
  readonly epoch: number;
}

interface Producer {
  readonly stream: number;
  readonly partition: number;
  readonly idempotent: boolean;
  /** Answers the offsets that were acknowledged; throws when the outcome is not known. */
  send(batch: Batch, identity: Identity): Promise<number[]>;
}

let service: Service;
let client: Client;
let sent = 0;
/** Requests to which no answer came. */
const cut: Batch[] = [];
/** By partition and offset: stream × RECORDS + number in the stream. */
const acknowledged: Map<number, number>[] = [new Map(), new Map(), new Map(), new Map(), new Map()];

const partitionPath = (partition: number): string => `${topicPath(TOPIC)}/partitions/${partition}`;

function offsetsFrom(answer: Answer, count: number): number[] {
  const { base_offset: base, last_offset: last } = answer.json<Record<string, number>>();
  expect(last! - base!).toBe(count - 1);
  return Array.from({ length: count }, (_, n) => base! + n);
}

class Unanswered extends Error {}

/** Only success acknowledges; what may pass by itself is asked again. */
function succeeded(answer: Answer): Answer {
  if (answer.status >= 500 || answer.status === 429) throw new Unanswered(answer.text);
  if (answer.status !== 200 && answer.status !== 207) {
    throw new Error(`refused: ${answer.status} ${answer.text}`);
  }
  return answer;
}

function stamp(batch: Batch, { id, epoch }: Identity): Record<string, string> {
  return {
    "producer-id": String(id),
    "producer-epoch": String(epoch),
    "producer-seq": String(batch.from),
  };
}

async function sendAtomicJson(partition: number, batch: Batch, headers = {}): Promise<number[]> {
  const body = { records: batch.records.map(asJson) };
  const answer = await client.post(`${partitionPath(partition)}/records:batch`, body, headers);
  return offsetsFrom(succeeded(answer), batch.records.length);
}

async function sendRaw(partition: number, batch: Batch, identity: Identity): Promise<number[]> {
  const body = encodeBatch(batch.records, {
    compression: COMPRESSIONS[batch.from % COMPRESSIONS.length]!,
    producerId: identity.id,
    producerEpoch: identity.epoch,
    baseSequence: batch.from,
  });
  const answer = await client.ask(`${partitionPath(partition)}/records:batch`, {
    method: "POST",
    headers: { "content-type": RAW },
    body,
  });
  return offsetsFrom(succeeded(answer), batch.records.length);
}

interface Report {
  readonly error_code: number;
  readonly offset: number;
  readonly partition_id: number;
}

/** v3's stream of records: one delivery report each. */
async function sendStream(partition: number, batch: Batch): Promise<number[]> {
  const lines = batch.records.map((record) => ({ partition_id: partition, ...asJson(record) }));
  const answer = await client.ask(`${topicPath(TOPIC)}/records`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: lines.map((line) => JSON.stringify(line)).join("\n"),
  });
  const reports = succeeded(answer)
    .text.split(/\r?\n/)
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Report);
  if (reports.some((report) => report.error_code !== 200)) throw new Unanswered(answer.text);
  return reports.map((report) => report.offset);
}

/** v2: keys and values in base64. */
async function sendV2(partition: number, batch: Batch): Promise<number[]> {
  const base64 = (bytes: Uint8Array | null): string | null =>
    bytes === null ? null : Buffer.from(bytes).toString("base64");
  const records = batch.records.map((record) => ({
    key: base64(record.key),
    value: base64(record.value),
    partition,
    timestamp: record.timestamp,
    headers: asJson(record)["headers"],
  }));
  const headers = { "content-type": "application/vnd.kafka.binary.v2+json" };
  const answer = succeeded(await client.post(`/topics/${TOPIC}`, { records }, headers));
  const { offsets } = answer.json<{
    offsets: { offset: number | null; error_code: number | null }[];
  }>();
  if (offsets.some(({ offset }) => offset === null)) throw new Unanswered(answer.text);
  return offsets.map(({ offset }) => offset!);
}

/** v3's batch of entries. */
async function sendEntries(partition: number, batch: Batch): Promise<number[]> {
  const entries = batch.records.map((record, n) => ({
    id: String(n),
    partition_id: partition,
    ...asJson(record),
  }));
  const answer = await client.post(`${topicPath(TOPIC)}/records:batch`, { entries });
  const { successes, failures } = succeeded(answer).json<{
    successes: { id: string; offset: number }[];
    failures: unknown[];
  }>();
  if (failures.length > 0) throw new Unanswered(answer.text);
  return successes.toSorted((a, b) => Number(a.id) - Number(b.id)).map(({ offset }) => offset);
}

const PRODUCERS: readonly Producer[] = [
  {
    stream: 0,
    partition: 0,
    idempotent: true,
    send: (batch, identity) => sendAtomicJson(0, batch, stamp(batch, identity)),
  },
  {
    stream: 1,
    partition: 1,
    idempotent: true,
    send: (batch, identity) => sendAtomicJson(1, batch, stamp(batch, identity)),
  },
  {
    stream: 2,
    partition: 2,
    idempotent: true,
    send: (batch, identity) => sendRaw(2, batch, identity),
  },
  { stream: 3, partition: 3, idempotent: false, send: (batch) => sendAtomicJson(3, batch) },
  { stream: 4, partition: 3, idempotent: false, send: (batch) => sendStream(3, batch) },
  { stream: 5, partition: 4, idempotent: false, send: (batch) => sendV2(4, batch) },
  { stream: 6, partition: 4, idempotent: false, send: (batch) => sendEntries(4, batch) },
];

const recordsOfStream = (stream: number): number =>
  Math.floor(RECORDS / PRODUCERS.length) + (stream < RECORDS % PRODUCERS.length ? 1 : 0);

/** As many records as a request takes, at least one; a function of where it begins. */
function batchAt(stream: number, from: number): Batch {
  const most = Math.min(1 + ((from * 7) % REQUEST_RECORDS_MAX), recordsOfStream(stream) - from);
  const records: MadeRecord[] = [];
  let bytes = 0;
  while (records.length < most && bytes < REQUEST_BYTES_TARGET) {
    const record = recordOf(stream, from + records.length);
    const size = record.value?.length ?? 0;
    if (records.length > 0 && bytes + size > REQUEST_BYTES_TARGET) break;
    records.push(record);
    bytes += size;
  }
  return { stream, from, records };
}

function acknowledge(producer: Producer, batch: Batch, offsets: readonly number[]): void {
  const known = acknowledged[producer.partition]!;
  expect(offsets).toHaveLength(batch.records.length);
  for (const [n, offset] of offsets.entries()) {
    const before = known.get(offset);
    if (before !== undefined) throw new Error(`offset ${offset} was acknowledged twice`);
    known.set(offset, batch.stream * RECORDS + batch.from + n);
  }
  sent += offsets.length;
}

/** Produces a whole stream, through all crashes: what was not acknowledged is sent again. */
async function produce(producer: Producer): Promise<void> {
  const path = "/v3/clusters/odradek/producer-ids";
  const issued = (await client.post(path, {})).json<Record<string, number>>();
  const identity = { id: issued["producer_id"]!, epoch: issued["producer_epoch"]! };
  const count = recordsOfStream(producer.stream);
  for (let from = 0; from < count;) {
    const batch = batchAt(producer.stream, from);
    const startedMs = performance.now();
    for (;;) {
      try {
        acknowledge(producer, batch, await producer.send(batch, identity));
        break;
      } catch (error) {
        if (!isUnanswered(error) || performance.now() - startedMs > PATIENCE_MS) throw error;
        cut.push(batch);
        // Not a wait for an event: a client that has lost its server pauses before it retries.
        await sleep(20);
      }
    }
    from += batch.records.length;
  }
}

function isUnanswered(error: unknown): boolean {
  if (error instanceof Unanswered) return true;
  const code = (error as { code?: string }).code ?? "";
  return /^(ECONN|EPIPE|UND_ERR)/.test(code) || (error as Error).message.startsWith("no answer");
}

beforeAll(async () => {
  service = await startService();
  client = new Client(service.url);
  const configs = { "retention.ms": "-1", "segment.bytes": "4194304" };
  await createTopic(client, TOPIC, { partitions: acknowledged.length, configs });
});

afterAll(async () => {
  await client.close();
  await service.stop();
});

describe("kill -9 of everything, in the middle of producing", () => {
  test(`${RECORDS} records are acknowledged through ${KILLS} crashes`, async () => {
    const producing = Promise.all(PRODUCERS.map(produce));
    let done = false;
    const ended = producing.finally(() => (done = true));
    ended.catch(() => {});
    for (let kill = 1; kill <= KILLS; kill++) {
      const enough = (RECORDS * kill) / (KILLS + 1);
      while (sent < enough && !done) await sleep(1);
      expect(done).toBe(false);
      const before = cut.length;
      await service.kill();
      await service.restart();
      await client.close();
      client = new Client(service.url);
      while (cut.length === before && !done) await sleep(1);
    }
    await ended;
    expect(sent).toBe(RECORDS);
    expect(cut.length).toBeGreaterThanOrEqual(KILLS);
  });

  test.for([...acknowledged.keys()])(
    "partition %i holds every acknowledged record at its offset, byte for byte",
    async (partition) => {
      const known = acknowledged[partition]!;
      const strangers: string[] = [];
      let next = 0;
      let found = 0;
      for await (const page of rawPages(client, TOPIC, partition, 0)) {
        for (const record of recordsFrom(page, next)) {
          if (!record.ok) throw new Error(record.message);
          if (record.offset !== next) throw new Error(`offset ${record.offset} after ${next - 1}`);
          next = record.offset + 1;
          const identity = known.get(record.offset);
          if (identity === undefined) {
            strangers.push(`${record.timestamp} ${record.value?.length}`);
            continue;
          }
          found++;
          const expected = recordOf(Math.floor(identity / RECORDS), identity % RECORDS);
          const different = difference(record, expected);
          if (different !== null) throw new Error(`offset ${record.offset}: ${different}`);
        }
      }
      expect(found).toBe(known.size);
      expect((await endsOf(client, TOPIC, partition)).latest_offset).toBe(next);
      // Records that were never acknowledged may only come from a request that was cut off.
      const possible = new Set(
        cut.flatMap(({ records }) => records.map((r) => `${r.timestamp} ${r.value?.length}`)),
      );
      expect(strangers.filter((stranger) => !possible.has(stranger))).toEqual([]);
    },
  );

  test.for(PRODUCERS.filter((producer) => producer.idempotent))(
    "idempotent stream $stream lies in its partition once and in order",
    async ({ stream, partition }) => {
      let next = 0;
      for await (const page of rawPages(client, TOPIC, partition, 0)) {
        const split = splitBatches(page);
        if (!split.ok) throw new Error(split.message);
        for (const { baseOffset, baseSequence, lastOffsetDelta } of split.batches) {
          expect([baseOffset, baseSequence]).toEqual([next, next]);
          next += lastOffsetDelta + 1;
        }
      }
      expect(next).toBe(recordsOfStream(stream));
    },
  );

  test("the same records come back as JSON, from an offset in the middle of a batch", async () => {
    const accept = { accept: "application/vnd.kafka.binary.v2+json" };
    for (const start of [0, 1, 777, 5_003]) {
      const answer = await client.ask(`/topics/${TOPIC}/partitions/0/records?offset=${start}`, {
        headers: accept,
      });
      const records = answer.json<{ offset: number; key: string | null; value: string | null }[]>();
      expect(records.length).toBeGreaterThan(0);
      const expected = recordsOf(0, start, records.length).map((record, n) => ({
        offset: start + n,
        key: record.key && Buffer.from(record.key).toString("base64"),
        value: record.value && Buffer.from(record.value).toString("base64"),
      }));
      expect(records.map(({ offset, key, value }) => ({ offset, key, value }))).toEqual(expected);
    }
  });
});
