/** Proves that the demo ends well against a running service behind a key, and not without the key. */
import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startService, type Service } from "./support/service.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const NODE = join(ROOT, "node_modules/.bin/node");
const run = promisify(execFile);

let service: Service;

beforeAll(async () => {
  service = await startService({ env: { API_KEYS: "demo-key" } });
});

afterAll(() => service.stop());

test("every flight is accounted for, and the topic is gone afterwards", async () => {
  const args = ["src/cli/demo.ts", "--url", service.url, "--key", "demo-key"];
  const { stdout } = await run(NODE, args, { cwd: ROOT });
  expect(stdout).toContain("20000 flights from");
  expect(stdout).toMatch(/\d+ rows written, \d+ object calls, \d+ requests, about 0\.\d+ USD/);
  expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^All 20000 records are accounted for/);
  const headers = { authorization: "Bearer demo-key" };
  expect(await (await fetch(`${service.url}/topics`, { headers })).json()).toEqual([]);
});

test("what goes wrong is said, with exit code 1", async () => {
  const args = ["src/cli/demo.ts", "--url", service.url];
  const ended = await run(NODE, args, { cwd: ROOT }).catch((error: unknown) => error);
  expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining("401") });
});
