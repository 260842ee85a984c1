/** Proves what `odradek` answers by itself: its version, its help, and names that it does not know. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../../..");
const { version } = JSON.parse(readFileSync(resolve(root, "package.json"), "utf8")) as {
  version: string;
};

interface Ended {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

function odradek(...args: readonly string[]): Promise<Ended> {
  return new Promise((done) => {
    execFile(resolve(root, "bin/odradek"), args, { cwd: root }, (error, stdout, stderr) =>
      done({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}

test.for(["version", "--version", "-v"])("%s", async (asked) => {
  expect(await odradek(asked)).toEqual({ code: 0, stdout: `odradek ${version}\n`, stderr: "" });
});

test.for(["help", "--help", "-h"])("%s names every command", async (asked) => {
  const { code, stdout } = await odradek(asked);
  expect(code).toBe(0);
  for (const command of ["start", "bridge", "demo"]) expect(stdout).toContain(`\n  ${command} `);
});

test.for(["start", "bridge", "demo"])("help %s is its own help", async (command) => {
  const [asked, own] = await Promise.all([odradek("help", command), odradek(command, "--help")]);
  expect(asked.stdout).toContain(`Usage: odradek ${command}`);
  expect(asked).toEqual(own);
});

test.for([
  ["stat", "There is no command stat; did you mean start?"],
  ["brigde", "There is no command brigde; did you mean bridge?"],
  ["--versoin", "There is no command --versoin; did you mean --version?"],
  ["frobnicate", "There is no command frobnicate"],
] as const)("%s is refused", async ([command, line]) => {
  const { code, stdout, stderr } = await odradek(command);
  expect([code, stdout, stderr.split("\n")[0]]).toEqual([1, "", line]);
});

test.for(["start", "bridge", "demo"])("%s refuses a misspelt option in one line", async (name) => {
  const { code, stderr } = await odradek(name, "--hepl");
  expect(code).toBe(1);
  expect(stderr).toBe(
    `There is no option --hepl; did you mean --help? (odradek ${name} --help says more)\n`,
  );
});

test("demo refuses a URL that is none in one line", async () => {
  const { code, stderr } = await odradek("demo", "--url", "localhost:8787");
  expect(code).toBe(1);
  expect(stderr).toBe("--url is an http:// or https:// URL. (odradek demo --help says more)\n");
});
