/** Runs the directed test that should notice a mutant, on the source that the mutant has changed. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Mutant, NoticingTest } from "./mutant.ts";

const CONFIG = fileURLToPath(new URL("mutants-config.ts", import.meta.url));
const VITEST = createRequire(import.meta.url)
  .resolve("vitest/package.json")
  .replace(/package\.json$/, "vitest.mjs");

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly title: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** How the test failed; null if it passed. Throws if it did not run. */
export async function failureOfTest({ name }: Mutant, test: NoticingTest): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), "odradek-mutant-"));
  try {
    const { testResults } = await run(name, test, join(folder, "tests.json"));
    const ran = testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ title, status }) => title === test.name && /^(passed|failed)$/.test(status));
    if (ran.length === 0) throw new Error(`${test.file} has no test "${test.name}"`);
    const failed = ran.find(({ status }) => status === "failed");
    return failed === undefined ? null : (failed.failureMessages[0] ?? "it failed");
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function run(mutant: string, { file, name }: NoticingTest, results: string): Promise<Report> {
  const pattern = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const options = ["run", file, "-t", pattern, "--config", CONFIG];
  const reporting = ["--reporter=json", `--outputFile.json=${results}`];
  const child = spawn(process.execPath, [VITEST, ...options, ...reporting], {
    env: { ...process.env, ODRADEK_MUTANT: mutant },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed = await Promise.all([text(child.stdout), text(child.stderr)]);
  const found = await readFile(results, "utf8").catch(() => null);
  if (found === null) throw new Error(`${file} did not run: ${printed.join("")}`);
  return JSON.parse(found) as Report;
}
