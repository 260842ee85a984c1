/** What the tests of the record routes share: the application as one request sees it, and topics to use up. */
import { env as bindings } from "cloudflare:workers";
import type { Env } from "../../src/objects/runtime/env.ts";
import { app } from "../../src/worker/app.ts";

const env = { ...(bindings as unknown as Env), OPEN_ON_LOOPBACK: "true" } as Env;
const autoCreating = { ...env, AUTO_CREATE_TOPICS_ENABLE: "true" } as Env;

export const ORIGIN = "http://localhost:8787";
export const CLUSTER = "/v3/clusters/odradek";
const JSON_TYPE = "application/json";
export const BATCH_TYPE = "application/vnd.kafka.recordbatch.v2";

interface CallOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyInit;
  readonly autoCreate?: true;
}

/** One request, answered by the whole application. */
export async function call(path: string, options: CallOptions = {}): Promise<Response> {
  const { autoCreate, ...init } = options;
  const request = new Request(ORIGIN + path, init);
  return app.fetch(request, autoCreate ? autoCreating : env);
}

let topics = 0;

/** A new topic's name. */
export async function newTopic(
  partitions = 1,
  configs: Readonly<Record<string, string>> = {},
  replicas = 1,
): Promise<string> {
  topics += 1;
  const topic = `topic-${topics}`;
  const response = await post(`${CLUSTER}/topics`, {
    topic_name: topic,
    partitions_count: partitions,
    replication_factor: replicas,
    configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
  });
  if (response.status !== 201) throw new Error(await response.text());
  return topic;
}

export function post(
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const text = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
  return call(path, {
    method: "POST",
    body: text as BodyInit,
    headers: { "content-type": JSON_TYPE, ...headers },
  });
}

/** Takes the broker of a partition's leader out of service while `work` runs. */
export async function whileLeaderIsFenced(
  topic: string,
  work: () => Promise<unknown>,
): Promise<void> {
  const partition = await call(`/topics/${topic}/partitions/0`);
  const { leader } = await partition.json<{ leader: number }>();
  const change = async (verb: string): Promise<void> => {
    const changed = await call(`${CLUSTER}/brokers/${leader}:${verb}`, { method: "POST" });
    if (changed.status !== 200) throw new Error(await changed.text());
  };
  await change("fence");
  try {
    await work();
  } finally {
    await change("unfence");
  }
}

export const recordsPath = (topic: string): string => `${CLUSTER}/topics/${topic}/records`;
export const partitionPath = (topic: string, partition = 0): string =>
  `${CLUSTER}/topics/${topic}/partitions/${partition}/records`;

/** The idempotence headers. */
export const producer = (id: number, sequence: number, epoch = 0): Record<string, string> => ({
  "producer-id": String(id),
  "producer-epoch": String(epoch),
  "producer-seq": String(sequence),
});

/** Delivery reports, one a line. */
export async function reports(response: Response): Promise<Record<string, unknown>[]> {
  const text = await response.text();
  return text
    .trim()
    .split("\r\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A record as a page of JSON gives it. */
export interface ReadRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: unknown;
  readonly key_encoding?: string;
  readonly value: unknown;
  readonly value_encoding?: string;
  readonly headers: readonly { readonly name: string; readonly value: string | null }[];
}

/** Everything in a partition. */
export async function readAll(
  topic: string,
  partition = 0,
  accept = JSON_TYPE,
): Promise<ReadRecord[]> {
  const records: ReadRecord[] = [];
  for (let offset = "earliest"; ;) {
    const response = await call(`${partitionPath(topic, partition)}?offset=${offset}`, {
      headers: { accept },
    });
    if (response.status !== 200) throw new Error(await response.text());
    const page = await response.json<ReadRecord[]>();
    if (page.length === 0) return records;
    records.push(...page);
    offset = response.headers.get("x-next-offset")!;
  }
}

/** Expects an error of the table. */
export async function errorOf(
  response: Response,
): Promise<{ status: number; code: number; message: string }> {
  const { error_code: code, message } = await response.json<{
    error_code: number;
    message: string;
  }>();
  return { status: response.status, code, message };
}
