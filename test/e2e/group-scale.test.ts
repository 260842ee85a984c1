/**
 * Many groups at once on one service, and what is left of them afterwards; groups that share and take over
 * partitions; patterns that include topics created later.
 */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Client, type Answer } from "./support/client.ts";
import { processTree, until } from "./support/processes.ts";
import { startService, type Service } from "./support/service.ts";

const GROUPS = 200;
const MEMBERS = 5;
const RECORDS = 500;
const AT_ONCE = 64;
const WAIT_MS = 60_000;

let service: Service;
let client: Client;

beforeAll(async () => {
  service = await startService();
  client = new Client(service.url, AT_ONCE);
});
afterAll(() => service.stop());

const post = (path: string, body: unknown): Promise<Answer> =>
  client.ask(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

async function ok(call: Promise<Answer>): Promise<Answer> {
  const answer = await call;
  if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`);
  return answer;
}

const topic = (name: string, partitions: number): Promise<Answer> =>
  ok(post("/v3/clusters/odradek/topics", { topic_name: name, partitions_count: partitions }));

const produce = (name: string, values: readonly unknown[], partition?: number): Promise<Answer> =>
  ok(
    post(`/topics/${name}${partition === undefined ? "" : `/partitions/${partition}`}`, {
      records: values.map((value) => ({ value })),
    }),
  );

async function enter(group: string, name: string, subscription: unknown, settings = {}) {
  await ok(post(`/consumers/${group}`, { name, format: "json", ...settings }));
  await ok(post(`/consumers/${group}/instances/${name}/subscription`, subscription));
}

interface Got {
  readonly topic: string;
  readonly partition: number;
  readonly value: unknown;
}

async function poll(group: string, name: string, timeoutMs = 200): Promise<Got[]> {
  const path = `/consumers/${group}/instances/${name}/records?timeout=${timeoutMs}`;
  return (await ok(client.ask(path))).json<Got[]>();
}

async function owned(group: string, name: string): Promise<number> {
  const answer = await ok(client.ask(`/consumers/${group}/instances/${name}/assignments`));
  return answer.json<{ partitions: unknown[] }>().partitions.length;
}

/** All poll until each has as many partitions as it should, in any order. */
async function share(group: string, names: readonly string[], counts: readonly number[]) {
  await until(
    async () => {
      await Promise.all(names.map((name) => poll(group, name)));
      const found = await Promise.all(names.map((name) => owned(group, name)));
      return found.toSorted().join() === counts.toSorted().join();
    },
    WAIT_MS,
    () => `${group} does not share ${counts.join()}`,
  );
}

/** Calls for all items, with at most this many in flight. */
async function each<T>(items: readonly T[], run: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) await run(items[at]!);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function memoryMb(): Promise<number> {
  let kilobytes = 0;
  for (const pid of await processTree(service.pid)) {
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    if (!command.includes("workerd")) continue;
    kilobytes += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);
  }
  return Math.round(kilobytes / 1024);
}

describe("one group", () => {
  const EARLIEST = { "auto.offset.reset": "earliest", "session.timeout.ms": 2_000 };

  test("shares 4 partitions 2 and 2, then takes a third in; of five one is idle; a silent one's move on", async () => {
    await topic("shared", 4);
    for (const name of ["a", "b"]) await enter("sharing", name, { topics: ["shared"] }, EARLIEST);
    await share("sharing", ["a", "b"], [2, 2]);
    await enter("sharing", "c", { topics: ["shared"] }, EARLIEST);
    await share("sharing", ["a", "b", "c"], [1, 1, 2]);
    for (const name of ["d", "e"]) await enter("sharing", name, { topics: ["shared"] }, EARLIEST);
    await share("sharing", ["a", "b", "c", "d", "e"], [0, 1, 1, 1, 1]);
    // Two stop polling; nobody leaves the group.
    await share("sharing", ["a", "b", "c"], [1, 1, 2]);
    const gone = await client.ask("/consumers/sharing/instances/e/records");
    expect([gone.status, gone.json()["error_code"]]).toEqual([404, 40403]);
  });

  test("gets everything once, and so does another (unicast and multicast)", async () => {
    await topic("cast", 3);
    const values = Array.from({ length: 300 }, (_, n) => n);
    const seen = new Map<string, unknown[]>();
    for (const group of ["x", "y"]) {
      for (const name of ["1", "2"]) await enter(group, name, { topics: ["cast"] }, EARLIEST);
      seen.set(group, []);
    }
    for (let from = 0; from < 300; from += 50) await produce("cast", values.slice(from, from + 50));
    await until(
      async () => {
        for (const [group, got] of seen) {
          const pages = await Promise.all(["1", "2"].map((name) => poll(group, name)));
          got.push(...pages.flat().map(({ value }) => value));
        }
        return [...seen.values()].every((got) => new Set(got).size === values.length);
      },
      WAIT_MS,
      () => "a group does not get everything",
    );
    for (const got of seen.values()) {
      expect(got.toSorted((a, b) => Number(a) - Number(b))).toEqual(values);
    }
  });

  test("by pattern picks up topics and partitions that come later, from their first record, even with latest", async () => {
    await topic("logs-a", 1);
    await produce("logs-a", ["before"]);
    await enter("pattern", "p", { topic_pattern: "logs-.*" }, { "auto.offset.reset": "latest" });
    const got: string[] = [];
    const gather = async (): Promise<number> => {
      got.push(...(await poll("pattern", "p")).map(({ value }) => String(value)));
      return got.length;
    };
    await share("pattern", ["p"], [1]);
    await produce("logs-a", ["a0"]);
    await topic("logs-b", 2);
    await produce("logs-b", ["b0"], 0);
    await produce("logs-b", ["b1"], 1);
    await ok(
      client.ask("/v3/clusters/odradek/topics/logs-a", {
        method: "PATCH",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ partitions_count: 2 }),
      }),
    );
    await produce("logs-a", ["a1"], 1);
    await until(
      async () => (await gather()) >= 4,
      WAIT_MS,
      () => `only ${got.join()}`,
    );
    expect(got.toSorted()).toEqual(["a0", "a1", "b0", "b1"]);
  });
});

test(`${GROUPS} groups of ${MEMBERS} at once are all served, and leave nothing`, async () => {
  await topic("wide", MEMBERS);
  for (let from = 0; from < RECORDS; from += 100) {
    await produce(
      "wide",
      Array.from({ length: 100 }, (_, n) => from + n),
    );
  }
  const groups = Array.from({ length: GROUPS }, (_, n) => `wide/${n}`).map(encodeURIComponent);
  const members = groups.flatMap((group) =>
    Array.from({ length: MEMBERS }, (_, n) => ({ group, name: `i${n}` })),
  );
  const before = await memoryMb();
  await each(members, ({ group, name }) =>
    enter(group, name, { topics: ["wide"] }, { "auto.offset.reset": "earliest" }),
  );
  const got = new Map(groups.map((group) => [group, 0]));
  await until(
    async () => {
      const late = members.filter(({ group }) => got.get(group)! < RECORDS);
      await each(late, async ({ group, name }) => {
        const records = await poll(group, name);
        got.set(group, got.get(group)! + records.length);
      });
      return late.length === 0;
    },
    WAIT_MS,
    () => `some groups lack records: ${[...got.values()].filter((n) => n < RECORDS).length}`,
  );
  const during = await memoryMb();
  expect(new Set(got.values())).toEqual(new Set([RECORDS]));
  await each(members, ({ group, name }) =>
    ok(client.ask(`/consumers/${group}/instances/${name}`, { method: "DELETE" })),
  );
  await each(groups, (group) =>
    ok(client.ask(`/v3/clusters/odradek/consumer-groups/${group}`, { method: "DELETE" })),
  );
  const left = await ok(client.ask("/v3/clusters/odradek/consumer-groups?limit=1000"));
  const listed = left.json<{ data: { consumer_group_id: string }[] }>().data;
  expect(listed.filter(({ consumer_group_id: id }) => id.startsWith("wide/"))).toEqual([]);
  process.stdout.write(
    `${GROUPS} groups, ${members.length} instances: the runtime held ${before} MB before, ${during} MB with them, ${await memoryMb()} MB after\n`,
  );
});
