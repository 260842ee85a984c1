/**
 * A group under many faults at once: its consumers are processes, one is killed and one is added, and the service
 * itself is killed and started again. What was processed is what was produced.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Client } from "./support/client.ts";
import { until } from "./support/processes.ts";
import { startService, type Service } from "./support/service.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const NODE = join(ROOT, "node_modules/.bin/node");
const CONSUMER = join(import.meta.dirname, "support/group-consumer.ts");
const TOPIC = "flights";
const GROUP = "billing";
const PARTITIONS = 6;
const RECORDS = 50_000;
const BATCH = 500;
const WAIT_MS = 120_000;

let service: Service;
let client: Client;
let folder: string;
const consumers = new Map<string, ChildProcess>();

/** A port that was free a moment ago: the consumers must find the service again behind it. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "odradek-group-"));
  service = await startService({ env: { PORT: String(await freePort()) } });
  client = new Client(service.url);
});

afterAll(async () => {
  for (const child of consumers.values()) child.kill("SIGKILL");
  await service.stop();
  await rm(folder, { recursive: true, force: true });
});

const fileOf = (name: string): string => join(folder, name);

async function start(name: string): Promise<void> {
  const args = [CONSUMER, service.url, GROUP, name, TOPIC, fileOf(name)];
  const child = spawn(NODE, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  consumers.set(name, child);
  let said = "";
  child.stdout!.on("data", (bytes: Buffer) => (said += bytes.toString()));
  await until(
    () => said.includes("ready"),
    WAIT_MS,
    () => `${name} does not begin`,
  );
}

interface Line {
  readonly partition: number;
  readonly offset: number;
  readonly value: number;
}

interface History {
  /** In the order in which this consumer has processed them. */
  readonly processed: readonly Line[];
  readonly commits: number;
}

function historyOf(name: string): History {
  const text = existsSync(fileOf(name)) ? readFileSync(fileOf(name), "utf8") : "";
  // A consumer that was killed may have left half a line.
  const lines = text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter(Boolean);
  const processed = lines
    .filter((line) => !line.startsWith("committed"))
    .map((line) => line.split(" ").map(Number))
    .map(([partition, offset, value]) => ({
      partition: partition!,
      offset: offset!,
      value: value!,
    }));
  return { processed, commits: lines.length - processed.length };
}

const key = ({ partition, offset }: { partition: number; offset: number }): string =>
  `${partition}/${offset}`;

function seenBy(names: Iterable<string>): Map<string, number> {
  const seen = new Map<string, number>();
  for (const name of names) {
    for (const line of historyOf(name).processed) seen.set(key(line), line.value);
  }
  return seen;
}

/** Idempotent, so that a batch whose answer the crash has taken can be sent again. */
async function produce(from: number, produced: Map<string, number>): Promise<void> {
  const partition = Math.floor(from / BATCH) % PARTITIONS;
  const sequence = Math.floor(from / (BATCH * PARTITIONS)) * BATCH;
  const records = Array.from({ length: BATCH }, (_, n) => ({
    value: { type: "JSON", data: from + n },
  }));
  const asked = {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "producer-id": String(producerId),
      "producer-epoch": "0",
      "producer-seq": String(sequence),
    },
    body: JSON.stringify({ records }),
  };
  const path = `/v3/clusters/odradek/topics/${TOPIC}/partitions/${partition}/records:batch`;
  for (;;) {
    const answer = await client.ask(path, asked).catch(() => null);
    if (answer?.status === 200) {
      const { base_offset: base } = answer.json<{ base_offset: number }>();
      for (let n = 0; n < BATCH; n++) produced.set(`${partition}/${base + n}`, from + n);
      return;
    }
    if (answer !== null && answer.status < 500 && answer.status !== 429)
      throw new Error(answer.text);
    await new Promise((done) => setTimeout(done, 50));
  }
}

let producerId = -1;

interface Lag {
  readonly partition_id: number;
  readonly current_offset: number | null;
  readonly log_end_offset: number;
  readonly lag: number;
}

async function lags(): Promise<Lag[]> {
  const answer = await client.ask(`/v3/clusters/odradek/consumer-groups/${GROUP}/lags`);
  expect([answer.status, answer.status === 200 ? "" : answer.text]).toEqual([200, ""]);
  return answer.json<{ data: Lag[] }>().data;
}

