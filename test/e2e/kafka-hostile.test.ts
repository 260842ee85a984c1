/**
 * Proves that slow, silent or malformed clients cost the service bounded memory and other clients nothing: they are
 * answered, waited for, or disconnected, and no log changes.
 */
import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeResponse, type RequestToWrite } from "../../src/kafka/messages/index.ts";
import { encodeBatch } from "../../src/records/index.ts";
import { CLUSTER, Client, createTopic, endsOf } from "./support/client.ts";
import {
  API_VERSIONS,
  ask,
  closed,
  frameFrom,
  isServed,
  METADATA,
  produceOf,
  requestOf,
  socketTo,
} from "./support/kafka-socket.ts";
import { residentBytes } from "./support/memory.ts";
import { until } from "./support/processes.ts";
import { startService, type Service } from "./support/service.ts";

const WAIT_MS = 60_000;
const MB = 1_000_000;
/** As the service advertises and bounds it. */
const FRAME_BYTES_MAX = 9_437_184;
const IDLE_MS = 2_000;
const LARGE = "large";
const LARGE_RECORDS = 110;
const VALUE_BYTES = 900_000;

let service: Service;
let http: Client;
/** Records that `service` has acknowledged, by topic. */
const acknowledged = new Map<string, number>();

beforeAll(async () => {
  service = await startService();
  http = new Client(service.url);
  await createTopic(http, LARGE);
  for (let i = 0; i < LARGE_RECORDS; i++) await produce(service, LARGE, VALUE_BYTES);
});

afterAll(async () => {
  await http?.close();
  await service?.stop();
});

function produceRequest(topic: string, valueBytes: number): Buffer {
  const value = new Uint8Array(valueBytes).fill(0x78);
  const batch = encodeBatch([{ key: null, value, headers: [], timestamp: Date.now() }]);
  return produceOf(topic, batch);
}

async function produce(of: Service, topic: string, valueBytes: number): Promise<void> {
  const socket = await socketTo(of.kafka);
  socket.write(produceRequest(topic, valueBytes));
  expectProduced(await frameFrom(socket));
  socket.destroy();
  if (of === service) acknowledged.set(topic, (acknowledged.get(topic) ?? 0) + 1);
}

function expectProduced(answer: Uint8Array): void {
  const [topic] = decodeResponse(0, 7, answer)!.response.responses;
  expect(topic!.partitionResponses[0]!.errorCode).toBe(0);
}

const fetchOf = (topic: string, maxBytes: number, maxWaitMs = 0): RequestToWrite<1> => ({
  replicaId: -1,
  maxWaitMs,
  minBytes: 1,
  maxBytes,
  isolationLevel: 0,
  topics: [{ topic, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: maxBytes }] }],
});

const FETCH_LARGE = requestOf(1, 4, fetchOf(LARGE, FRAME_BYTES_MAX));

let served = 0;

/** Another client that behaves well: it produces, and fetches what it has produced. */
async function expectServed(): Promise<void> {
  served += 1;
  const topic = `served-${served}`;
  await createTopic(http, topic);
  await produce(service, topic, 1_000);
  const fetched = await ask(service.kafka, 1, 4, fetchOf(topic, FRAME_BYTES_MAX));
  expect(fetched.responses[0]!.partitions[0]!.records!.byteLength).toBeGreaterThan(1_000);
}

/** A sample of /metrics. */
async function metric(of: Client, sample: string): Promise<number> {
  const { text } = await of.ask("/metrics");
  const line = text.split("\n").find((one) => one.startsWith(`${sample} `));
  return Number(line?.slice(sample.length) ?? 0);
}

/** The growth of the service's memory meanwhile; printed, so that the bound can be judged. */
async function growth(what: string, work: () => Promise<void>): Promise<number> {
  const before = residentBytes(service.pid);
  let most = before;
  const watching = setInterval(() => {
    most = Math.max(most, residentBytes(service.pid));
  }, 100);
  try {
    await work();
  } finally {
    clearInterval(watching);
  }
  const grown = Math.max(most, residentBytes(service.pid)) - before;
  console.log(`${what}: the service grew by ${Math.round(grown / MB)} MB`);
  return grown;
}

