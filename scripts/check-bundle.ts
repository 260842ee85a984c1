/**
 * Builds what a deployment would upload, without uploading it, prints its size and fails when it is
 * 1 MB or more compressed. Needs no network and no account.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";

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
  const modules = readdirSync(folder).filter((file) => !/\.(map|md)$/.test(file));
  const files = modules.map((file) => readFileSync(join(folder, file)));
  const bytes = files.reduce((sum, file) => sum + file.length, 0);
  const compressed = files.reduce((sum, file) => sum + gzipSync(file).length, 0);
  console.log(`bundle: ${bytes} bytes, ${compressed} compressed (of ${COMPRESSED_BYTES_MAX})`);
  if (compressed === 0 || compressed >= COMPRESSED_BYTES_MAX) {
    console.error("The bundle is empty or too large.");
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
