/**
 * Proves that the local server keeps its promises to scripts that start it: one line when it is ready, a clean end,
 * no orphan, no loss, and a clear message when it cannot or must not serve.
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { CONFIG_NAMES, environmentName } from "../../src/base/config.ts";
import { allGone, killAll, processTree } from "./support/processes.ts";
import { runToEnd, startService, type Service, type ServiceOptions } from "./support/service.ts";

const { version } = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"),
) as { readonly version: string };

const TOPICS = "/v3/clusters/odradek/topics";

let running: Service | null = null;

async function start(options: ServiceOptions = {}): Promise<Service> {
  running = await startService(options);
  return running;
}

afterEach(async () => {
  await running?.stop();
  running = null;
});

async function post(url: string, type: string, body: unknown): Promise<Response> {
  const headers = { "content-type": type };
  return fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
}

async function produceOne(service: Service, value: string): Promise<unknown> {
  const records = { records: [{ value }] };
  const type = "application/vnd.kafka.json.v2+json";
  const answer = await post(`${service.url}/topics/kept`, type, records);
  return ((await answer.json()) as { offsets: { offset: number }[] }).offsets[0]!.offset;
}

async function valuesIn(service: Service): Promise<unknown[]> {
  const url = `${service.url}/topics/kept/partitions/0/records?offset=earliest`;
  const answer = await fetch(url, { headers: { accept: "application/vnd.kafka.json.v2+json" } });
  return ((await answer.json()) as { value: unknown }[]).map(({ value }) => value);
}

describe("life", () => {
  test("one line with the URL, and it answers from then on", async () => {
    const service = await start();
    const line = `Odradek is ready at ${service.url} (Kafka: ${service.kafka})\n`;
    expect(service.stdout).toBe(line);
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${service.url}${TOPICS}`)).status).toBe(200);
  });

  test("SIGTERM ends it with code 0 and leaves no process", async () => {
    const service = await start();
    const tree = processTree(service.pid);
    expect(tree.length).toBeGreaterThan(1);
    expect(await service.terminate()).toBe(0);
    expect(tree.filter((pid) => processTree(pid).length > 0)).toEqual([]);
  });

  test.each(["SIGTERM", "SIGKILL"] as const)("%s to npm alone ends all of it", async (signal) => {
    const service = await start({ byNpm: true });
    const tree = processTree(service.pid);
    expect(tree.length).toBeGreaterThan(2);
    process.kill(service.pid, signal);
    await allGone(tree);
  });

  test("what was acknowledged is there after kill -9 of everything and a restart", async () => {
    const service = await start();
    await post(`${service.url}${TOPICS}`, "application/json", { topic_name: "kept" });
    expect(await produceOne(service, "before")).toBe(0);
    await service.kill();
    await service.restart();
    expect(await produceOne(service, "after")).toBe(1);
    expect(await valuesIn(service)).toEqual(["before", "after"]);
  });

  test("kill -9 of the server alone leaves no runtime behind", async () => {
    const service = await start();
    const tree = processTree(service.pid);
    killAll([service.pid]);
    await allGone(tree);
    await service.restart();
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
  });

  test("a runtime that is killed comes back under the same URL, and so do the data", async () => {
    const service = await start();
    await post(`${service.url}${TOPICS}`, "application/json", { topic_name: "kept" });
    await produceOne(service, "before");
    const runtime = processTree(service.pid).find((pid) => commandOf(pid).includes("workerd"));
    killAll([runtime!]);
    await expect
      .poll(() => valuesIn(service).catch(() => null), { timeout: 60_000 })
      .toEqual(["before"]);
    const tree = processTree(service.pid);
    killAll([service.pid]);
    await allGone(tree);
  });
});

function commandOf(pid: number): string {
  return spawnSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" }).stdout;
}

describe("refusals", () => {
  test("a port in use", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as AddressInfo;
    const { code, stdout, stderr } = await runToEnd({ env: { PORT: String(port) } });
    holder.close();
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(`Port ${port} of 127.0.0.1 is in use`);
  });

  test("a data directory that another service has", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "odradek-test-"));
    const service = await start({ dataDir });
    const { code, stderr } = await runToEnd({ dataDir });
    expect(code).toBe(1);
    expect(stderr).toContain(`(process ${service.pid}) runs on the data in ${dataDir}`);
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
    await service.terminate();
    await rm(dataDir, { recursive: true });
  });

  test.each([
    ["PORT", "http", "PORT must be a port"],
    ["RETENTION_MS", "soon", "RETENTION_MS: Invalid value for retention.ms"],
  ])("%s=%s", async (name, value, message) => {
    const { code, stderr } = await runToEnd({ env: { [name]: value } });
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });

  test("an option that does not exist, with the nearest one", async () => {
    const { code, stderr } = await runToEnd({ args: ["--hlep"] });
    expect([code, stderr]).toEqual([
      1,
      "There is no option --hlep; did you mean --help? (odradek start --help says more)\n",
    ]);
  });

  test.each([
    ["an address of another machine", "192.0.2.1", "HOST 192.0.2.1 is no address of this machine."],
    ["a name without address", "host.invalid", "HOST host.invalid is not known"],
  ])("HOST is %s: one line", async (_, host, message) => {
    const { code, stdout, stderr } = await runToEnd({ env: { HOST: host } });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(new RegExp(`^${message.replaceAll(".", "\\.")}.*\n$`));
  });

  test.each([
    ["a file", (folder: string) => join(folder, "file"), "it is a file, or below one."],
    ["below a file", (folder: string) => join(folder, "file/data"), "it is a file, or below one."],
    ["where no folder can be made", () => "/proc/odradek", "its folder cannot be created."],
  ] as const)("DATA_DIR is %s: one line", async (_, dataDirIn, reason) => {
    const folder = await mkdtemp(join(tmpdir(), "odradek-test-"));
    await writeFile(join(folder, "file"), "");
    const dataDir = dataDirIn(folder);
    const { code, stdout, stderr } = await runToEnd({ dataDir });
    await rm(folder, { recursive: true });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr.split("\n")).toHaveLength(2);
    expect(stderr).toContain(`DATA_DIR ${dataDir} cannot be used: ${reason}`);
  });
});

test("DATA_DIR below a folder that does not exist is created", async () => {
  const folder = await mkdtemp(join(tmpdir(), "odradek-test-"));
  const service = await start({ dataDir: join(folder, "missing/data") });
  expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
  await service.terminate();
  await rm(folder, { recursive: true });
});

test("a start says on stderr what it does, before it is ready", async () => {
  const service = await start({ env: { AUTO_CREATE_TOPIC_ENABLE: "true" } });
  expect(service.stderr.split("\n")).toEqual([
    "Warning: AUTO_CREATE_TOPIC_ENABLE is no setting of this service; did you mean AUTO_CREATE_TOPICS_ENABLE?",
    `Odradek ${version} starts with the data in ${service.dataDir}`,
    "",
  ]);
  expect(service.stdout.split("\n")).toHaveLength(2);
});

describe("the gate", () => {
  test("not on loopback and without a key, all but /healthz is refused, and it says so", async () => {
    const service = await start({ env: { HOST: "0.0.0.0" } });
    expect(service.stderr).toContain("API_KEYS is not set");
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
    const refused = await fetch(`${service.url}${TOPICS}`);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ error_code: 40301 });
  });

  test("with a key, its holders are let in and others are not", async () => {
    const service = await start({ env: { HOST: "0.0.0.0", API_KEYS: "first,second" } });
    expect(service.stderr).not.toContain("Warning");
    const status = async (authorization: string): Promise<number> =>
      (await fetch(`${service.url}${TOPICS}`, { headers: { authorization } })).status;
    expect(await status("Bearer second")).toBe(200);
    expect(await status("Bearer third")).toBe(401);
  });

  test("a failed request is one line on stderr, and stdout stays clean", async () => {
    const service = await start();
    expect((await fetch(`${service.url}${TOPICS}/missing`)).status).toBe(404);
    await expect.poll(() => service.stderr, { timeout: 60_000 }).toContain("UNKNOWN_TOPIC");
    expect(service.stdout.split("\n")).toHaveLength(2);
  });
});

test("--help names every variable and setting, and starts nothing", async () => {
  const { code, stdout } = await runToEnd({ args: ["--help"] });
  expect(code).toBe(0);
  const variables = ["PORT", "HOST", "DATA_DIR", "KAFKA_PORT", "API_KEYS"];
  for (const name of [...variables, ...CONFIG_NAMES.map(environmentName)]) {
    expect(stdout).toContain(`\n  ${name}`);
  }
});
