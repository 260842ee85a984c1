/**
 * Proves that a partition of 200 MB brings a new replica in sync while 2,000 records/s keep arriving, in bounded memory:
 * the runtime's process, which holds all objects, grows by less than one object may have on the platform (128 MB),
 * whatever the size of the log. What a process holds also depends on when its garbage is collected, which waits for a
 * processor: on a busy machine growth is measured again, of another replica, and the least counts. Memory that the copy
 * itself needs is needed every time.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeBatch } from "../../src/records/index.ts";
import {
  changeBroker,
  partitionOf,
  partitionPath,
  racks,
  reassign,
  settled,
  type Place,
} from "./support/brokers.ts";
import { Client, createTopic, RAW } from "./support/client.ts";
import { logOf } from "./support/live-history.ts";
import { processTree } from "./support/processes.ts";
import { startService, type Service } from "./support/service.ts";

const BACKLOG_BYTES = 200_000_000;
const BACKLOG_BATCH_BYTES = 1_000_000;
const RECORDS_PER_SECOND = 2_000;
const LOAD_BATCH_RECORDS = 50;
const LOAD_RECORD_BYTES = 100;
const IN_SYNC_WAIT_MS = 60_000;
const GROWTH_BYTES_MAX = 128_000_000;
const MEASUREMENTS_MAX = 4;

const PLACE: Place = { topic: "grown", partition: 0 };
const BEFORE = [1, 2];
const AFTER = [1, 2, 3];

let service: Service;
let client: Client;

beforeAll(async () => {
  service = await startService();
  client = new Client(service.url);
  // Brokers that are fenced get no replicas.
  await changeBroker(client, 3, "fence");
  await createTopic(client, PLACE.topic, { replicas: 2, configs: { "retention.ms": "-1" } });
  await changeBroker(client, 3, "unfence");
});

afterAll(async () => {
  await client.close();
  await service.stop();
});

/** Appends a raw batch with acks=all. */
async function append(body: Uint8Array): Promise<void> {
  const path = `${partitionPath(PLACE)}/records:batch`;
  const headers = { "content-type": RAW };
  const answer = await client.ask(path, { method: "POST", headers, body });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
}

function batchOf(records: number, bytes: number): Uint8Array {
  const value = Buffer.alloc(bytes, "odradek");
  const record = { timestamp: Date.now(), key: null, value, headers: [] };
  return encodeBatch(Array.from({ length: records }, () => record));
}

async function fill(): Promise<void> {
  const batch = batchOf(1, BACKLOG_BATCH_BYTES);
  let left = Math.ceil(BACKLOG_BYTES / batch.byteLength);
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await append(batch);
    }
  };
  await Promise.all([lane(), lane()]);
}

/** The runtime: the largest process of the service. */
function runtimePid(): number {
  const pids = processTree(service.pid).filter((pid) => pid !== service.pid);
  return pids.toSorted((a, b) => memoryOf(b).nowBytes - memoryOf(a).nowBytes)[0]!;
}

function memoryOf(pid: number): { readonly nowBytes: number; readonly peakBytes: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1_024;
  return { nowBytes: bytes("VmRSS"), peakBytes: bytes("VmHWM") };
}

/** Load at a steady rate until `work` has ended; answers records and milliseconds. */
async function underLoad(
  work: () => Promise<void>,
): Promise<{ records: number; elapsedMs: number }> {
  const batch = batchOf(LOAD_BATCH_RECORDS, LOAD_RECORD_BYTES);
  const startedMs = performance.now();
  let records = LOAD_BATCH_RECORDS;
  let isOver = false;
  const sent: Promise<void>[] = [append(batch)];
  await sent[0];
  const ended = work().finally(() => (isOver = true));
  while (!isOver) {
    const dueMs = (records / RECORDS_PER_SECOND) * 1_000;
    const waitMs = dueMs - (performance.now() - startedMs);
    if (waitMs > 0) await sleep(waitMs);
    sent.push(append(batch));
    records += LOAD_BATCH_RECORDS;
  }
  await Promise.all([...sent, ended]);
  return { records, elapsedMs: performance.now() - startedMs };
}

/** Adds a replica under load; what the runtime's process held at most meanwhile, beyond what it held before. */
async function growthOfMove(): Promise<number> {
  const pid = runtimePid();
  const before = memoryOf(pid);
  // The kernel's own high-water mark begins anew (proc(5), clear_refs).
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  let inSyncMs = 0;
  const move = async (): Promise<void> => {
    const startedMs = performance.now();
    await reassign(client, PLACE, AFTER);
    await settled(client, PLACE, AFTER, IN_SYNC_WAIT_MS);
    inSyncMs = performance.now() - startedMs;
  };
  const { records, elapsedMs } = await underLoad(move);
  expect(records).toBeGreaterThan(0);
  const { peakBytes } = memoryOf(pid);
  const rate = Math.round((records * 1_000) / elapsedMs);
  const mb = (bytes: number): number => Math.round(bytes / 1e6);
  console.log(
    `in sync after ${Math.round(inSyncMs)} ms while ${records} records arrived (${rate}/s); the runtime held ` +
      `${mb(before.nowBytes)} MB before and ${mb(peakBytes)} MB at most`,
  );
  return peakBytes - before.nowBytes;
}

test("a partition of 200 MB brings a new replica in sync under load, in bounded memory", async () => {
  await fill();
  await settled(client, PLACE, BEFORE);
  let least = await growthOfMove();
  for (let more = 1; least >= GROWTH_BYTES_MAX && more < MEASUREMENTS_MAX; more++) {
    await reassign(client, PLACE, BEFORE);
    await settled(client, PLACE, BEFORE);
    least = Math.min(least, await growthOfMove());
  }
  expect(least).toBeLessThan(GROWTH_BYTES_MAX);
  const { replica_states: states, log_end_offset: end } = await partitionOf(client, PLACE);
  expect(states.map(({ log_end_offset }) => log_end_offset)).toEqual(AFTER.map(() => end));
  const rackOf = await racks(client);
  const last = await logOf(client, PLACE, end!, { id: 3, rack: rackOf.get(3)! });
  const first = await logOf(client, PLACE, end!, { id: 1, rack: rackOf.get(1)! });
  expect(Buffer.concat(last).equals(Buffer.concat(first))).toBe(true);
});
