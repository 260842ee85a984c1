/**
 * Proves that a real client and bare sockets get on with the service over TCP: kafkajs unchanged but for the
 * address; the gate; and what hostile or slow peers cost the others.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import kafkajs, { type Consumer, type EachMessagePayload } from "kafkajs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { frameLength } from "../../src/kafka/frames.ts";
import {
  decodeResponse,
  encodeRequest,
  type ApiKey,
  type RequestToWrite,
} from "../../src/kafka/messages/index.ts";
import { until } from "./support/processes.ts";
import { startService, type Service } from "./support/service.ts";

const { Kafka, logLevel, CompressionTypes } = kafkajs;
const WAIT_MS = 60_000;
const KEY = "the-key";

let service: Service;
let locked: Service;

beforeAll(async () => {
  service = await startService({ env: { AUTO_CREATE_TOPICS_ENABLE: "true" } });
  locked = await startService({ env: { API_KEYS: KEY } });
});

afterAll(async () => {
  await service?.stop();
  await locked?.stop();
});

function client(of: Service, password?: string): InstanceType<typeof Kafka> {
  const sasl = { mechanism: "plain" as const, username: "anybody", password: password ?? "" };
  return new Kafka({
    brokers: [of.kafka],
    logLevel: logLevel.NOTHING,
    retry: { retries: 2 },
    ...(password !== undefined && { sasl }),
  });
}

async function socketTo(of: Service): Promise<Socket> {
  const [host, port] = of.kafka.split(":") as [string, string];
  const socket = connect(Number(port), host);
  await once(socket, "connect");
  // What the other end does to it is looked at by its close event.
  socket.on("error", () => {});
  return socket;
}

/** Resolves when the other end has closed it, orderly or not. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
  });
}

function requestOf<K extends ApiKey>(key: K, version: number, request: RequestToWrite<K>): Buffer {
  const header = { correlationId: 1, clientId: "test" };
  const message = encodeRequest(key, version, header, request);
  return Buffer.concat([frameLength(message.byteLength), ...message.parts]);
}

const API_VERSIONS = requestOf(18, 0, {});
const METADATA = requestOf(3, 1, { topics: [] });

/** The next frame from a socket, without its length. */
async function frameFrom(socket: Socket): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  const isWhole = (): boolean => bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0);
  const take = (piece: Buffer): void => {
    bytes = Buffer.concat([bytes, piece]);
  };
  socket.on("data", take);
  await until(isWhole, WAIT_MS, () => `${bytes.length} bytes of an answer`);
  socket.off("data", take);
  return bytes.subarray(4);
}

async function isServed(of: Service): Promise<boolean> {
  const socket = await socketTo(of);
  socket.write(API_VERSIONS);
  const frame = await frameFrom(socket);
  socket.destroy();
  return decodeResponse(18, 0, frame)?.response.errorCode === 0;
}

describe("kafkajs", () => {
  test.each([
    ["none", CompressionTypes.None],
    ["gzip", CompressionTypes.GZIP],
  ])("what it produces it consumes, compression %s", async (name, compression) => {
    const topic = `round-${name}`;
    const kafka = client(service);
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 3, replicationFactor: 3 }] });
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 5 });
    await producer.connect();
    const messages = Array.from({ length: 300 }, (_, i) => ({
      key: `key-${i % 20}`,
      value: `value-${i}`,
      headers: { at: String(i) },
    }));
    await producer.send({ topic, messages, compression });
    await producer.disconnect();
    const seen: string[] = [];
    const consumer = await consume(kafka, `group-${name}`, topic, ({ message }) => {
      seen.push(`${message.key} ${message.value} ${message.headers!["at"]}`);
    });
    await until(
      () => seen.length >= 300,
      WAIT_MS,
      () => `${seen.length} seen`,
    );
    await consumer.disconnect();
    const sent = messages.map(({ key, value, headers }) => `${key} ${value} ${headers.at}`);
    expect(seen.toSorted()).toEqual(sent.toSorted());
    const offsets = await admin.fetchOffsets({ groupId: `group-${name}`, topics: [topic] });
    const ends = await admin.fetchTopicOffsets(topic);
    const byPartition = (list: readonly { partition: number; offset: string }[]): string[] =>
      list.map(({ partition, offset }) => `${partition}:${offset}`).toSorted();
    expect(byPartition(offsets[0]!.partitions)).toEqual(byPartition(ends));
    await admin.disconnect();
  });

  test("HTTP reads what it wrote, and it reads what HTTP wrote", async () => {
    const topic = "both-ways";
    const kafka = client(service);
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic, messages: [{ key: "k", value: '{"from":"kafkajs"}' }] });
    await producer.disconnect();
    const url = `${service.url}/topics/${topic}`;
    const read = await fetch(`${url}/partitions/0/records`);
    expect(await read.json()).toMatchObject([{ offset: 0, value: { from: "kafkajs" } }]);
    const headers = { "content-type": "application/vnd.kafka.json.v2+json" };
    const body = JSON.stringify({ records: [{ value: { from: "http" } }] });
    await (await fetch(url, { method: "POST", headers, body })).arrayBuffer();
    const seen: string[] = [];
    const consumer = await consume(kafka, "both-ways", topic, ({ message }) => {
      seen.push(String(message.value));
    });
    await until(
      () => seen.length >= 2,
      WAIT_MS,
      () => seen.join(),
    );
    await consumer.disconnect();
    expect(seen.map((text) => JSON.parse(text) as unknown)).toEqual([
      { from: "kafkajs" },
      { from: "http" },
    ]);
  });
});

