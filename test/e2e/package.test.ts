/**
 * Proves that `npm pack` gives a package which, installed into an empty project, serves: small, with its commands, and
 * without the sources or what only their development needs. Asks npm's registry for the dependencies.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "./support/processes.ts";

const run = promisify(execFile);

const ROOT = resolve(import.meta.dirname, "../..");
const INSTALLED_BYTES_MAX = 300_000_000;
const READY_WAIT_MS = 60_000;

/** The Node.js of this run first, as a user's would be. */
const env = {
  ...process.env,
  PATH: `${join(ROOT, "node_modules/.bin")}:${process.env["PATH"] ?? ""}`,
  npm_lifecycle_event: "",
};

let project: string;
let odradek: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "odradek-package-"));
  const packed = await run("npm", ["pack", "--json", "--pack-destination", project], { cwd: ROOT });
  const [, filename] = /"filename": *"([^"]+)"/.exec(packed.stdout)!;
  await writeFile(join(project, "package.json"), `{"name":"empty","private":true}`);
  const install = ["install", "--no-audit", "--no-fund", join(project, filename!)];
  await run("npm", install, { cwd: project });
  odradek = join(project, "node_modules/.bin/odradek");
}, 300_000);

afterAll(async () => {
  await rm(project, { recursive: true, force: true });
});

test(`takes at most ${INSTALLED_BYTES_MAX / 1e6} MB, and has neither sources nor tools`, async () => {
  const { stdout } = await run("du", ["-sk", join(project, "node_modules")]);
  const bytes = Number.parseInt(stdout, 10) * 1_024;
  console.log(`an installation takes ${Math.round(bytes / 1e6)} MB`);
  expect(bytes).toBeLessThanOrEqual(INSTALLED_BYTES_MAX);
  for (const absent of ["odradek/src", "odradek/test", "wrangler", "vitest", "typescript"]) {
    expect(existsSync(join(project, "node_modules", absent))).toBe(false);
  }
});

test("says its version, by npx as by itself", async () => {
  const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  const said = { stdout: `odradek ${version}\n`, stderr: "" };
  expect(await run("npx", ["odradek", "--version"], { cwd: project, env })).toMatchObject(said);
  expect(await run(odradek, ["version"], { cwd: project, env })).toMatchObject(said);
});

test("starts, takes a record and gives it back, and ends", async () => {
  const service = spawn(odradek, ["start"], {
    cwd: project,
    env: { ...env, PORT: "0", KAFKA_PORT: "0", DATA_DIR: join(project, "data") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(service, "close");
  let stdout = "";
  let stderr = "";
  service.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  service.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  try {
    const isReady = (): boolean => stdout.includes("\n") || service.exitCode !== null;
    await until(isReady, READY_WAIT_MS, () => `not ready: ${stdout}${stderr}`);
    const [url] = /http:\/\/\S+/.exec(stdout)!;
    const headers = { "content-type": "application/json" };
    const topic = { method: "POST", headers, body: `{"topic_name":"packed"}` };
    expect((await fetch(`${url}/v3/clusters/odradek/topics`, topic)).status).toBe(201);
    const type = { "content-type": "application/vnd.kafka.json.v2+json" };
    const record = { method: "POST", headers: type, body: `{"records":[{"value":"first"}]}` };
    expect((await fetch(`${url}/topics/packed`, record)).status).toBe(200);
    const read = await fetch(`${url}/topics/packed/partitions/0/records?offset=earliest`);
    expect(await read.json()).toMatchObject([{ offset: 0, value: "first" }]);
    // What is loaded only when it is asked for is in the package too.
    expect((await fetch(`${url}/openapi.json`)).status).toBe(200);
  } finally {
    service.kill("SIGTERM");
  }
  expect(await ended).toEqual([0, null]);
});
