/**
 * Proves that a Kafka Streams application counts words: it creates the topics that it needs itself, and when it is
 * killed and has lost its folder it restores its state from the service.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { CLUSTER } from "../e2e/support/client.ts";
import { text } from "./features/run.ts";
import { fetchOverHttp, newTopic, produceOverHttp } from "./support/http.ts";
import { JavaProgram, platformUnlessMissing } from "./support/platform.ts";
import { WAYS } from "./support/ways.ts";

const PARTITIONS = 2;
const APPLICATION = "word-count";

const there = platformUnlessMissing();
const place = await WAYS.TCP();
afterAll(() => place.stop());

const base64 = (value: string): string => Buffer.from(value).toString("base64");

/** One line to each partition. */
async function write(lines: readonly string[]): Promise<void> {
  for (const [index, line] of lines.entries()) {
    const record = { key: null, value: base64(line), headers: [], timestamp: null };
    await produceOverHttp(place.http, "lines", [record], index % PARTITIONS);
  }
}

/** The last count of each word. */
async function counts(): Promise<Record<string, number>> {
  const last: Record<string, number> = {};
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (const { key, value } of await fetchOverHttp(place.http, "counts", partition)) {
      last[text(key)] = Number(text(value));
    }
  }
  return last;
}

function start(): JavaProgram {
  const folder = mkdtempSync(join(tmpdir(), "odradek-streams-"));
  const args = [place.target.bootstrap, APPLICATION, folder, "lines", "counts"];
  const program = new JavaProgram("odradek.WordCount", args);
  onTestFinished(async () => {
    await program.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  return program;
}

async function counted(program: JavaProgram, expected: Record<string, number>): Promise<void> {
  let last: Record<string, number> = {};
  await program.until(`counts ${JSON.stringify(expected)}`, async () => {
    last = await counts();
    return Object.entries(expected).every(([word, count]) => (last[word] ?? 0) >= count);
  });
  expect(last).toEqual(expected);
}

async function configOf(topic: string, name: string): Promise<string | null> {
  const path = `${CLUSTER}/topics/${topic}/configs/${name}`;
  return (await place.http.get<{ value: string | null }>(path)).value;
}

test.runIf(there.length > 0)(
  "words are counted, and on after a kill without its folder",
  async () => {
    await newTopic(place.http, "lines", PARTITIONS);
    await newTopic(place.http, "counts", PARTITIONS);
    const first = start();
    await first.until("it runs", () => /^RUNNING$/m.test(first.output));
    await write(["the gate stands open", "the gate is guarded"]);
    await counted(first, { the: 2, gate: 2, stands: 1, open: 1, is: 1, guarded: 1 });
    expect(await configOf(`${APPLICATION}-counts-changelog`, "cleanup.policy")).toBe("compact");
    expect(await configOf(`${APPLICATION}-counts-repartition`, "cleanup.policy")).toBe("delete");

    await first.kill();
    await write(["open the gate", "not now"]);
    const second = start();
    await counted(second, {
      ...{ the: 3, gate: 3, stands: 1, open: 2, is: 1, guarded: 1 },
      ...{ not: 1, now: 1 },
    });
  },
);
