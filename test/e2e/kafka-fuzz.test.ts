/**
 * Proves that broken frames against the running service, several behind each other on a connection, are
 * answered or end it, that nothing hangs or grows, and that nothing is written to any log. Frames that a mutation has
 * left legal may do what they say (delete a topic, truncate a log), but none of them is a produce request; broken
 * produce requests are aimed at a topic apart, whose every byte stays as it was.
 *
 * ODRADEK_FUZZ_SEED gives another seed; what hangs is told with its seed and frames.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { frameLength } from "../../src/kafka/frames.ts";
import { decodeRequest, decodeRequestHeader } from "../../src/kafka/messages/index.ts";
import { encodeBatch } from "../../src/records/index.ts";
import { brokenFrame, brokenProduce } from "../core/kafka/broken-frames.ts";
import { CAPTURES } from "../core/kafka/captures.ts";
import { CLUSTER, Client, createTopic, endsOf, rawPages } from "./support/client.ts";
import { closed, frameFrom, isServed, produceOf, socketTo } from "./support/kafka-socket.ts";
import { residentBytes } from "./support/memory.ts";
import { startService, type Service } from "./support/service.ts";
import { scaled } from "../support/scale.ts";

const SEED = Number(process.env["ODRADEK_FUZZ_SEED"] ?? 20_261_127);
const FRAMES = scaled({ short: 2_000, long: 20_000 });
const PRODUCE_FRAMES = scaled({ short: 500, long: 5_000 });
/** At most this many on one connection: what follows the frame that ends it is not looked at. */
const PIPELINED = 4;
/** Connections at once. */
const AT_ONCE = 50;
/** Longer than every wait that a request can ask for. */
const DEADLINE_MS = 90_000;
const PARTITIONS = 3;
const WATCHED = "watched";
const MB = 1_000_000;

const FETCH = 1;
/**
 * Topics that the captured frames name (captured ids are of topics that no longer exist): they exist here, so that
 * legal requests find something to read.
 */
const READ_TOPICS: readonly string[] = [
  ...new Set(
    CAPTURES.filter(({ apiKey }) => apiKey === FETCH).flatMap(({ version, request }) => {
      const fetch = decodeRequest(FETCH, version, decodeRequestHeader(request)!.body!)!;
      return fetch.topics.map(({ topic }) => topic).filter((topic) => topic !== "");
    }),
  ),
];

let service: Service;
let http: Client;

beforeAll(async () => {
  console.log(`seed ${SEED}`);
  service = await startService();
  http = new Client(service.url);
  const socket = await socketTo(service.kafka);
  for (const topic of [WATCHED, ...READ_TOPICS]) {
    await createTopic(http, topic, { partitions: PARTITIONS });
    socket.write(produceOf(topic, BATCH));
    await frameFrom(socket);
  }
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
    timestamp: Date.now(),
  })),
);

/** The bytes of every partition of the topic that is watched. */
async function contents(): Promise<string> {
  const all: Uint8Array[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for await (const page of rawPages(http, WATCHED, partition, 0)) all.push(page);
    all.push(Uint8Array.of(partition));
  }
  return Buffer.concat(all).toString("hex");
}

/** The log ends of all topics, without those that are 0. */
async function logEnds(): Promise<ReadonlyMap<string, number>> {
  const path = `${CLUSTER}/topics`;
  const { data } = await http.get<{ data: { topic_name: string; partitions_count: number }[] }>(
    path,
  );
  const ends = new Map<string, number>();
  for (const { topic_name: topic, partitions_count: count } of data) {
    for (let partition = 0; partition < count; partition++) {
      const end = (await endsOf(http, encodeURIComponent(topic), partition)).latest_offset;
      if (end > 0) ends.set(`${topic}/${partition}`, end);
    }
  }
  return ends;
}

/** Requests that the service has decoded. */
async function understood(): Promise<number> {
  const { text } = await http.ask("/metrics");
  const samples = text.matchAll(/^odradek_kafka_requests_total\{.*\} (\d+)$/gm);
  return [...samples].reduce((sum, [, count]) => sum + Number(count), 0);
}

const hanging: string[] = [];

/** Sends frames and no more, and waits until the service is done with them. */
async function send(frames: readonly Uint8Array[]): Promise<void> {
  const socket = await socketTo(service.kafka);
  socket.resume();
  socket.end(Buffer.concat(frames.flatMap((frame) => [frameLength(frame.byteLength), frame])));
  const late = setTimeout(() => {
    hanging.push(frames.map((frame) => Buffer.from(frame).toString("hex")).join(" "));
    socket.destroy();
  }, DEADLINE_MS);
  await closed(socket);
  clearTimeout(late);
}

async function sendAll(groups: readonly (readonly Uint8Array[])[]): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < groups.length; at = next++) await send(groups[at]!);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  expect(hanging, `seed ${SEED}`).toEqual([]);
}

/** One, two … frames for each connection. */
function grouped(frames: readonly Uint8Array[]): Uint8Array[][] {
  const groups: Uint8Array[][] = [];
  for (let at = 0; at < frames.length;) {
    const count = 1 + (groups.length % PIPELINED);
    groups.push(frames.slice(at, at + count));
    at += count;
  }
  return groups;
}

test("broken frames are answered or end their connection, and no log grows", async () => {
  const before = await contents();
  expect(before).toContain(Buffer.from("value 2").toString("hex"));
  const ends = await logEnds();
  expect(ends.size).toBe(1 + READ_TOPICS.length);
  const known = await understood();
  const frames = fc.sample(brokenFrame, { numRuns: FRAMES, seed: SEED });
  // The first half warms the runtime up; memory that is not released shows in the second.
  await sendAll(grouped(frames.slice(0, FRAMES / 2)));
  const memory = residentBytes(service.pid);
  await sendAll(grouped(frames.slice(FRAMES / 2)));
  const grown = residentBytes(service.pid) - memory;
  console.log(`${FRAMES / 2} more frames: the service grew by ${Math.round(grown / MB)} MB`);
  expect(grown).toBeLessThan(250 * MB);
  expect(await isServed(service.kafka)).toBe(true);
  // Not everything is noise: some frames are decoded, and reach the objects.
  const asked = (await understood()) - known;
  console.log(`of ${FRAMES} frames, ${asked} were requests`);
  expect(asked).toBeGreaterThan(FRAMES / 20);
  expect(await contents()).toBe(before);
  for (const [log, end] of await logEnds()) expect([log, end]).toEqual([log, ends.get(log)]);
});

test("of broken produce requests nothing is written", async () => {
  const before = await contents();
  const frame = Uint8Array.from(produceOf(WATCHED, BATCH).subarray(4));
  const batchAt = frame.length - BATCH.byteLength;
  const broken = brokenProduce(frame, batchAt);
  const frames = fc.sample(broken, { numRuns: PRODUCE_FRAMES, seed: SEED });
  await sendAll(grouped(frames));
  expect(await isServed(service.kafka)).toBe(true);
  expect(await contents()).toBe(before);
});
