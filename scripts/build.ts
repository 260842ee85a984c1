/**
 * `npm run build`: what a deployment uploads (`dist/worker`, which wrangler has built before it deploys or serves), and
 * with `--package` also the commands as JavaScript (`dist/cli`), since Node.js runs no TypeScript below node_modules.
 */
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { bundleWorker } from "../src/cli/bundle.ts";
import { DATA_SET } from "../src/cli/demo/flights.ts";

const root = resolve(import.meta.dirname, "..");

await buildWorker(join(root, "dist/worker"));
if (process.argv.includes("--package")) await buildCommands(join(root, "dist/cli"));

async function buildWorker(folder: string): Promise<void> {
  const modules = await bundleWorker(join(root, "src/worker/index.ts"), { minify: true });
  emptied(folder);
  for (const { path, contents } of modules) writeFileSync(join(folder, path), contents);
}

async function buildCommands(folder: string): Promise<void> {
  emptied(folder);
  await build({
    entryPoints: [join(root, "src/cli/odradek.ts")],
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    packages: "external",
    logLevel: "warning",
  });
  copyFileSync(
    new URL(`../data/${DATA_SET}`, import.meta.resolve("vega-datasets")),
    join(folder, DATA_SET),
  );
}

function emptied(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}
