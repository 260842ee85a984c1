/**
 * Proves that no request, however wrong, is answered by anything but the error table: no 500, no
 * hang, no changed log. Random and mutated requests (support/fuzz-requests.ts) meet the running
 * service; what they were told they had written is what the logs hold afterwards, no more and no less.
 *
 * ODRADEK_FUZZ_SEED gives another seed; a failing request is told with its seed and number.
 */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ERRORS } from "../../src/base/errors.ts";
import { Client, createTopic, endsOf, rawPages, topicPath, type Answer } from "./support/client.ts";
import { asJson, recordsOf } from "./support/content.ts";
import { fuzzRequest, type FuzzRequest } from "./support/fuzz-requests.ts";
import { startService, type Service } from "./support/service.ts";
import { scaled } from "../support/scale.ts";

const SEED = Number(process.env["ODRADEK_FUZZ_SEED"] ?? 20_261_101);
const REQUESTS = scaled({ short: 2_000, long: 10_000 });
const AT_ONCE = 8;
const DEADLINE_MS = 15_000;

const run = Date.now().toString(36);
const SENTINEL = `sentinel-${run}`;
const names = { topic: `target-${run}`, scratch: `scratch-${run}-` };
const PARTITIONS = 3;

/** `status error_code` of every row of the table. */
const DOCUMENTED = new Set(Object.values(ERRORS).map(({ http, rest }) => `${http} ${rest}`));
const DOCUMENTED_CODES = new Set(Object.values(ERRORS).map(({ rest }) => rest as number));

let service: Service | null = null;
let client: Client;
let sentinelHash: string;
/** Records that the answers report as written to the target. */
let acknowledged = 0;
const statuses = new Map<number, number>();

beforeAll(async () => {
  const url = process.env["ODRADEK_URL"];
  if (url === undefined) service = await startService();
  client = new Client(url ?? service!.url, AT_ONCE);
  const configs = { "retention.ms": "-1" };
  await createTopic(client, SENTINEL, { partitions: PARTITIONS, configs });
  await createTopic(client, names.topic, { partitions: PARTITIONS, configs });
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (const topic of [SENTINEL, names.topic]) {
      const records = recordsOf(partition, 0, 200).map(asJson);
      const path = `${topicPath(topic)}/partitions/${partition}/records:batch`;
      expect((await client.post(path, { records })).status).toBe(200);
    }
  }
  acknowledged = PARTITIONS * 200;
  sentinelHash = await hashOf(SENTINEL);
});

afterAll(async () => {
  await client.close();
  await service?.stop();
});

/** Over every byte and the ends of every partition. */
async function hashOf(topic: string): Promise<string> {
  const hash = createHash("sha256");
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const { earliest_offset: earliest, latest_offset: latest } = await endsOf(
      client,
      topic,
      partition,
    );
    hash.update(`${earliest} ${latest}\n`);
    for await (const page of rawPages(client, topic, partition, earliest)) hash.update(page);
  }
  return hash.digest("hex");
}

function shown(i: number, { method, path, headers, body }: FuzzRequest): string {
  const content = body === undefined ? "" : Buffer.from(body.subarray(0, 400)).toString("latin1");
  return `seed ${SEED}, request ${i}: ${method} ${path} ${JSON.stringify(headers)} ${JSON.stringify(content)}`;
}

interface Written {
  readonly base_offset?: number;
  readonly last_offset?: number;
  readonly duplicate?: boolean;
  readonly offsets?: readonly PerRecord[];
  readonly successes?: readonly PerRecord[];
  readonly failures?: readonly PerRecord[];
}

interface PerRecord {
  readonly offset?: number | null;
  readonly error_code?: number | null;
  readonly duplicate?: boolean;
}

function documentsOf(text: string): unknown[] {
  const lines = text.split("\r\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as unknown);
}

/** The number of records that a successful answer reports as written; throws for an undocumented failure in it. */
function countWritten(answer: Answer): number {
  const type = answer.header("content-type") ?? "";
  if (!type.includes("json") || answer.bytes.length === 0) return 0;
  let written = 0;
  for (const document of documentsOf(answer.text) as Written[]) {
    if (document.base_offset !== undefined) {
      if (!document.duplicate) written += document.last_offset! - document.base_offset + 1;
      continue;
    }
    const reports = document.offsets ?? [
      ...(document.successes ?? []),
      ...(document.failures ?? []),
      ...("error_code" in document ? [document as PerRecord] : []),
    ];
    for (const { offset, error_code: code, duplicate } of reports) {
      if (offset !== undefined && offset !== null) written += duplicate ? 0 : 1;
      else if (!DOCUMENTED_CODES.has(code!)) throw new Error(`undocumented error_code ${code}`);
    }
  }
  return written;
}

function judge(method: string, answer: Answer): string | null {
  const { status } = answer;
  if (status < 400) return null;
  if (status >= 500) return `a status of ${status}`;
  if (method === "HEAD") return null;
  let body: { error_code?: unknown; message?: unknown };
  try {
    body = answer.json();
  } catch {
    return `${status} with a body that is not JSON`;
  }
  if (!DOCUMENTED.has(`${status} ${String(body.error_code)}`)) return "an undocumented error";
  if (typeof body.message !== "string" || body.message === "") return "an error without a message";
  return null;
}

async function fire(i: number): Promise<void> {
  const asked = fuzzRequest(SEED, i, names);
  let answer: Answer;
  try {
    answer = await client.ask(asked.path, { ...asked, deadlineMs: DEADLINE_MS });
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${shown(i, asked)}`, { cause: error });
  }
  statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
  const wrong = judge(asked.method, answer);
  if (wrong !== null)
    throw new Error(`${wrong}: ${answer.status} ${answer.text.slice(0, 300)}\n${shown(i, asked)}`);
  if (asked.method !== "POST" || !asked.path.includes(names.topic) || answer.status >= 300) return;
  try {
    acknowledged += countWritten(answer);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${shown(i, asked)}`, { cause: error });
  }
}

describe(`${REQUESTS} wrong requests (seed ${SEED})`, () => {
  test("get documented answers, each within its deadline", async () => {
    let next = 0;
    const failures: string[] = [];
    const worker = async (): Promise<void> => {
      for (let i = next++; i < REQUESTS && failures.length < 20; i = next++) {
        await fire(i).catch((error: unknown) => failures.push((error as Error).message));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    expect(failures.join("\n\n")).toBe("");
  });

  test("were wrong in many ways, and right now and then", () => {
    for (const status of [200, 400, 404, 405, 406, 413, 415, 416, 422]) {
      expect([status, (statuses.get(status) ?? 0) > 0]).toEqual([status, true]);
    }
  });

  test("wrote exactly what they were told they had written", async () => {
    let held = 0;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      held += (await endsOf(client, names.topic, partition)).latest_offset;
    }
    expect(held).toBe(acknowledged);
  });

  test("left every byte of a neighbouring topic as it was", async () => {
    expect(await hashOf(SENTINEL)).toBe(sentinelHash);
  });

  test("left a service that serves", async () => {
    const record = { value: { type: "STRING", data: "still here" } };
    const path = `${topicPath(names.topic)}/partitions/0/records:batch`;
    const offset = (await client.post(path, { records: [record] })).json<Record<string, number>>();
    const read = await client.get<{ value: string }[]>(
      `/topics/${names.topic}/partitions/0/records?offset=${offset["base_offset"]}`,
    );
    expect(read.map(({ value }) => value)).toEqual(["still here"]);
  });
});
