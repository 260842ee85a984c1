/**
 * Bundles a worker in memory for the local runtime, by the rules that wrangler bundles a deployment with.
 */
import { build, stop } from "esbuild";

/** The worker as one module of JavaScript. Throws esbuild's report when the sources do not build. */
export async function bundleWorker(
  entry: string,
  define: Readonly<Record<string, string>>,
): Promise<string> {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    loader: { ".html": "text", ".sql": "text", ".txt": "text" },
    define: { ...define },
    logLevel: "silent",
  });
  // Nothing else is built, so esbuild's process ends here.
  await stop();
  return result.outputFiles[0]!.text;
}
