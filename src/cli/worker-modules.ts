/**
 * The modules of a worker for the local runtime. In a checkout they are bundled from the sources at every start; a
 * packed package has no sources, and brings the modules that `npm run build` has made.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { WorkerModule } from "./bundle.ts";

/** The service's sources, seen from this folder. */
const SERVICE_SOURCE = join(import.meta.dirname, "../worker/index.ts");

/** @param main the entry that wrangler.toml names: a source, or the module built of the service's sources */
export async function workerModules(main: string): Promise<WorkerModule[]> {
  const source = main.endsWith(".ts") ? main : SERVICE_SOURCE;
  if (!existsSync(source)) return builtModules(main);
  const { bundleWorker } = await import("./bundle.ts");
  return bundleWorker(source, { minify: false });
}

function builtModules(main: string): WorkerModule[] {
  const folder = dirname(main);
  const others = globSync("*.js", { cwd: folder }).map((name) => join(folder, name));
  return [...new Set([main, ...others])].map((path) => ({
    path: relative(folder, path),
    contents: readFileSync(path, "utf8"),
  }));
}
