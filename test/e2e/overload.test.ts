/**
 * Proves that an overloaded partition reports it and loses nothing: 300 producers at once get 429 with Retry-After,
 * what was refused was not written, what was acknowledged is at its offset, and the bytes in flight stay within their
 * bound.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeBatch, recordsFrom } from "../../src/records/index.ts";
import {
  Client,
  createTopic,
  endsOf,
  RAW,
  rawPages,
  topicPath,
  type Answer,
} from "./support/client.ts";
import { randomFrom } from "./support/content.ts";
import { startService, type Service } from "./support/service.ts";

const PRODUCERS = 300;
const REQUESTS_EACH = 3;
const VALUE_BYTES = 60_000;
const IN_FLIGHT_BYTES_MAX = 1_000_000;
const TOPIC = "flood";

let service: Service;
let client: Client;
const acknowledged = new Map<number, string>();
const throttled: Answer[] = [];

beforeAll(async () => {
  service = await startService({ env: { QUEUED_MAX_BYTES: String(IN_FLIGHT_BYTES_MAX) } });
  client = new Client(service.url, PRODUCERS);
  await createTopic(client, TOPIC);
});

afterAll(async () => {
  await client.close();
  await service.stop();
});

function batchOf(producer: number, n: number): { name: string; bytes: Uint8Array } {
  const name = `producer ${producer}, request ${n}`;
  const record = {
    timestamp: Date.now(),
    key: Buffer.from(name),
    value: Buffer.alloc(VALUE_BYTES, producer % 256),
    headers: [],
  };
  return { name, bytes: encodeBatch([record]) };
}

async function push(producer: number): Promise<void> {
  const random = randomFrom(producer);
  const path = `${topicPath(TOPIC)}/partitions/0/records:batch`;
  for (let n = 0; n < REQUESTS_EACH; n++) {
    const { name, bytes } = batchOf(producer, n);
    for (;;) {
      const headers = { "content-type": RAW };
      const answer = await client.ask(path, {
        method: "POST",
        headers,
        body: bytes,
        deadlineMs: 60_000,
      });
      if (answer.status === 200) {
        acknowledged.set(answer.json<{ base_offset: number }>().base_offset, name);
        break;
      }
      throttled.push(answer);
      if (answer.status !== 429) throw new Error(`${answer.status} ${answer.text}`);
      // Sooner than Retry-After asks for, so that the partition stays overloaded.
      await sleep(20 + random() * 200);
    }
  }
}

describe("300 producers at one partition", () => {
  test("get every record through, in the end", async () => {
    await Promise.all(Array.from({ length: PRODUCERS }, (_, producer) => push(producer)));
    expect(acknowledged.size).toBe(PRODUCERS * REQUESTS_EACH);
  });

  test("were told to slow down, and for how long", () => {
    expect(throttled.length).toBeGreaterThan(0);
    for (const answer of throttled) {
      expect(answer.json()).toMatchObject({ error_code: 42901, message: expect.any(String) });
      expect(Number(answer.header("retry-after"))).toBeGreaterThanOrEqual(1);
    }
  });

  test("find what was acknowledged, and nothing that was refused", async () => {
    let next = 0;
    for await (const page of rawPages(client, TOPIC, 0, 0)) {
      for (const record of recordsFrom(page, next)) {
        if (!record.ok) throw new Error(record.message);
        expect(Buffer.from(record.key!).toString()).toBe(acknowledged.get(record.offset));
        expect(record.value).toHaveLength(VALUE_BYTES);
        next = record.offset + 1;
      }
    }
    expect(next).toBe(acknowledged.size);
    expect(await endsOf(client, TOPIC, 0)).toMatchObject({ latest_offset: next });
  });

  test("never had more bytes in flight than allowed", async () => {
    const metrics = (await client.ask(`/metrics?topic=${TOPIC}`)).text;
    const peak = /^odradek_bytes_in_flight_peak\{[^}]*\} (\d+)$/m.exec(metrics)?.[1];
    expect(Number(peak)).toBeGreaterThan(VALUE_BYTES);
    expect(Number(peak)).toBeLessThanOrEqual(IN_FLIGHT_BYTES_MAX);
  });
});
