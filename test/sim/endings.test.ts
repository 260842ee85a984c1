/** A seed that fails, throws, crashes or does not end is a failure that says which; the others still run. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { runMany } from "./runner.ts";
import type { RunResult } from "./run.ts";
import { runToItsEnd } from "./to-its-end.ts";
import { World } from "./world.ts";

/** The results of seeds that are run by processes of this source. */
async function runIn(
  source: string,
  options: Omit<Parameters<typeof runMany>[0], "child" | "onResult">,
): Promise<RunResult[]> {
  const folder = await mkdtemp(join(tmpdir(), "odradek-runner-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const child = join(folder, "child.mjs");
  await writeFile(child, source);
  const results: RunResult[] = [];
  await runMany({
    ...options,
    child: pathToFileURL(child),
    onResult: (result) => void results.push(result),
  });
  return results;
}

test("a loop that waits for a simulation which has failed ends with it", async () => {
  const world = new World(1);
  await runToItsEnd(world, {}, async () => {
    world.scheduler.after(10, () => world.fail("21: it does not heal"));
    while (world.scheduler.nowMs < 1_000) await world.scheduler.run(world.scheduler.nowMs + 100);
  });
  expect(world.failure).toBe("21: it does not heal");
});

test("events at one moment without end are a failure", async () => {
  const world = new World(1);
  await runToItsEnd(world, {}, () => {
    const again = (): void => void world.scheduler.after(0, again);
    again();
    return world.scheduler.run(1_000);
  });
  expect(world.failure).toMatch(/^hung: no end after 1000000 events and 0 ms$/);
});

test("a wait that is repeated without end, with nothing happening, is a failure", async () => {
  const world = new World(1);
  await runToItsEnd(world, {}, async () => {
    while (world.seed === 1) await world.scheduler.run(world.scheduler.nowMs + 60_000);
  });
  expect(world.failure).toMatch(/^hung: no end after 0 events/);
});

test("what the simulation throws is a failure with its stack", async () => {
  const world = new World(1);
  await runToItsEnd(world, {}, () => Promise.reject(new TypeError("no such offset")));
  expect(world.failure).toMatch(/^thrown: TypeError: no such offset\n +at /);
});

test("a seed that stands still and one whose process dies are failures, and the others are run", async () => {
  const results = await runIn(
    `process.on("message", ({ seed }) => {
       if (seed === 2) for (;;);
       if (seed === 3) process.exit(7);
       process.send({ events: seed, simulatedMs: seed });
       process.send({ result: { seed, failure: null, traceHash: "of " + seed } });
     });
     process.on("disconnect", () => process.exit());
     process.send("ready");`,
    {
      seeds: [1, 2, 3, 4].map((seed) => ({ seed })),
      processes: 2,
      standstillMs: 5_000,
    },
  );
  expect(results.map(({ seed, failure }) => [seed, failure])).toEqual([
    [1, null],
    [2, "hung: nothing happens for 5000 ms after 0 events and 0 ms"],
    [3, "its process died (7) after 0 events and 0 ms"],
    [4, null],
  ]);
});

test("a process that was stopped, or waited for a processor, goes on: that is no standstill", async () => {
  const results = await runIn(
    `import { spawn } from "node:child_process";
     process.on("message", ({ seed }) => {
       process.send({ events: 1, simulatedMs: 1 });
       spawn("sh", ["-c", "kill -STOP " + process.pid + "; sleep 3; kill -CONT " + process.pid])
         .on("exit", () => process.send({ result: { seed, failure: null, traceHash: "" } }));
     });
     process.on("disconnect", () => process.exit());
     process.send("ready");`,
    {
      seeds: [{ seed: 1 }],
      processes: 1,
      standstillMs: 1_000,
    },
  );
  expect(results.map(({ seed, failure }) => [seed, failure])).toEqual([[1, null]]);
});

test("a process that is idle and says again and again that it has got no further is a failure", async () => {
  const results = await runIn(
    `process.on("message", () => setInterval(() => process.send({ events: 1, simulatedMs: 1 }), 10));
     process.on("disconnect", () => process.exit());
     process.send("ready");`,
    {
      seeds: [{ seed: 1 }],
      processes: 1,
    },
  );
  expect(results[0]?.failure).toBe("hung: nothing happens for 60000 ms after 1 events and 1 ms");
});

test("a rejection that nobody handles is a failure, also with the last event", async () => {
  for (const eventsAfter of [0, 40]) {
    const world = new World(1);
    await runToItsEnd(world, {}, () => {
      world.scheduler.after(1, () => void Promise.reject(new Error("not caught")));
      for (let i = 0; i < eventsAfter; i++) world.scheduler.after(2 + i, () => {});
      return world.scheduler.run(100);
    });
    expect(world.failure).toMatch(/^unhandled: Error: not caught/);
  }
});
