/**
 * Proves that peers which are slow, silent or broken cost the service bounded memory and others nothing: they are
 * answered, waited for, or ended, and no log changes.
 */
import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeBatch } from "../../src/records/index.ts";
import { Client, createTopic, endsOf } from "./support/client.ts";
import {
  API_VERSIONS,
  ask,
  closed,
  frameFrom,
  isServed,
  METADATA,
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
  const records = encodeBatch([{ key: null, value, headers: [], timestamp: Date.now() }]);
  return requestOf(0, 7, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
  });
}

async function produce(of: Service, topic: string, valueBytes: number): Promise<void> {
  const socket = await socketTo(of.kafka);
  socket.write(produceRequest(topic, valueBytes));
  await frameFrom(socket);
  socket.destroy();
}

const FETCH_LARGE = requestOf(1, 4, {
  replicaId: -1,
  maxWaitMs: 0,
  minBytes: 1,
  maxBytes: FRAME_BYTES_MAX,
  isolationLevel: 0,
  topics: [
    {
      topic: LARGE,
      partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: FRAME_BYTES_MAX }],
    },
  ],
});

/** Another client, that behaves: it produces and reads what it has produced. */
async function expectServed(of: Service): Promise<void> {
  const topic = `served-${Math.random().toString(36).slice(2)}`;
  await createTopic(http, topic);
  await produce(of, topic, 10);
  expect((await endsOf(http, topic, 0)).latest_offset).toBe(1);
}

/** What the service grows by while something goes on; told, so that the bound can be judged. */
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
    const frame = produceRequest(topic, 20_000);
    const grown = await growth("five produce requests, byte by byte", async () => {
      const sockets = await socketsTo(5);
      const answered = sockets.map(frameFrom);
      for (const socket of sockets) socket.setNoDelay(true);
      for (const byte of frame) {
        for (const socket of sockets) socket.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(answered);
      destroyAll(sockets);
    });
    expect((await endsOf(http, topic, 0)).latest_offset).toBe(5);
    expect(grown).toBeLessThan(100 * MB);
  });

  test("a reader that takes 80 MB at a trickle holds one answer at a time", async () => {
    const socket = await socketTo(service.kafka);
    let taken = 0;
    socket.on("data", (piece: Buffer) => {
      taken += piece.length;
      socket.pause();
      setTimeout(() => socket.resume(), 1);
    });
    const grown = await growth("a trickle of 80 MB", async () => {
      // Twelve answers of 8 MB, asked for at once.
      for (let i = 0; i < 12; i++) socket.write(FETCH_LARGE);
      await until(
        () => taken > 20 * MB,
        WAIT_MS,
        () => `${taken} bytes were taken`,
      );
      await expectServed(service);
      await until(
        () => taken > 80 * MB,
        WAIT_MS,
        () => `${taken} bytes were taken`,
      );
    });
    socket.destroy();
    // An answer, its copies on the way, and the garbage of twelve.
    expect(grown).toBeLessThan(200 * MB);
  });

  test("clients that ask and never read hold one answer each", async () => {
    const deaf = await socketsTo(10);
    const grown = await growth("ten deaf clients that asked for 1.6 GB", async () => {
      for (const socket of deaf) {
        socket.pause();
        for (let i = 0; i < 20; i++) socket.write(FETCH_LARGE);
      }
      for (let i = 0; i < 5; i++) await expectServed(service);
    });
    destroyAll(deaf);
    expect(grown).toBeLessThan(10 * 25 * MB);
    expect(await isServed(service.kafka)).toBe(true);
  });

  test("500 idle connections cost little, and others are served", async () => {
    const idle: Socket[] = [];
    const grown = await growth("500 idle connections", async () => {
      idle.push(...(await socketsTo(500)));
      await expectServed(service);
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
      await expectServed(service);
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

  test("ends connections on which nothing is asked", async () => {
    const socket = await socketTo(impatient.kafka);
    socket.write(API_VERSIONS);
    await frameFrom(socket);
    socket.resume();
    await closed(socket);
    expect(await isServed(impatient.kafka)).toBe(true);
  });

  test("ends connections whose client never reads, and keeps nothing of them", async () => {
    const deaf = await Promise.all(Array.from({ length: 5 }, () => socketTo(impatient.kafka)));
    for (const socket of deaf) {
      socket.pause();
      for (let i = 0; i < 20; i++) socket.write(FETCH_LARGE);
    }
    // The end shows when they read at last: it comes long before all that they have asked for.
    await new Promise((resolve) => setTimeout(resolve, 2 * IDLE_MS));
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
    socket.write(
      requestOf(1, 4, {
        replicaId: -1,
        maxWaitMs: 3 * IDLE_MS,
        minBytes: 1,
        maxBytes: 1_000,
        isolationLevel: 0,
        topics: [
          {
            topic: "quiet",
            partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }],
          },
        ],
      }),
    );
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
    expect(await endsOf(http, topic, 0)).toMatchObject({ latest_offset: 0 });
    expect((await ask(service.kafka, 3, 1, { topics: [] })).brokers.length).toBe(3);
  });
});
