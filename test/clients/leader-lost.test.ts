/**
 * Proves that real idempotent producers recover by themselves when leaders are lost, and when the whole service is
 * killed: nothing lost, nothing twice, the order of every partition kept.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import { changeBroker, partitionOf } from "../e2e/support/brokers.ts";
import { Client, eventually } from "../e2e/support/client.ts";
import { startService, type Service } from "../e2e/support/service.ts";
import { clientNamed, type ClientProgram } from "./support/clients.ts";
import { Driver } from "./support/driver.ts";
import { text } from "./features/run.ts";
import { fetchOverHttp, newTopic } from "./support/http.ts";

const PARTITIONS = 4;
const STREAM = { partitions: PARTITIONS, count: 4_000, perSecond: 500 };
const FENCES = 6;
/** On a busy machine the stream is over before six leaders are lost one after the other. */
const FENCES_MIN = 2;

const producers = [
  "kafkajs",
  "confluent-kafka",
  "kafka-clients (Java)",
  "@platformatic/kafka",
].flatMap((name) => clientNamed(name) ?? []);

interface Scene {
  readonly service: Service;
  readonly http: Client;
  readonly driver: Driver;
}

async function scene(client: ClientProgram, topic: string, replicas: number): Promise<Scene> {
  // The same ports again after a restart: that is where the client looks.
  const first = await startService();
  const [, kafkaPort] = first.kafka.split(":");
  const { port } = new URL(first.url);
  await first.stop();
  const service = await startService({ env: { PORT: port, KAFKA_PORT: kafkaPort! } });
  const http = new Client(service.url);
  const driver = await Driver.start(client, { bootstrap: service.kafka, key: null });
  onTestFinished(async () => {
    await driver.kill();
    await http.close();
    await service.stop();
  });
  await newTopic(http, topic, PARTITIONS, replicas);
  return { service, http, driver };
}

async function expectEachOnceInOrder(http: Client, topic: string): Promise<void> {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const values: string[] = [];
    for (;;) {
      const page = await fetchOverHttp(http, topic, partition, values.length);
      if (page.length === 0) break;
      values.push(...page.map(({ value }) => text(value)));
    }
    const expected: string[] = [];
    for (let n = partition; n < STREAM.count; n += PARTITIONS) expected.push(String(n));
    expect(values).toEqual(expected);
  }
}

describe.each(producers)("$name", (client) => {
  test("goes on when leaders are lost", async () => {
    const topic = "leaders-lost";
    const { http, driver } = await scene(client, topic, 3);
    const streaming = driver.ask("stream", { topic, ...STREAM });
    const leaders = new Set<number | null>();
    let turn = 0;
    for (; turn < FENCES; turn++) {
      const before = driver.acknowledged;
      await driver.until(
        "more is acknowledged",
        ({ acknowledged }) => acknowledged > before || acknowledged >= STREAM.count,
      );
      if (driver.acknowledged >= STREAM.count) break;
      const place = { topic, partition: turn % PARTITIONS };
      const { leader_id: leader } = await partitionOf(http, place);
      leaders.add(leader);
      await changeBroker(http, leader!, "fence");
      await eventually("another leads", async () => {
        const { leader_id: now } = await partitionOf(http, place);
        return now !== leader && now !== null ? true : undefined;
      });
      await changeBroker(http, leader!, "unfence");
    }
    expect(await streaming).toMatchObject({ failed: 0 });
    expect(turn).toBeGreaterThanOrEqual(FENCES_MIN);
    expect(leaders.size).toBeGreaterThan(1);
    await expectEachOnceInOrder(http, topic);
  });

  test("goes on when the service is killed and comes back", async () => {
    const topic = "service-killed";
    const { service, http, driver } = await scene(client, topic, 1);
    const streaming = driver.ask("stream", { topic, ...STREAM });
    for (let turn = 0; turn < 2; turn++) {
      const before = driver.acknowledged;
      await driver.until("more is acknowledged", ({ acknowledged }) => acknowledged > before);
      await service.kill();
      await service.restart();
    }
    expect(await streaming).toMatchObject({ failed: 0 });
    await expectEachOnceInOrder(http, topic);
  });
});
