/**
 * A consumer of a group as a process of its own, so that it can be killed: polls, writes down what it has
 * processed, commits, and goes on through whatever happens to the service.
 *
 * Arguments: url, group, instance, topic, file. A line of the file is `partition offset value` for a record
 * that was processed, and `committed partition offset` (the next one) when a commit was acknowledged.
 */
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, type Answer, type Asked } from "./client.ts";

interface GotRecord {
  readonly partition: number;
  readonly offset: number;
  readonly value: number;
}

const [url, group, instance, topic, file] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
const client = new Client(url, 4);
const path = `/consumers/${group}/instances/${instance}`;
const RETRY_MS = 100;

/** Null where no answer came. */
async function ask(route: string, asked: Asked): Promise<Answer | null> {
  try {
    return await client.ask(route, asked);
  } catch {
    await sleep(RETRY_MS);
    return null;
  }
}

const post = (route: string, body: unknown): Promise<Answer | null> =>
  ask(route, {
    method: "POST",
    headers: { "content-type": "application/vnd.kafka.v2+json" },
    body: JSON.stringify(body),
  });

async function enter(): Promise<void> {
  const settings = {
    name: instance,
    format: "json",
    "auto.offset.reset": "earliest",
    "auto.commit.enable": "false",
    "session.timeout.ms": "3000",
  };
  for (;;) {
    const created = await post(`/consumers/${group}`, settings);
    // 409: it exists already, from a try whose answer was lost.
    if (created?.status !== 200 && created?.status !== 409) continue;
    const subscribed = await post(`${path}/subscription`, { topics: [topic] });
    if (subscribed?.status === 204) return;
  }
}

async function commit(records: readonly GotRecord[], generation: string): Promise<void> {
  const last = new Map(records.map(({ partition, offset }) => [partition, offset]));
  const offsets = [...last].map(([partition, offset]) => ({ topic, partition, offset }));
  const answer = await post(`${path}/offsets?generation=${generation}`, { offsets });
  if (answer === null || answer.status >= 300) return;
  const lines = [...last].map(([partition, offset]) => `committed ${partition} ${offset + 1}\n`);
  appendFileSync(file, lines.join(""));
}

let received = "";
await enter();
process.stdout.write("ready\n");
for (;;) {
  const answer = await ask(`${path}/records?timeout=1000&max_bytes=20000`, {
    headers: { accept: "application/vnd.kafka.json.v2+json", "last-poll-id": received },
  });
  if (answer?.status === 404) {
    received = "";
    await enter();
    continue;
  }
  if (answer?.status !== 200) {
    await sleep(RETRY_MS);
    continue;
  }
  received = answer.header("x-poll-id") ?? "";
  const records = answer.json<GotRecord[]>();
  if (records.length === 0) continue;
  const lines = records.map(({ partition, offset, value }) => `${partition} ${offset} ${value}\n`);
  appendFileSync(file, lines.join(""));
  await commit(records, answer.header("x-generation") ?? "");
}
