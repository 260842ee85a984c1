/**
 * Proves that the README does what it says: its curl lines, as they are printed, create a topic,
 * produce to it, fetch from it and tail it on the first screen, and further down take a broker away and
 * bring it back, and read as a group. Only the address is put in their place, since another service may run at the default one.
 */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "./support/processes.ts";
import { startService, type Service } from "./support/service.ts";

const README = readFileSync(resolve(import.meta.dirname, "../../README.md"), "utf8");
const FIRST_SCREEN_LINES = 30;
const ADDRESS = "localhost:8787";
const IN_SYNC_WAIT_MS = 10_000;

const lines = README.split("\n");
const curls = lines.filter((line) => line.startsWith("curl "));

const hasCurl = spawnSync("curl", ["--version"]).status === 0;
if (!hasCurl) {
  console.warn("THERE IS NO CURL HERE: the README's lines are parsed and asked without it.");
}

let service: Service;

beforeAll(async () => {
  service = await startService();
});

afterAll(async () => {
  await service.stop();
});

interface Ran {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a line as a shell would; ends it as soon as its output matches, or lets it end by itself. */
function run(line: string, ending?: RegExp): Promise<Ran> {
  const here = line.replace(ADDRESS, new URL(service.url).host);
  return hasCurl ? runCurl(here, ending) : askLikeCurl(here, ending);
}

function runCurl(line: string, ending?: RegExp): Promise<Ran> {
  return new Promise((done, failed) => {
    const shell = spawn("sh", ["-c", line.replace("curl ", "exec curl -sS ")], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const hear = (data: Buffer): void => {
      output += data.toString();
      if (ending?.test(output)) shell.kill("SIGKILL");
    };
    shell.stdout.on("data", hear);
    shell.stderr.on("data", hear);
    shell.on("error", failed);
    shell.on("close", (code) => done({ code, output }));
  });
}

/** The same request without curl, for the four options that the lines use: -X, -H, -d, -N. */
async function askLikeCurl(line: string, ending?: RegExp): Promise<Ran> {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!);
  const valuesOf = (option: string): string[] => words.filter((_, n) => words[n - 1] === option);
  const url = words.find((word) => word.includes(new URL(service.url).host))!;
  const headers = valuesOf("-H").map((header) => header.split(": ") as [string, string]);
  const { body } = await request(`http://${url}`, {
    method: (valuesOf("-X")[0] ?? "GET") as "GET",
    headers: Object.fromEntries(headers),
    body: valuesOf("-d")[0] ?? null,
  });
  let output = "";
  for await (const data of body) {
    output += String(data);
    if (ending?.test(output)) break;
  }
  return { code: 0, output };
}

describe("the README's first screen", () => {
  test("names the two commands and, below them, four curl lines", () => {
    const screen = lines.slice(0, FIRST_SCREEN_LINES).join("\n");
    const first = curls.filter((curl) => screen.includes(curl));
    expect(screen).toContain("npm install && npm start");
    expect(screen).toContain("npm install && npm test");
    expect(first).toEqual(curls.slice(0, 4));
    for (const curl of first) expect(curl).toContain(ADDRESS);
  });

  test("creates a topic", async () => {
    const { code, output } = await run(curls[0]!);
    expect([code, JSON.parse(output)]).toMatchObject([0, { topic_name: "flights" }]);
  });

  test("produces to it", async () => {
    const { code, output } = await run(curls[1]!);
    expect([code, JSON.parse(output)]).toMatchObject([0, { error_code: 200, offset: 0 }]);
  });

  test("fetches from it", async () => {
    const { code, output } = await run(curls[2]!);
    const record = { topic: "flights", offset: 0, key: "JFK", value: { to: "LHR" } };
    expect([code, JSON.parse(output)]).toMatchObject([0, [record]]);
  });

  test("tails it", async () => {
    const tail = run(curls[3]!, /"n":2/);
    const more = curls[1]!.replace(`{"to":"LHR"}`, `{"n":2}`);
    expect(more).not.toBe(curls[1]);
    await run(more);
    const { output } = await tail;
    expect(output).toMatch(/^id: 1\ndata: .*"value":\{"to":"LHR"\}/m);
    expect(output).toMatch(/^id: 2\ndata: .*"value":\{"n":2\}/m);
  });
});

describe("the README's three replicas", () => {
  interface Partition {
    readonly leader_id: number;
    readonly in_sync_replicas: readonly number[];
  }

  const [creates, fences, lists, unfences] = curls.slice(4) as [string, string, string, string];

  async function partitions(): Promise<readonly Partition[]> {
    const { output } = await run(lists);
    return (JSON.parse(output) as { data: Partition[] }).data;
  }

  test("are four more lines", () => {
    expect(curls).toHaveLength(12);
    for (const curl of curls) expect(curl).toContain(ADDRESS);
  });

  test("are created, all in sync", async () => {
    const { code, output } = await run(creates);
    expect([code, JSON.parse(output)]).toMatchObject([0, { replication_factor: 3 }]);
    for (const { in_sync_replicas } of await partitions()) expect(in_sync_replicas).toHaveLength(3);
  });

  test("lead without the broker that is taken away", async () => {
    const { code, output } = await run(fences);
    expect([code, JSON.parse(output)]).toMatchObject([0, { broker_id: 1, state: "fenced" }]);
    const after = await partitions();
    expect(after).toHaveLength(3);
    for (const { leader_id, in_sync_replicas } of after) {
      expect([2, 3]).toContain(leader_id);
      expect([...in_sync_replicas].sort()).toEqual([2, 3]);
    }
  });

  test("are in sync again when it is back", async () => {
    const { code, output } = await run(unfences);
    expect([code, JSON.parse(output)]).toMatchObject([0, { broker_id: 1, state: "active" }]);
    await until(
      async () => (await partitions()).every((one) => one.in_sync_replicas.length === 3),
      IN_SYNC_WAIT_MS,
      () => "the replicas of broker 1 did not join again",
    );
  });
});

describe("the README's group", () => {
  const [creates, subscribes, polls, lags] = curls.slice(8) as [string, string, string, string];

  test("is created, and subscribed to the topic of the first screen", async () => {
    const { code, output } = await run(creates);
    expect([code, JSON.parse(output)]).toMatchObject([0, { instance_id: "reader-1" }]);
    expect(await run(subscribes)).toEqual({ code: 0, output: "" });
  });

  test("reads from the first record on", async () => {
    const { code, output } = await run(polls);
    const record = { topic: "flights", offset: 0, key: "JFK", value: { to: "LHR" } };
    expect([code, JSON.parse(output)]).toMatchObject([0, [record, { value: { n: 2 } }]]);
  });

  test("shows its lag", async () => {
    const { code, output } = await run(lags);
    expect([code, JSON.parse(output)]).toMatchObject([0, { kind: "KafkaConsumerLagList" }]);
  });
});
