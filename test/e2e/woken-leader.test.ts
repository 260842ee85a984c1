/**
 * Proves what readers get from a leader that was killed and has just woken up, of a topic with three replicas:
 * everything that was acknowledged, at once, whichever way they ask (KIP-207).
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { partitionPath, type Place } from "./support/brokers.ts";
import { Client, createTopic, endsOf } from "./support/client.ts";
import { ask } from "./support/kafka-socket.ts";
import { until } from "./support/processes.ts";
import { startService, type Service } from "./support/service.ts";

const RECORDS = 3;
const WAIT_MS = 60_000;
const READ_COMMITTED = 1;
const LATEST = -1n;

let service: Service;
let client: Client;

beforeAll(async () => {
  service = await startService();
  client = new Client(service.url);
});

afterAll(async () => {
  await client.close();
  await service.stop();
});

/** A partition with three acknowledged records, whose leader and followers have just been killed. */
async function killed(topic: string): Promise<Place> {
  const place = { topic, partition: 0 };
  await createTopic(client, topic, { replicas: 3 });
  for (let i = 0; i < RECORDS; i++) {
    const body = { records: [{ value: { type: "STRING", data: String(i) } }] };
    const answer = await client.post(`${partitionPath(place)}/records:batch`, body);
    expect(answer.status).toBe(200);
  }
  await service.kill();
  await client.close();
  await service.restart();
  client = new Client(service.url);
  return place;
}

async function latestOverWire(topic: string): Promise<number> {
  const partition = { partitionIndex: 0, currentLeaderEpoch: -1, timestamp: LATEST };
  const { topics } = await ask(service.kafka, 2, 7, {
    replicaId: -1,
    isolationLevel: READ_COMMITTED,
    topics: [{ name: topic, partitions: [partition] }],
  });
  const answered = topics[0]!.partitions[0]!;
  expect(answered.errorCode).toBe(0);
  return Number(answered.offset);
}

describe("a leader that was killed and wakes up", () => {
  test("sends a tail from the earliest record all that was acknowledged", async () => {
    const place = await killed("woken-tail");
    const path = `${partitionPath(place)}/records?offset=earliest`;
    const socket = new WebSocket(`${service.url.replace("http", "ws")}${path}`);
    const offsets: number[] = [];
    socket.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { offset: number }[] | object;
      if (Array.isArray(message)) offsets.push(...message.map(({ offset }) => offset));
    });
    await until(
      () => offsets.length >= RECORDS,
      WAIT_MS,
      () => `records ${offsets.join()}`,
    );
    socket.terminate();
    expect(offsets).toEqual([0, 1, 2]);
  });

  test("tells committed readers the end over the wire, and HTTP the same", async () => {
    const place = await killed("woken-ends");
    expect(await latestOverWire(place.topic)).toBe(RECORDS);
    expect((await endsOf(client, place.topic, 0)).latest_offset).toBe(RECORDS);
  });

  test.each([String(RECORDS), "latest"])("deletes records before %s", async (before) => {
    const place = await killed(`woken-delete-${before}`);
    const path = `${partitionPath(place)}/records?before=${before}`;
    const answer = await client.ask(path, { method: "DELETE" });
    expect(answer.status, answer.text).toBe(200);
    const { earliest_offset, latest_offset } = await endsOf(client, place.topic, 0);
    expect([earliest_offset, latest_offset]).toEqual([RECORDS, RECORDS]);
  });
});