async function consume(
  kafka: InstanceType<typeof Kafka>,
  groupId: string,
  topic: string,
  each: (payload: EachMessagePayload) => void,
): Promise<Consumer> {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 500 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ eachMessage: async (payload) => each(payload) });
  return consumer;
}

describe("the gate", () => {
  test("with keys, a client that has one is let in, others are not", async () => {
    const admin = client(locked, KEY).admin();
    await admin.connect();
    expect(await admin.listTopics()).toEqual([]);
    await admin.disconnect();
    const asking = async (password?: string): Promise<void> => {
      const refused = client(locked, password).admin();
      try {
        await refused.connect();
        await refused.listTopics();
      } finally {
        await refused.disconnect();
      }
    };
    await expect(asking("wrong")).rejects.toThrow();
    await expect(asking()).rejects.toThrow();
  });

  test("with keys, nothing is answered before the handshake but what is served", async () => {
    expect(await isServed(locked)).toBe(true);
    const socket = await socketTo(locked);
    socket.write(METADATA);
    socket.resume();
    await closed(socket);
    expect(socket.bytesRead).toBe(0);
  });

  test("without keys and not on loopback, a connection is ended", async () => {
    const exposed = await startService({ env: { HOST: "0.0.0.0" } });
    try {
      const [, port] = exposed.kafka.split(":") as [string, string];
      const socket = connect(Number(port), "127.0.0.1");
      socket.on("error", () => {});
      socket.on("connect", () => socket.write(API_VERSIONS));
      socket.resume();
      await closed(socket);
      expect(socket.bytesRead).toBe(0);
    } finally {
      await exposed.stop();
    }
  });
});

describe("peers", () => {
  test("a frame that comes one byte at a time is answered", async () => {
    const socket = await socketTo(service);
    socket.setNoDelay(true);
    for (const byte of METADATA) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const answer = decodeResponse(3, 1, await frameFrom(socket));
    expect(answer?.response.brokers.length).toBe(3);
    socket.destroy();
  });

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
    const other = await socketTo(service);
    const socket = await socketTo(service);
    socket.write(bytes);
    socket.resume();
    await closed(socket);
    expect(socket.bytesRead).toBe(0);
    other.write(API_VERSIONS);
    expect((await frameFrom(other)).length).toBeGreaterThan(100);
    other.destroy();
  });

  test("500 idle connections and some that never read leave others served", async () => {
    const idle = await Promise.all(Array.from({ length: 500 }, () => socketTo(service)));
    const deaf = await Promise.all(Array.from({ length: 5 }, () => socketTo(service)));
    for (const socket of deaf) {
      socket.pause();
      for (let i = 0; i < 2_000; i++) socket.write(API_VERSIONS);
    }
    expect(await isServed(service)).toBe(true);
    for (const socket of idle.slice(0, 20)) {
      socket.write(API_VERSIONS);
      expect((await frameFrom(socket)).length).toBeGreaterThan(100);
    }
    for (const socket of [...idle, ...deaf]) socket.destroy();
    expect(await isServed(service)).toBe(true);
  });
});