function destroyAll(sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy();
}

const socketsTo = (count: number): Promise<Socket[]> =>
  Promise.all(Array.from({ length: count }, () => socketTo(service.kafka)));

describe("slow peers", () => {
  test("frames that come one byte at a time are answered", async () => {
    const topic = "byte-by-byte";
    await createTopic(http, topic);
    const frame = produceRequest(topic, 100_000);
    const grown = await growth("four produce requests of 100 KB, byte by byte", async () => {
      const sockets = await socketsTo(4);
      const answered = sockets.map(frameFrom);
      for (const socket of sockets) socket.setNoDelay(true);
      const others = expectServed();
      for (const byte of frame) {
        for (const socket of sockets) socket.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await others;
      for (const answer of await Promise.all(answered)) expectProduced(answer);
      acknowledged.set(topic, sockets.length);
      destroyAll(sockets);
    });
    // 400 KB, and the runtime's garbage of as many reads: 16 to 69 MB were seen.
    expect(grown).toBeLessThan(150 * MB);
  });

  test("a reader that takes 100 MB at a trickle holds one answer at a time", async () => {
    const socket = await socketTo(service.kafka);
    let taken = 0;
    socket.on("data", (piece: Buffer) => {
      taken += piece.length;
      socket.pause();
      setTimeout(() => socket.resume(), 1);
    });
    const grown = await growth("a trickle of 100 MB", async () => {
      // Thirteen answers of 8 MB, asked for at once.
      for (let i = 0; i < 13; i++) socket.write(FETCH_LARGE);
      await until(
        () => taken > 20 * MB,
        WAIT_MS,
        () => `${taken} bytes were taken`,
      );
      await expectServed();
      await until(
        () => taken > 100 * MB,
        WAIT_MS,
        () => `${taken} bytes were taken`,
      );
    });
    socket.destroy();
    // An answer, its copies on the way, and the garbage of thirteen: 86 to 117 MB were seen.
    expect(grown).toBeLessThan(200 * MB);
  });

  test("clients that ask and never read hold one answer each", async () => {
    const deaf = await socketsTo(10);
    const fetches = async (): Promise<number> =>
      (await metric(http, 'odradek_kafka_requests_total{api_key="1"}')) - served;
    const before = await fetches();
    let begun = -1;
    const grown = await growth("ten deaf clients that asked for 1.6 GB", async () => {
      for (const socket of deaf) {
        socket.pause();
        for (let i = 0; i < 20; i++) socket.write(FETCH_LARGE);
      }
      // Until none of them is given any more, while others are served.
      for (let now = 0; now > begun || now < deaf.length; now = (await fetches()) - before) {
        begun = now;
        for (let i = 0; i < 5; i++) await expectServed();
      }
    });
    // One that the sockets' buffers may have taken, and one that waits.
    expect(begun).toBeGreaterThanOrEqual(deaf.length);
    expect(begun).toBeLessThanOrEqual(2 * deaf.length);
    destroyAll(deaf);
    // An answer of 8 MB for each, and its copy on the way: 144 to 161 MB were seen.
    expect(grown).toBeLessThan(10 * 25 * MB);
    expect(await isServed(service.kafka)).toBe(true);
  });

  test("500 idle connections cost little, and others are served", async () => {
    const idle: Socket[] = [];
    const grown = await growth("500 idle connections", async () => {
      idle.push(...(await socketsTo(500)));
      await expectServed();
    });
    for (const socket of idle.slice(0, 20)) {
      socket.write(API_VERSIONS);
      expect((await frameFrom(socket)).length).toBeGreaterThan(100);
    }
    destroyAll(idle);
    expect(grown).toBeLessThan(100 * MB);
  });

  test("large frames that were announced and never sent are given no memory", async () => {
    const announcing: Socket[] = [];
    const grown = await growth("100 announcements of 9 MB", async () => {
      announcing.push(...(await socketsTo(100)));
      const head = Buffer.alloc(100);
      head.writeInt32BE(FRAME_BYTES_MAX);
      for (const socket of announcing) socket.write(head);
      await expectServed();
    });
    destroyAll(announcing);
    expect(grown).toBeLessThan(100 * MB);
  });
});

describe("a service that waits for two seconds", () => {
  let impatient: Service;
  let itsHttp: Client;

  beforeAll(async () => {
    impatient = await startService({
      env: { CONNECTIONS_MAX_IDLE_MS: String(IDLE_MS), API_KEYS: "" },
    });
    itsHttp = new Client(impatient.url);
    await createTopic(itsHttp, LARGE);
    for (let i = 0; i < 20; i++) await produce(impatient, LARGE, VALUE_BYTES);
  });

  afterAll(async () => {
    await itsHttp?.close();
    await impatient?.stop();
  });

  /** Connections that it has ended for a reason. */
  const closedCount = (reason: string): Promise<number> =>
    metric(itsHttp, `odradek_kafka_connections_closed_total{reason="${reason}"}`);

  test("ends connections on which nothing is asked", async () => {
    const socket = await socketTo(impatient.kafka);
    socket.write(API_VERSIONS);
    await frameFrom(socket);
    socket.resume();
    await closed(socket);
    expect(await closedCount("idle")).toBe(1);
    expect(await isServed(impatient.kafka)).toBe(true);
  });

  test("ends connections whose client never reads, and keeps nothing of them", async () => {
    const deaf = await Promise.all(Array.from({ length: 5 }, () => socketTo(impatient.kafka)));
    for (const socket of deaf) {
      socket.pause();
      for (let i = 0; i < 20; i++) socket.write(FETCH_LARGE);
    }
    // The end shows when they read at last: it comes long before all the answers that they have asked for.
    await until(
      async () => (await closedCount("unread")) === deaf.length,
      WAIT_MS,
      () => "they are kept",
    );
    for (const socket of deaf) {
      socket.resume();
      await closed(socket);
      expect(socket.bytesRead).toBeLessThan(60 * MB);
    }
    expect(await isServed(impatient.kafka)).toBe(true);
  });

  test("keeps one whose request waits longer than that", async () => {
    const socket = await socketTo(impatient.kafka);
    await createTopic(itsHttp, "quiet");
    socket.write(requestOf(1, 4, fetchOf("quiet", 1_000, 3 * IDLE_MS)));
    expect((await frameFrom(socket)).length).toBeGreaterThan(10);
    socket.destroy();
  });
});

describe("broken peers", () => {
  test.each([
    ["a length above the bound", Buffer.from([0x7f, 0xff, 0xff, 0xff])],
    ["a negative length", Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ["an empty frame", Buffer.from([0, 0, 0, 0])],
    ["what is spoken elsewhere", Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n")],
    [
      "a version that is not there",
      Buffer.concat([Buffer.from([0, 0, 0, 10, 0, 3, 0, 99]), Buffer.alloc(6)]),
    ],
  ])("%s ends the connection, and no other", async (_, bytes) => {
    const other = await socketTo(service.kafka);
    const socket = await socketTo(service.kafka);
    socket.write(bytes);
    socket.resume();
    await closed(socket);
    expect(socket.bytesRead).toBe(0);
    other.write(METADATA);
    expect((await frameFrom(other)).length).toBeGreaterThan(50);
    other.destroy();
  });

  test("a client that goes in the middle of a frame leaves nothing", async () => {
    const topic = "half";
    await createTopic(http, topic);
    const frame = produceRequest(topic, 50_000);
    for (const end of [3, 4, 20, 1_000, frame.length - 1]) {
      const socket = await socketTo(service.kafka);
      socket.write(frame.subarray(0, end));
      socket.end();
      socket.resume();
      await closed(socket);
    }
    expect(await isServed(service.kafka)).toBe(true);
  });

  test("all logs hold what was acknowledged, and no more", async () => {
    const { data } = await http.get<{ data: { topic_name: string }[] }>(`${CLUSTER}/topics`);
    expect(data.length).toBeGreaterThan(acknowledged.size);
    for (const { topic_name: topic } of data) {
      const ends = await endsOf(http, topic, 0);
      expect([topic, ends.latest_offset]).toEqual([topic, acknowledged.get(topic) ?? 0]);
    }
  });
});
