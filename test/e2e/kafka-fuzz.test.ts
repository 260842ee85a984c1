/**
 * Proves that 25,000 broken frames against the running service are answered or end their connection, that nothing
 * hangs or grows, and that no log changes: also not the one at which broken produce requests are aimed.
 */
import fc from "fast-check";
import type { Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { frameLength } from "../../src/kafka/frames.ts";
import { encodeBatch } from "../../src/records/index.ts";
import { brokenFrame, brokenProduce } from "../core/kafka/broken-frames.ts";
import { Client, createTopic, rawPages } from "./support/client.ts";
import { closed, frameFrom, isServed, requestOf, socketTo } from "./support/kafka-socket.ts";
import { residentBytes } from "./support/memory.ts";
import { startService, type Service } from "./support/service.ts";

const SEED = 20_261_127;
const FRAMES = 20_000;
const PRODUCE_FRAMES = 5_000;
/** Each frame on a connection of its own, so many at once. */
const AT_ONCE = 50;
const PARTITIONS = 3;
const WATCHED = "watched";
const MB = 1_000_000;

let service: Service;
let http: Client;

beforeAll(async () => {
  service = await startService();
  http = new Client(service.url);
  await createTopic(http, WATCHED, { partitions: PARTITIONS });
  const socket = await socketTo(service.kafka);
  socket.write(produceRequest());
  await frameFrom(socket);
  socket.destroy();
});

afterAll(async () => {
  await http?.close();
  await service?.stop();
});

const BATCH = encodeBatch(
  Array.from({ length: 3 }, (_, i) => ({
    key: null,
    value: new TextEncoder().encode(`value ${i}`),
    headers: [],
    timestamp: 1_800_000_000_000,
  })),
);

/** With its length; its one batch is at its end. */
function produceRequest(): Buffer {
  return requestOf(0, 7, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: WATCHED, partitionData: [{ index: 0, records: BATCH }] }],
  });
}

/** The bytes of every partition of the topic that is watched. */
async function contents(): Promise<string> {
  const all: Uint8Array[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for await (const page of rawPages(http, WATCHED, partition, 0)) all.push(page);
    all.push(Uint8Array.of(partition));
  }
  return Buffer.concat(all).toString("hex");
}

/** Sends a frame and no more, and waits until the service is done with it. */
async function send(frame: Uint8Array): Promise<void> {
  const socket: Socket = await socketTo(service.kafka);
  socket.resume();
  socket.end(Buffer.concat([frameLength(frame.byteLength), frame]));
  await closed(socket);
}

async function sendAll(frames: readonly Uint8Array[]): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < frames.length; at = next++) await send(frames[at]!);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

test("broken frames are answered or end their connection, and no log changes", async () => {
  const before = await contents();
  expect(before).toContain(Buffer.from("value 2").toString("hex"));
  const frames = fc.sample(brokenFrame, { numRuns: FRAMES, seed: SEED });
  // The first half warms the runtime up; what is held on to shows in the second.
  await sendAll(frames.slice(0, FRAMES / 2));
  const memory = residentBytes(service.pid);
  await sendAll(frames.slice(FRAMES / 2));
  expect(await isServed(service.kafka)).toBe(true);
  expect(await contents()).toBe(before);
  const grown = residentBytes(service.pid) - memory;
  console.log(`${FRAMES / 2} more frames: the service grew by ${Math.round(grown / MB)} MB`);
  expect(grown).toBeLessThan(250 * MB);
});

test("of broken produce requests nothing is written", async () => {
  const before = await contents();
  const frame = Uint8Array.from(produceRequest().subarray(4));
  const batchAt = frame.length - BATCH.byteLength;
  const broken = brokenProduce(frame, batchAt, 0);
  await sendAll(fc.sample(broken, { numRuns: PRODUCE_FRAMES, seed: SEED }));
  expect(await isServed(service.kafka)).toBe(true);
  expect(await contents()).toBe(before);
});
