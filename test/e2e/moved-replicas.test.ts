/**
 * Proves that the objects of removed replicas hold no storage: those of a partition that has moved to another broker
 * and of a deleted topic, also where everything was killed in the middle. Looks into the databases that the service
 * keeps.
 */
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  metric,
  partitionPath,
  reassign,
  registerBroker,
  settled,
  type Place,
} from "./support/brokers.ts";
import { Client, createTopic, eventually, topicPath } from "./support/client.ts";
import { startService, type Service } from "./support/service.ts";

const PARTITIONS = 5;

let service: Service;
let client: Client;

beforeAll(async () => {
  service = await startService();
  client = new Client(service.url);
  await registerBroker(client, 4, "oc");
});

afterAll(async () => {
  await client.close();
  await service.stop();
});

async function killAndRestart(): Promise<void> {
  await service.kill();
  await service.restart();
  await client.close();
  client = new Client(service.url);
}

/** Creates a topic of three replicas whose records all say `marker`. */
async function fill(topic: string, marker: string): Promise<readonly Place[]> {
  await createTopic(client, topic, { partitions: PARTITIONS, replicas: 3 });
  const places = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }));
  const texts = [marker, "x".repeat(50_000), marker];
  const records = texts.map((data) => ({ value: { type: "STRING", data } }));
  for (const place of places) {
    const answer = await client.post(`${partitionPath(place)}/records:batch`, { records });
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  }
  return places;
}

/** Objects in whose databases a text occurs: a database is a file or several, of one name. */
function objectsWith(text: string): number {
  const files = readdirSync(service.dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => readOrEmpty(file).includes(text));
  return new Set(files.map((file) => basename(file).split(".")[0])).size;
}

function readOrEmpty(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    // Ended between the two looks.
    return Buffer.alloc(0);
  }
}

const swept = (): Promise<true> =>
  eventually("the end of all purges", async () =>
    (await metric(client, "odradek_pending_purges")) === 0 ? true : undefined,
  );

const moveAll = (places: readonly Place[], brokerIds: readonly number[]): Promise<unknown> =>
  Promise.all(places.map((place) => reassign(client, place, brokerIds)));

const settledAll = (places: readonly Place[], brokerIds: readonly number[]): Promise<unknown> =>
  Promise.all(places.map((place) => settled(client, place, brokerIds)));

const deleteTopic = async (topic: string): Promise<void> =>
  expect((await client.ask(topicPath(topic), { method: "DELETE" })).status).toBe(204);

describe("the storage of a replica that was moved away", () => {
  test("is gone once the move has ended", async () => {
    const marker = `moved ${randomUUID()}`;
    const places = await fill("moved", marker);
    expect(objectsWith(marker)).toBe(3 * PARTITIONS);
    await moveAll(places, [4]);
    await settledAll(places, [4]);
    await swept();
    expect(objectsWith(marker)).toBe(PARTITIONS);
  });

  test("is gone also when everything was killed in the middle of the move", async () => {
    const marker = `cut ${randomUUID()}`;
    const places = await fill("cut", marker);
    await moveAll(places, [4, 1]);
    await killAndRestart();
    await settledAll(places, [4, 1]);
    await swept();
    expect(objectsWith(marker)).toBe(2 * PARTITIONS);
  });
});

describe("the storage of all replicas of a deleted topic", () => {
  test("is gone", async () => {
    const marker = `deleted ${randomUUID()}`;
    await fill("deleted", marker);
    expect(objectsWith(marker)).toBe(3 * PARTITIONS);
    await deleteTopic("deleted");
    await swept();
    expect(objectsWith(marker)).toBe(0);
  });

  test("is gone also when everything was killed in the middle of a move and of the sweep", async () => {
    const marker = `ended ${randomUUID()}`;
    const places = await fill("ended", marker);
    await moveAll(places, [4, 2]);
    await deleteTopic("ended");
    await killAndRestart();
    await swept();
    expect(objectsWith(marker)).toBe(0);
  });
});
