/**
 * Proves that the README's quick starts do what they say, as they are printed: only the address is another, since
 * other services may run at the default one.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { killAll, processTree, until } from "../e2e/support/processes.ts";
import { clientNamed, JAVA_LIBS, NODE, PYTHON } from "./support/clients.ts";
import { newTopic } from "./support/http.ts";
import { WAYS } from "./support/ways.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const README = readFileSync(join(ROOT, "README.md"), "utf8");
const WAIT_MS = 60_000;

const place = await WAYS.TCP();
await newTopic(place.http, "flights", 3);
const folder = mkdtempSync(join(tmpdir(), "odradek-quick-start-"));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await place.stop();
});

/** The code of the section, by its language; with the address of the service here. */
function printed(language: string): string {
  const [, section = ""] = README.split("## With the Kafka client that you have");
  const code = new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "s").exec(section)?.[1];
  if (code === undefined) throw new Error(`The README has no quick start in ${language}.`);
  expect(code).toContain("localhost:9092");
  return code.replaceAll("localhost:9092", place.target.bootstrap);
}

/** Runs until it has read the record that it has produced. */
async function reads(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => killAll(processTree(child.pid!)));
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  await until(
    () => /"to":\s*"LHR"/.test(output) || child.exitCode !== null,
    WAIT_MS,
    () => `nothing is read: ${output}`,
  );
  expect(output).toMatch(/"to":\s*"LHR"/);
}

test.runIf(clientNamed("kcat"))("kcat", async () => {
  // Line by line also into a pipe.
  const line = printed("sh").replaceAll("kcat -b", "stdbuf -oL kcat -b");
  await reads("bash", ["-ec", line]);
});

test("JavaScript", async () => {
  await reads(NODE, ["--input-type=module", "--eval", printed("js")]);
});

test.runIf(clientNamed("confluent-kafka"))("Python", async () => {
  await reads(PYTHON, ["-c", printed("python")]);
});

test.runIf(clientNamed("kafka-clients (Java)"))("Java", async () => {
  const file = join(folder, "QuickStart.java");
  const imports = [
    "java.time.Duration",
    "java.util.*",
    "org.apache.kafka.clients.consumer.*",
    "org.apache.kafka.clients.producer.*",
    "org.apache.kafka.common.serialization.*",
  ];
  writeFileSync(
    file,
    `${imports.map((name) => `import ${name};`).join("\n")}
public class QuickStart {
  public static void main(String[] args) throws Exception {
${printed("java")}
  }
}
`,
  );
  await reads("java", ["-cp", `${JAVA_LIBS}/*`, file]);
});
