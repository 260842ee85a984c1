/** Vitest's configuration for directed tests on the source that a mutant has changed: see mutant-tests.ts. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { mutatedFiles } from "./mutants.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const mutated = mutatedFiles(process.env["ODRADEK_MUTANT"] ?? "");

export default defineConfig({
  root,
  plugins: [
    {
      name: "mutant",
      enforce: "pre",
      load: (id) => mutated.get(id) ?? null,
    },
  ],
  test: {
    include: ["test/core/**/*.test.ts", "test/sim/scenarios/*.test.ts"],
    maxWorkers: 1,
    // The cache is keyed by the files' contents, not by what is loaded in their place.
    fsModuleCache: false,
    testTimeout: 60_000,
  },
});
