/** Proves that the wire protocol runs over a WebSocket that passed the gate, with back-pressure both ways. */
import { env as bindings } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import {
  ackMessage,
  END_MESSAGE,
  PIECE_BYTES_MAX,
  readAck,
  WINDOW_BYTES,
} from "../../src/kafka/byte-window.ts";
import { frameLength } from "../../src/kafka/frames.ts";
import { encodeRequest } from "../../src/kafka/messages/index.ts";
import { WebSocketDuplex } from "../../src/kafka/websocket.ts";
import type { Env } from "../../src/objects/runtime/env.ts";
import { app } from "../../src/worker/app.ts";
import {
  batchOf,
  fetchRequest,
  KafkaClient,
  partitionsOf,
  produceRequest,
} from "./kafka-support.ts";
import { newTopic } from "./records-support.ts";

const open = { ...(bindings as unknown as Env), OPEN_ON_LOOPBACK: "true" } as Env;
const locked = { ...(bindings as unknown as Env), API_KEYS: "the-key" } as Env;

async function upgrade(
  query = "",
  env = open,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const url = `http://localhost:8787/kafka${query}`;
  const request = new Request(url, { headers: { upgrade: "websocket", ...headers } });
  return app.fetch(request, env);
}

async function socket(query = ""): Promise<WebSocket> {
  const response = await upgrade(query);
  expect(response.status).toBe(101);
  return response.webSocket!;
}

async function connect(query = ""): Promise<KafkaClient> {
  return new KafkaClient(new WebSocketDuplex(await socket(query)), Promise.resolve());
}

describe("the route", () => {
  test("is behind the gate", async () => {
    expect((await upgrade("", locked)).status).toBe(401);
    const authorization = "Bearer the-key";
    const response = await upgrade("", locked, { authorization });
    expect(response.status).toBe(101);
    // The key was shown: nothing is asked for over the socket.
    const client = new KafkaClient(new WebSocketDuplex(response.webSocket!), Promise.resolve());
    expect((await client.ask(3, 1, { topics: [] })).brokers.length).toBe(3);
    const metrics = await app.fetch(new Request("http://localhost:8787/metrics"), open);
    expect(await metrics.text()).toMatch(/odradek_kafka_requests_total\{api_key="3"\} [1-9]/);
  });

  test("is nothing but a WebSocket", async () => {
    const response = await app.fetch(new Request("http://localhost:8787/kafka"), open);
    expect(response.status).toBe(400);
  });

  test.each(["?host=a b", "?port=0", "?port=x", "?brokers=0", "?port=65535&brokers=2", "?host="])(
    "refuses an address that is none: %s",
    async (query) => {
      expect((await upgrade(query)).status).toBe(400);
    },
  );

  test("clients are told the addresses of the bridge", async () => {
    const client = await connect("?host=10.0.0.7&port=19092&brokers=2&reached=19093");
    const { brokers } = await client.ask(3, 1, { topics: [] });
    expect(brokers.map(({ host, port }) => `${host}:${port}`)).toEqual([
      "10.0.0.7:19092",
      "10.0.0.7:19093",
    ]);
  });
});

