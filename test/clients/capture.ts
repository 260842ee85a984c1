/**
 * `npm run capture`: has every real client do all it can through a recorder, and writes what was said to where the
 * codecs are tested with it. What is captured differs in ports, times and ids from run to run: it is done when a client
 * or the service says something new, and its files are committed.
 */
import { execFileSync } from "node:child_process";

const FOLDER = "test/core/kafka/golden";

function run(program: string, ...args: string[]): void {
  // Without one of the clients, its old file would stay and look new.
  const env = { ...process.env, CAPTURE: FOLDER, CI: "true" };
  execFileSync("npx", [program, ...args], { stdio: "inherit", env });
}

run("vitest", "run", "--project", "clients", "test/clients/tcp.test.ts");
run("oxfmt", FOLDER);