test("50,000 records, three consumers, one killed, one added, the service killed once", async () => {
  const created = await client.ask("/v3/clusters/odradek/topics", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ topic_name: TOPIC, partitions_count: PARTITIONS }),
  });
  expect(created.status).toBe(201);
  const id = await client.ask("/v3/clusters/odradek/producer-ids", { method: "POST" });
  producerId = id.json<{ producer_id: number }>().producer_id;
  for (const name of ["one", "two", "three"]) await start(name);

  const produced = new Map<string, number>();
  const producing = (async () => {
    for (let from = 0; from < RECORDS; from += BATCH) {
      await produce(from, produced);
      if (from === RECORDS * 0.3) consumers.get("two")!.kill("SIGKILL");
      if (from === RECORDS * 0.5) await start("four");
      if (from === RECORDS * 0.7) {
        await service.kill();
        await service.restart();
      }
    }
  })();
  await producing;
  expect(produced.size).toBe(RECORDS);

  const names = ["one", "two", "three", "four"];
  await until(
    () => seenBy(names).size >= RECORDS,
    WAIT_MS,
    () => `processed ${seenBy(names).size} of ${RECORDS}`,
  );
  const histories = names.map((name) => historyOf(name));
  // Processed = produced, each at its offset and with its value.
  expect(new Map([...seenBy(names)].toSorted())).toEqual(new Map([...produced].toSorted()));

  // Order per partition: a consumer goes back only to where somebody had committed, and never skips.
  let repeats = 0;
  for (const { processed } of histories) {
    const last = new Map<number, number>();
    for (const { partition, offset } of processed) {
      const before = last.get(partition);
      if (before !== undefined && offset <= before) repeats += 1;
      last.set(partition, offset);
    }
  }
  const total = histories.reduce((sum, { processed }) => sum + processed.length, 0);
  const commits = histories.reduce((sum, history) => sum + history.commits, 0);
  const duplicates = total - RECORDS;
  process.stdout.write(
    `group run: ${RECORDS} produced, ${total} processed, ${duplicates} twice (${repeats} by the same consumer), ${commits} commits\n`,
  );
  // Only the records between a last commit and a crash: three crashes and a move, each of a few answers.
  expect(duplicates).toBeLessThan(RECORDS / 10);

  // Lag, current offset and end agree with the count, while the consumers run …
  const ends = new Map<number, number>();
  for (const at of produced.keys()) {
    const [partition, offset] = at.split("/").map(Number);
    ends.set(partition!, Math.max(ends.get(partition!) ?? 0, offset! + 1));
  }
  const expected = [...ends]
    .map(([partition_id, end]) => ({
      partition_id,
      current_offset: end,
      log_end_offset: end,
      lag: 0,
    }))
    .toSorted((a, b) => a.partition_id - b.partition_id);
  const found = async (): Promise<unknown> =>
    (await lags())
      .map(({ partition_id, current_offset, log_end_offset, lag }) => ({
        ...{ partition_id, current_offset, log_end_offset, lag },
      }))
      .toSorted((a, b) => a.partition_id - b.partition_id);
  await until(
    async () => JSON.stringify(await found()) === JSON.stringify(expected),
    WAIT_MS,
    () => "the lag does not fall to zero",
  );

  // … and after they are gone, when only the log goes on.
  for (const child of consumers.values()) child.kill("SIGKILL");
  await until(
    async () => {
      const answer = await client.ask(`/v3/clusters/odradek/consumer-groups/${GROUP}`);
      return answer.json<{ state: string }>().state.toUpperCase() === "EMPTY";
    },
    WAIT_MS,
    () => "the group does not become empty",
  );
  await produce(RECORDS, produced);
  const first = expected.find(
    ({ partition_id }) => partition_id === Math.floor(RECORDS / BATCH) % PARTITIONS,
  )!;
  const later = expected.map((one) =>
    one === first ? { ...one, log_end_offset: one.log_end_offset + BATCH, lag: BATCH } : one,
  );
  expect(await found()).toEqual(later);
});
