/**
 * Proves what happens on a disk that is really full, a small one in memory: appends are refused as retriable and
 * `/healthz` reports it, acknowledged records can be read meanwhile and are there after kill -9, and appends succeed
 * again once there is room. Needs the right to mount; without it, the run says so and leaves the test out.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { recordsFrom } from "../../src/records/index.ts";
import { partitionPath, type Place } from "./support/brokers.ts";
import { Client, createTopic, eventually, rawPages, type Answer } from "./support/client.ts";
import { startService, type Service } from "./support/service.ts";

const DISK_MB = 64;
/** Room that is made when it is full: for what is appended afterwards, and its write-ahead logs. */
const FILLER_BYTES = 24_000_000;
const BATCH_RECORDS = 100;
const VALUE_LENGTH = 9_000;
/** The disk holds fewer. */
const BATCHES_MAX = 100;
const REFUSALS = 5;

const PLACE: Place = { topic: "full", partition: 0 };
/** Topics that nobody has used before the disk is full: they are tried then, or only afterwards. */
const IDLE: Place = { topic: "idle", partition: 0 };
const UNTOUCHED: Place = { topic: "untouched", partition: 0 };
const LATER: Place = { topic: "later", partition: 0 };

const folder = mkdtempSync(join(tmpdir(), "odradek-disk-"));
const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MB}m`, "tmpfs", folder]);
const isMounted = mounted.status === 0;
if (!isMounted) {
  console.warn(`LEFT OUT: a full disk. mount: ${mounted.stderr?.toString() ?? mounted.error}`);
}

let service: Service | null = null;

afterAll(async () => {
  await service?.stop();
  if (isMounted) spawnSync("umount", [folder]);
  rmdirSync(folder);
});

const valueOf = (i: number): string => `${i}:`.padEnd(VALUE_LENGTH, "x");

async function append(client: Client, first: number): Promise<Answer> {
  const records = Array.from({ length: BATCH_RECORDS }, (_, i) => ({
    value: { type: "STRING", data: valueOf(first + i) },
  }));
  return client.post(`${partitionPath(PLACE)}/records:batch`, { records });
}

/** Appends one record, which all such appends have in common. */
const appendTo = (client: Client, place: Place): Promise<Answer> =>
  client.post(`${partitionPath(place)}/records:batch`, {
    records: [{ value: { type: "STRING", data: valueOf(0) } }],
  });

/** The partition cannot get its storage. Nothing is lost that it never had, and nobody is told so. */
async function expectNoFirstUse(client: Client, place: Place): Promise<void> {
  const produced = await appendTo(client, place);
  const fetched = await client.ask(`/topics/${place.topic}/partitions/0/records?offset=0`);
  for (const refused of [produced, fetched]) {
    expect(refused.status).toBe(500);
    expect(refused.json()).toMatchObject({ error_code: 50003 });
    expect(refused.text).not.toContain("lost or cannot be opened");
  }
}

/** The partition takes its first record, and it can be read. */
async function expectFirstUse(client: Client, place: Place): Promise<void> {
  const first = await eventually(`a first append to ${place.topic}`, async () => {
    const tried = await appendTo(client, place);
    return tried.status === 200 ? tried : undefined;
  });
  expect(first.json()).toMatchObject({ base_offset: 0 });
  const read = await client.ask(`/topics/${place.topic}/partitions/0/records?offset=0`);
  expect(read.json()).toMatchObject([{ offset: 0, value: valueOf(0) }]);
}

/** What each offset holds, as long as the log is. */
async function valuesIn(client: Client): Promise<string[]> {
  const values: string[] = [];
  for await (const page of rawPages(client, PLACE.topic, PLACE.partition, 0)) {
    for (const record of recordsFrom(page, values.length)) {
      if (!record.ok) throw new Error(record.message);
      values[record.offset] = Buffer.from(record.value!).toString();
    }
  }
  return values;
}

describe.runIf(isMounted)("a full disk", () => {
  test("refuses appends and says so, loses nothing, and goes on once there is room", async () => {
    const filler = join(folder, "filler");
    writeFileSync(filler, Buffer.alloc(FILLER_BYTES));
    service = await startService({ dataDir: join(folder, "data") });
    let client = new Client(service.url);
    await createTopic(client, PLACE.topic);
    await createTopic(client, IDLE.topic);
    await createTopic(client, UNTOUCHED.topic);
    await createTopic(client, LATER.topic);

    /** By offset: what was acknowledged. */
    const acknowledged = new Map<number, string>();
    const take = (answer: Answer, first: number): void => {
      const { base_offset: base } = answer.json<{ base_offset: number }>();
      for (let i = 0; i < BATCH_RECORDS; i++) acknowledged.set(base + i, valueOf(first + i));
    };
    let refusals = 0;
    for (let n = 0; n < BATCHES_MAX && refusals < REFUSALS; n++) {
      const answer = await append(client, n * BATCH_RECORDS);
      if (answer.status === 200) {
        take(answer, n * BATCH_RECORDS);
        continue;
      }
      refusals += 1;
      expect(answer.status).toBe(500);
      expect(answer.json()).toMatchObject({ error_code: 50003 });
      const health = await client.ask("/healthz");
      expect(health.status).toBe(500);
      expect(health.text).toContain("disk full");
    }
    expect(refusals).toBe(REFUSALS);
    expect(acknowledged.size).toBeGreaterThan(BATCH_RECORDS);

    await expectNoFirstUse(client, IDLE);

    const expectAll = async (): Promise<void> => {
      const found = await valuesIn(client);
      for (const [offset, value] of acknowledged) expect(found[offset] === value).toBe(true);
    };
    await expectAll();

    await service.kill();
    await client.close();
    rmSync(filler);
    await service.restart();
    client = new Client(service.url);
    await expectAll();
    const later = BATCHES_MAX * BATCH_RECORDS;
    const answer = await eventually("an append", async () => {
      const tried = await append(client, later);
      return tried.status === 200 ? tried : undefined;
    });
    take(answer, later);
    await expectAll();
    for (const place of [IDLE, UNTOUCHED]) await expectFirstUse(client, place);
    expect((await client.ask("/healthz")).status).toBe(200);
    await client.close();
  });

  test("goes on without a restart as well", async () => {
    const running = service!;
    const client = new Client(running.url);
    const filler = join(folder, "filler");
    // Whatever is left: a file is as long as there was room.
    try {
      writeFileSync(filler, Buffer.alloc(DISK_MB * 1_000_000));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
    }
    await eventually("a refusal", async () => {
      const refused = await append(client, 0);
      return refused.status === 500 || undefined;
    });
    await expectNoFirstUse(client, LATER);
    expect((await client.ask("/healthz")).status).toBe(500);
    rmSync(filler);
    await eventually(
      "an append",
      async () => (await append(client, 0)).status === 200 || undefined,
    );
    await expectFirstUse(client, LATER);
    expect((await client.ask("/healthz")).status).toBe(200);
    await client.close();
  });
});
