/**
 * Bundles a worker: into modules of which those that are imported dynamically are loaded when they are needed. The
 * platform evaluates and compiles a worker's first modules before its first request, so what few requests need stays
 * out of them.
 */
import { build, stop } from "esbuild";
import { relative } from "node:path";

/** A module of JavaScript; its path is relative to the folder of the entry, which comes first. */
export interface WorkerModule {
  readonly path: string;
  readonly contents: string;
}

/** Any folder would do: nothing is written there. */
const OUT_DIR = "/worker";

/** The worker's modules, the entry first. Throws esbuild's report when the sources do not build. */
export async function bundleWorker(
  entry: string,
  options: { readonly minify: boolean },
): Promise<WorkerModule[]> {
  const result = await build({
    entryPoints: { index: entry },
    bundle: true,
    splitting: true,
    write: false,
    outdir: OUT_DIR,
    format: "esm",
    target: "es2024",
    minify: options.minify,
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    loader: { ".html": "text", ".sql": "text", ".txt": "text" },
    logLevel: "silent",
  });
  // Nothing else is built, so esbuild's process ends here.
  await stop();
  return result.outputFiles
    .map(({ path, text }) => ({ path: relative(OUT_DIR, path), contents: text }))
    .toSorted((a, b) => Number(b.path === "index.js") - Number(a.path === "index.js"));
}
