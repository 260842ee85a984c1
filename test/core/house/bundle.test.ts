/** Proves that a worker's start loads no more than its budget, and nothing that few requests need. */
import { resolve } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { bytesOf, modulesAtStart, START_BYTES_MAX } from "../../../scripts/bundle-budget.ts";
import { bundleWorker, type WorkerModule } from "../../../src/cli/bundle.ts";

const entry = resolve(import.meta.dirname, "../../../src/worker/index.ts");

let modules: readonly WorkerModule[];
let atStart: readonly WorkerModule[];

beforeAll(async () => {
  modules = await bundleWorker(entry, { minify: true });
  atStart = modulesAtStart(modules, "index.js");
});

test("the entry comes first and exports the handlers and the object classes", () => {
  expect(modules[0]!.path).toBe("index.js");
  for (const name of ["Controller", "Coordinator", "Partition", "default"]) {
    expect(modules[0]!.contents).toMatch(new RegExp(`export\\{.*\\b${name}\\b`));
  }
});

test(`what a start loads is at most ${START_BYTES_MAX} bytes`, () => {
  expect(bytesOf(atStart)).toBeGreaterThan(100_000);
  expect(bytesOf(atStart)).toBeLessThanOrEqual(START_BYTES_MAX);
});

// Each by a text that only it has.
test.for([
  ["RE2", "missing closing )"],
  ["zod", "Invalid input: expected"],
  ["what describes the records' routes", "murmur2, as Kafka's clients choose"],
  ["the OpenAPI description", "3.1.0"],
  ["Kafka's connections", 'protocol:"kafka"'],
  ["administration", "KafkaTopicConfigList"],
] as const)("%s is bundled, and not loaded at the start", ([, text]) => {
  const within = (some: readonly WorkerModule[]): string[] =>
    some.filter(({ contents }) => contents.includes(text)).map(({ path }) => path);
  expect(within(modules)).toHaveLength(1);
  expect(within(atStart)).toEqual([]);
});

test("zod brings no translations of its messages", () => {
  const translated = modules.filter(({ contents }) => contents.includes("Eingabe"));
  expect(translated.map(({ path }) => path)).toEqual([]);
});
