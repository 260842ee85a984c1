/**
 * Proves that a deleted topic is gone: created again under its name it shows no old record, and its objects hold no
 * storage after the sweep, through a crash too.
 */
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Client, createTopic, endsOf, eventually, topicPath } from "./support/client.ts";
import { startService, type Service } from "./support/service.ts";

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

async function produceTexts(topic: string, partition: number, ...texts: string[]): Promise<number> {
  const records = texts.map((data) => ({ value: { type: "STRING", data } }));
  const path = `${topicPath(topic)}/partitions/${partition}/records:batch`;
  const answer = await client.post(path, { records });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return answer.json<{ base_offset: number }>().base_offset;
}

async function valuesOf(topic: string, partition: number): Promise<unknown[]> {
  const path = `/topics/${topic}/partitions/${partition}/records?offset=earliest`;
  const headers = { accept: "application/vnd.kafka.string.v2+json" };
  const answer = await client.ask(path, { headers });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return answer.json<{ value: unknown }[]>().map((record) => record.value);
}

async function deleteTopic(topic: string): Promise<void> {
  expect((await client.ask(topicPath(topic), { method: "DELETE" })).status).toBe(204);
}

/** Files of the data folder in which a text occurs. */
function filesWith(text: string): string[] {
  return readdirSync(service.dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => {
      try {
        return readFileSync(file).includes(text);
      } catch {
        // Ended between the two looks.
        return false;
      }
    });
}

const pendingPurges = async (): Promise<number> =>
  Number(/^odradek_pending_purges (\d+)$/m.exec((await client.ask("/metrics")).text)?.[1]);

const swept = (): Promise<true> =>
  eventually("the sweep of deleted topics", async () =>
    (await pendingPurges()) === 0 ? true : undefined,
  );

describe("a topic that was deleted and created again", () => {
  test("starts at offset 0 and shows new records only", async () => {
    const topic = "phoenix";
    await createTopic(client, topic, { partitions: 2 });
    await produceTexts(topic, 0, "old 0", "old 1", "old 2");
    await produceTexts(topic, 1, "old 3");
    expect(await valuesOf(topic, 0)).toEqual(["old 0", "old 1", "old 2"]);

    await deleteTopic(topic);
    expect((await client.ask(topicPath(topic))).json()).toMatchObject({ error_code: 40401 });
    await createTopic(client, topic, { partitions: 2 });

    expect(await endsOf(client, topic, 0)).toMatchObject({ earliest_offset: 0, latest_offset: 0 });
    expect(await valuesOf(topic, 0)).toEqual([]);
    expect(await produceTexts(topic, 0, "new")).toBe(0);
    expect(await valuesOf(topic, 0)).toEqual(["new"]);
    expect(await valuesOf(topic, 1)).toEqual([]);
  });

  test("has another id, and its readers of old offsets are told", async () => {
    const topic = "ids";
    await createTopic(client, topic);
    const first = await client.get(topicPath(topic));
    await produceTexts(topic, 0, "a", "b", "c");
    await deleteTopic(topic);
    await createTopic(client, topic);
    const second = await client.get(topicPath(topic));
    expect(second["topic_id"]).not.toBe(first["topic_id"]);
    const answer = await client.ask(`/topics/${topic}/partitions/0/records?offset=3`);
    expect(answer.status).toBe(416);
    expect(answer.json()).toMatchObject({ error_code: 41601 });
  });
});

describe("the storage of a deleted topic", () => {
  test("holds its records until then", async () => {
    const marker = `kept ${randomUUID()}`;
    await createTopic(client, "kept");
    await produceTexts("kept", 0, marker);
    expect(filesWith(marker).length).toBeGreaterThan(0);
  });

  test("is empty after the sweep", async () => {
    const marker = `gone ${randomUUID()}`;
    await createTopic(client, "gone", { partitions: 3 });
    for (let partition = 0; partition < 3; partition++) {
      await produceTexts("gone", partition, marker, "x".repeat(100_000), marker);
    }
    expect(filesWith(marker)).toHaveLength(3);
    await deleteTopic("gone");
    await swept();
    expect(filesWith(marker)).toEqual([]);
  });

  test("is empty after a sweep that a crash interrupted", async () => {
    const marker = `crashed ${randomUUID()}`;
    const partitions = 20;
    await createTopic(client, "crashed", { partitions });
    for (let partition = 0; partition < partitions; partition++) {
      await produceTexts("crashed", partition, marker);
    }
    await deleteTopic("crashed");
    await service.kill();
    await service.restart();
    await client.close();
    client = new Client(service.url);
    await swept();
    expect(filesWith(marker)).toEqual([]);
    expect((await client.ask(topicPath("crashed"))).status).toBe(404);
  });
});
