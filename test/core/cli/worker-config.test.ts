/** Proves that the local runtime reads of every wrangler.toml what wrangler itself would give to miniflare. */
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";
import { readWorkerConfig } from "../../../src/cli/worker-config.ts";

const root = resolve(import.meta.dirname, "../../..");

test.for(["wrangler.toml", "bench/floor/wrangler.toml"])("%s", (file) => {
  const path = resolve(root, file);
  const config = unstable_readConfig({ config: path });
  const { workerOptions, main, define } = unstable_getMiniflareWorkerOptions(config);
  const read = readWorkerConfig(path);
  expect(read).toMatchObject({ name: config.name, main });
  // Every option that wrangler finds something for is one that is read here.
  const { rootPath: _, modulesRules: __, ...options } = workerOptions;
  const given = Object.entries(options).filter(([name, value]) => !isEmpty(name, value));
  const { bindings, ...others } = read.options;
  expect({ bindings, ...Object.fromEntries(given) }).toEqual({ bindings, ...others });
  expect(bindings).toEqual(workerOptions.bindings);
  expect(define).toEqual({});
});

/** `email` holds an empty list. */
function isEmpty(name: string, value: unknown): boolean {
  if (name === "bindings") return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && value !== null
    ? Object.entries(value).every(([key, one]) => isEmpty(key, one))
    : false;
}