describe("the stream", () => {
  test("produce and fetch", async () => {
    const topic = await newTopic();
    const client = await connect();
    const batch = batchOf(["value-1"]);
    const produced = await client.ask(0, 9, produceRequest(topic, { 0: batch }));
    expect(produced.responses[0]!.partitionResponses[0]!.errorCode).toBe(0);
    const fetched = await client.ask(1, 12, fetchRequest(topic, { 0: 0 }));
    expect(partitionsOf(fetched)[0]!.records!.subarray(16)).toEqual(batch.subarray(16));
  });

  test("more than a window in both directions", async () => {
    const topic = await newTopic();
    const client = await connect();
    const batch = batchOf(["x".repeat(900_000)]);
    const count = Math.ceil((1.5 * WINDOW_BYTES) / batch.byteLength);
    for (let i = 0; i < count; i++) {
      const answer = await client.ask(0, 9, produceRequest(topic, { 0: batch }));
      expect(answer.responses[0]!.partitionResponses[0]!.baseOffset).toBe(i);
    }
    const request = fetchRequest(topic, { 0: 0 }, { partitionMaxBytes: 8_000_000 });
    const [partition] = partitionsOf(await client.ask(1, 11, request));
    expect(partition!.records!.byteLength).toBeGreaterThan(WINDOW_BYTES);
  });

  test("a client that acknowledges nothing is sent no more than a window", async () => {
    const topic = await newTopic();
    const producer = await connect();
    const batch = batchOf(["x".repeat(900_000)]);
    for (let i = 0; i < 6; i++) await producer.ask(0, 9, produceRequest(topic, { 0: batch }));
    const raw = await socket();
    let received = 0;
    const isFull = new Promise<void>((resolve) => {
      raw.addEventListener("message", ({ data }) => {
        if (data instanceof ArrayBuffer) received += data.byteLength;
        if (received >= WINDOW_BYTES) resolve();
      });
    });
    raw.binaryType = "arraybuffer";
    raw.accept();
    const request = fetchRequest(topic, { 0: 0 }, { partitionMaxBytes: 8_000_000 });
    const message = encodeRequest(1, 11, { correlationId: 1, clientId: null }, request);
    raw.send(frameLength(message.byteLength));
    for (const part of message.parts) raw.send(part);
    await isFull;
    // Others are served meanwhile.
    await producer.ask(3, 1, { topics: [] });
    expect(received).toBeLessThanOrEqual(WINDOW_BYTES + PIECE_BYTES_MAX);
    const before = received;
    const goesOn = new Promise<void>((resolve) => {
      raw.addEventListener("message", () => resolve());
    });
    raw.send(ackMessage(before));
    await goesOn;
    expect(received).toBeGreaterThan(before);
    raw.close();
  });

  test.each(["no acknowledgement", '{"ack":-1}', '{"ack":99}'])(
    "text that acknowledges nothing that was sent ends it: %s",
    async (text) => {
      const raw = await socket();
      const closed = new Promise<number>((resolve) => {
        raw.addEventListener("close", ({ code }) => resolve(code));
      });
      raw.accept();
      raw.send(text);
      expect(await closed).toBe(1008);
    },
  );
});

test("what was sent before the end is answered, and then it is closed", async () => {
  const raw = await socket();
  const closed = new Promise<number>((resolve) => {
    raw.addEventListener("close", ({ code }) => resolve(code));
  });
  const client = new KafkaClient(new WebSocketDuplex(raw), Promise.resolve());
  await client.send(3, 1, { topics: [] });
  await client.send(18, 0, {});
  raw.send(END_MESSAGE);
  // Too late: no more was to come.
  raw.send(new Uint8Array(8));
  expect((await client.receive(3, 1))?.brokers.length).toBe(3);
  expect((await client.receive(18, 0))?.errorCode).toBe(0);
  expect(await client.receive(18, 0)).toBeNull();
  expect(await closed).toBe(1000);
});

test("one on which nothing is asked is closed by the service", async () => {
  const impatient = { ...open, CONNECTIONS_MAX_IDLE_MS: "1000" } as Env;
  const raw = (await upgrade("", impatient)).webSocket!;
  const closed = new Promise<number>((resolve) => {
    raw.addEventListener("close", ({ code }) => resolve(code));
  });
  raw.accept();
  expect(await closed).toBe(1000);
});

test("acknowledgements are read as they are written", () => {
  expect(readAck(ackMessage(0))).toBe(0);
  expect(readAck(ackMessage(123_456_789_012))).toBe(123_456_789_012);
  expect(readAck('{"ack": 5}')).toBe(5);
  for (const text of ["", "5", '{"ack":"5"}', '{"ack":1e9}']) expect(readAck(text)).toBeNull();
});
