/**
 * Proves that the demo of a lost broker ends well, with a cluster as it was before; and that Ctrl-C in
 * the middle of the loss leaves no broker fenced and no topic behind.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "./support/processes.ts";
import { startService, type Service } from "./support/service.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const NODE = join(ROOT, "node_modules/.bin/node");
const DEMO = ["src/cli/demo.ts", "--lose-a-broker", "--partitions", "3"];
/** A start on a busy machine, and a quarter of the demo's time. */
const LOSS_WAIT_MS = 60_000;
const run = promisify(execFile);

let service: Service;

beforeAll(async () => {
  service = await startService();
});

afterAll(() => service.stop());

async function brokerStates(): Promise<string[]> {
  const answer = await fetch(`${service.url}/v3/clusters/odradek/brokers`);
  const { data } = (await answer.json()) as { data: { state: string }[] };
  return data.map(({ state }) => state);
}

async function expectAsBefore(): Promise<void> {
  expect(await brokerStates()).toEqual(["active", "active", "active"]);
  expect(await (await fetch(`${service.url}/topics`)).json()).toEqual([]);
}

test("leaders move and return, and no acknowledged record is lost", async () => {
  const { stdout, stderr } = await run(NODE, [...DEMO, "--seconds", "6", "--url", service.url], {
    cwd: ROOT,
  });
  expect(stderr).toMatch(/Broker 1 is fenced: it leads most\.\n/);
  expect(stderr).toMatch(/Leaders move: partition 0 from 1 to \d/);
  expect(stderr).toMatch(/Broker 1 leaves the in-sync set of partitions 0, 1, 2\.\n/);
  expect(stderr).toMatch(/All replicas are in sync again, \d+ ms after it returned\.\n/);
  expect(stderr).toMatch(/The preferred leaders lead again\.\n/);
  expect(stdout).toMatch(/acknowledged nothing: \d+ ms from the loss on, \d+ ms before it\./);
  expect(stdout).toMatch(/ [2-9]\d* leaders elected\./);
  expect(stdout).toMatch(
    /3 replicas of 3 partitions, \d+\.\d MB each: the same, byte for byte\.\n/,
  );
  expect(stdout).toMatch(/\n[1-9][\d,]* records acknowledged, each there once, at its offset\.\n/);
  expect(stdout.endsWith("\nZero acknowledged records lost.\n")).toBe(true);
  await expectAsBefore();
});

test("an interrupted demo puts the broker back and deletes its topic", async () => {
  const demo = spawn(NODE, [...DEMO, "--seconds", "30", "--url", service.url], {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const closed = once(demo, "close");
  let told = "";
  demo.stderr.setEncoding("utf8").on("data", (text: string) => (told += text));
  await until(
    () => told.includes("leaves the in-sync set") || demo.exitCode !== null,
    LOSS_WAIT_MS,
    () => `no broker was lost: ${told}`,
  );
  expect(await brokerStates()).toContain("fenced");
  demo.kill("SIGINT");
  expect((await closed)[0]).toBe(130);
  await expectAsBefore();
});

test.each([
  ["--seconds", "3"],
  ["--partitions", "many"],
])("%s %s is refused", async (option, value) => {
  const ended = await run(NODE, [...DEMO, option, value], { cwd: ROOT }).catch((error) => error);
  expect(ended).toMatchObject({ code: 1, stdout: "" });
  expect(ended.stderr).toMatch(new RegExp(`^${option} is a whole number of .*--help`));
});
