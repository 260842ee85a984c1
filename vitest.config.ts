import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { CLIENTS, LONG, SCALED } from "./test/long.ts";

// Two cores: suites run with bounded parallelism. Deadlines are for a machine that is busy with other things.
// `npm test` runs the first four projects, `npm run test:all` all of them: see test/long.ts.
const workers = 2;

export default defineConfig({
  test: {
    maxWorkers: workers,
    projects: [
      { test: { name: "core", include: ["test/core/**/*.test.ts"], testTimeout: 240_000 } },
      { test: { name: "sim", include: ["test/sim/**/*.test.ts"], testTimeout: 300_000 } },
      {
        plugins: [
          cloudflareTest({
            // From its sources; what wrangler.toml names is built of them.
            main: "./src/worker/index.ts",
            wrangler: { configPath: "./wrangler.toml" },
            // As `npm start` has it: nobody waits for members that are far away.
            miniflare: { bindings: { GROUP_INITIAL_REBALANCE_DELAY_MS: "0" } },
          }),
        ],
        test: { name: "workers", include: ["test/workers/**/*.test.ts"], testTimeout: 120_000 },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          exclude: [...LONG],
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "long",
          include: [...LONG, ...SCALED],
          env: { ODRADEK_TESTS: "long" },
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "clients",
          include: [CLIENTS],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
