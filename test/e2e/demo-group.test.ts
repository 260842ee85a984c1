/** Proves that the demo of a consumer group ends well, and leaves neither group nor topic behind. */
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
  service = await startService();
});

afterAll(() => service.stop());

test("a killed consumer's partitions move, and every record is processed", async () => {
  const demo = ["src/cli/demo.ts", "--group", "--url", service.url];
  const { stdout, stderr } = await run(NODE, demo, { cwd: ROOT });
  expect(stderr).toMatch(/Consumer two is killed\. It takes no leave\.\n/);
  expect(stderr).toMatch(/Its partitions have moved to the others, \d+ ms later\.\n/);
  expect(stderr).toMatch(/ lag +0 \n$/);
  expect(stdout).toMatch(/The lag rose to [1-9][\d,]* and fell to zero\.\n/);
  expect(stdout).toMatch(/\nAll 20,000 records were processed, none skipped; \d+ of them twice, /);
  expect(await (await fetch(`${service.url}/topics`)).json()).toEqual([]);
  const groups = await fetch(`${service.url}/v3/clusters/odradek/consumer-groups`);
  expect(((await groups.json()) as { data: unknown[] }).data).toEqual([]);
});
