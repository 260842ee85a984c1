/**
 * Proves that a real client and bare sockets get on with the service over TCP: kafkajs unchanged but for the
 * address; and the gate.
 */
import { connect } from "node:net";
import kafkajs, { type Consumer, type EachMessagePayload } from "kafkajs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { API_VERSIONS, closed, isServed, METADATA, socketTo } from "./support/kafka-socket.ts";
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
    expect(await isServed(locked.kafka)).toBe(true);
    const socket = await socketTo(locked.kafka);
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
