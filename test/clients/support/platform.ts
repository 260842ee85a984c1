/** Programs of Kafka's platform that are no clients with a driver: Streams, Connect and Kafka's tools, each a process of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { allGone, killAll, processTree, until } from "../../e2e/support/processes.ts";
import { DRIVERS, INSTALL, JAVA, runs } from "./clients.ts";

const TARGET = join(DRIVERS, "platform/target");
const OUTPUT_WAIT_MS = 120_000;
/** The end of what a program has printed, where it does not do what it should. */
const SHOWN_CHARACTERS = 4_000;

const isThere = existsSync(join(TARGET, "libs")) && runs(JAVA, "-version");

/** What tests are to run with; empty where it is not installed, which is said loudly, and fails with `CI=true`. */
export function platformUnlessMissing(): readonly [] | readonly [true] {
  if (isThere) return [true];
  const problem = `Kafka Streams, Connect and tools are not installed here: ${INSTALL}`;
  if (process.env["CI"] === "true") throw new Error(problem);
  console.warn(`NOT TESTED: ${problem}`);
  return [];
}

/** A Java program, by its main class, with everything in the jars of ../drivers/platform. */
export class JavaProgram {
  output = "";
  readonly #child;

  constructor(mainClass: string, args: readonly string[]) {
    const options = [
      ...["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m"],
      ...["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"],
      ...["-cp", `${join(TARGET, "classes")}:${join(TARGET, "libs")}/*`],
    ];
    this.#child = spawn(JAVA, [...options, mainClass, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (this.output += text));
    }
  }

  /** Waits for what it brings about; throws, with the end of its output, where it ends before or takes too long. */
  async until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    const said = (): string => `${what}: ${this.output.slice(-SHOWN_CHARACTERS)}`;
    await until(
      async () => {
        if (this.#child.exitCode !== null) throw new Error(`It has ended. ${said()}`);
        return condition();
      },
      OUTPUT_WAIT_MS,
      said,
    );
  }

  /** Waits for its end, and throws where that is not a good one. What it has printed. */
  async ended(): Promise<string> {
    const code = this.#child.exitCode ?? (await once(this.#child, "close"))[0];
    if (code !== 0) throw new Error(`It ended with ${code}: ${this.output}`);
    return this.output;
  }

  /** SIGKILL: it cannot leave its group. */
  async kill(): Promise<void> {
    const tree = processTree(this.#child.pid!);
    killAll(tree);
    await allGone(tree);
  }
}
