/**
 * Builds what a deployment would upload, without uploading it, and prints its size. Fails when it is 1 MB or more
 * compressed, or when what a start loads is over its budget. Needs no network and no account.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { bytesOf, modulesAtStart, START_BYTES_MAX } from "./bundle-budget.ts";

const COMPRESSED_BYTES_MAX = 1_000_000;

const root = resolve(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "bundle-"));
try {
  const wrangler = join(root, "node_modules/wrangler/bin/wrangler.js");
  execFileSync(process.execPath, [wrangler, "deploy", "--dry-run", "--outdir", folder], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, CI: "true", WRANGLER_SEND_METRICS: "false" },
  });
  const modules = readdirSync(folder)
    .filter((file) => file.endsWith(".js"))
    .map((path) => ({ path, contents: readFileSync(join(folder, path), "utf8") }));
  const bytes = bytesOf(modules);
  const atStart = bytesOf(modulesAtStart(modules, "index.js"));
  const compressed = modules.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0);
  console.log(
    `bundle: ${bytes} bytes in ${modules.length} modules, ${compressed} compressed (of ${COMPRESSED_BYTES_MAX}); at the start ${atStart} (of ${START_BYTES_MAX})`,
  );
  if (compressed === 0 || compressed >= COMPRESSED_BYTES_MAX || atStart > START_BYTES_MAX) {
    console.error("The bundle is empty or too large.");
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
