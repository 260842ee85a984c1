/**
 * Reads a partition to its end: its records, and the bytes of each of its replicas, which are selected by the rack of
 * their broker.
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { asked, type Target } from "./api.ts";
import type { Broker } from "./cluster.ts";
import type { ProducedRecord } from "./produced-record.ts";

const RECORD_BATCHES = "application/vnd.kafka.recordbatch.v2";
const JSON_TYPE = "application/json";
/** How long to wait for a replica that does not know yet how far the log is committed. */
const PATIENCE_MS = 15_000;
const WAIT_MS = 1_000;
const PAUSE_MS = 50;

interface Read {
  readonly offset: number;
  readonly value: ProducedRecord;
}

export interface Copy {
  readonly bytes: number;
  /** Of all record batches, in order. */
  readonly sha256: string;
}

/** Every record of the partition below `end`, wherever it is read from. */
export async function* recordsOf(
  target: Target,
  partition: number,
  end: number,
): AsyncGenerator<Read> {
  for (let offset = 0; offset < end;) {
    const answer = await page(target, partition, offset, JSON_TYPE, "");
    yield* (await answer.json()) as Read[];
    offset = nextOffset(answer, offset, partition);
  }
}

/** The copy of one broker. Throws where another replica answers in its place every time. */
export async function copyOf(
  target: Target,
  partition: number,
  end: number,
  { brokerId, rack }: Broker,
): Promise<Copy> {
  const hash = createHash("sha256");
  let bytes = 0;
  let untilMs = performance.now() + PATIENCE_MS;
  for (let offset = 0; offset < end;) {
    const answer = await page(target, partition, offset, RECORD_BATCHES, rack);
    const batches = new Uint8Array(await answer.arrayBuffer());
    const isItsOwn = answer.headers.get("x-odradek-replica") === String(brokerId);
    if (isItsOwn && batches.byteLength > 0) {
      hash.update(batches);
      bytes += batches.byteLength;
      offset = nextOffset(answer, offset, partition);
      untilMs = performance.now() + PATIENCE_MS;
    } else if (performance.now() < untilMs) {
      await sleep(PAUSE_MS);
    } else {
      throw new Error(`The replica of partition ${partition} on broker ${brokerId} is not read.`);
    }
  }
  return { bytes, sha256: hash.digest("hex") };
}

async function page(
  { url, headers, topic }: Target,
  partition: number,
  offset: number,
  accept: string,
  rack: string,
): Promise<Response> {
  const query = new URLSearchParams({ offset: String(offset), timeout: String(WAIT_MS) });
  if (rack !== "") query.set("client.rack", rack);
  const path = `${url}/topics/${topic}/partitions/${partition}/records?${query}`;
  return asked(await fetch(path, { headers: { ...headers, accept } }));
}

function nextOffset(answer: Response, offset: number, partition: number): number {
  const next = Number(answer.headers.get("x-next-offset"));
  if (next > offset) return next;
  throw new Error(`Partition ${partition} ends at offset ${offset}, before its end.`);
}
