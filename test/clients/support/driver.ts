/** One driver at work: a process around a real client, asked line by line. See protocol.ts. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { allGone, killAll, processTree, until } from "../../e2e/support/processes.ts";
import type { ClientProgram } from "./clients.ts";
import type {
  AnswerLine,
  EventLine,
  Feature,
  Operation,
  Operations,
  RecordRead,
} from "./protocol.ts";

/** Above every bound that drivers have themselves: one that hangs fails, and says where. */
const ANSWER_WAIT_MS = 150_000;
const EVENT_WAIT_MS = 60_000;
const INHERITED = ["PATH", "HOME", "TMPDIR", "JAVA_HOME"] as const;
const USERNAME = "anybody";

/** Where a client connects. */
export interface Target {
  /** `host:port` */
  readonly bootstrap: string;
  /** The password of SASL PLAIN; null: without. */
  readonly key: string | null;
}

/** A refusal: `code` is Kafka's name of it, where the client tells. */
class DriverError extends Error {
  override readonly name = "DriverError";
  readonly code: string;

  constructor(operation: Operation, { error = "", code = "" }: AnswerLine) {
    super(`${operation}: ${code} ${error}`);
    this.code = code;
  }
}

export interface Told extends RecordRead {
  readonly topic: string;
  readonly partition: number;
}

interface Waiting {
  readonly operation: Operation;
  readonly resolve: (answer: AnswerLine) => void;
  readonly reject: (error: Error) => void;
}

export class Driver {
  /** With the version of a library below it. */
  version = "";
  features: ReadonlySet<Feature> = new Set();
  /** What it owns as a member: `topic/partition`. Null: it was not told anything yet. */
  assigned: readonly string[] | null = null;
  /** Records that it was given as a member. */
  readonly records: Told[] = [];
  /** Why its client has given up. */
  failure: string | null = null;
  /** Of `stream`. */
  acknowledged = 0;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #stderr = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    createInterface({ input: child.stdout! }).on("line", (line) => this.#told(line));
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4_000);
    });
    child.stdin!.on("error", () => {});
    child.on("close", () => {
      for (const { operation, reject } of this.#waiting.values()) {
        reject(new Error(`${operation}: the driver has ended: ${this.#stderr}`));
      }
      this.#waiting.clear();
    });
  }

  /** Starts a client's driver and asks what it is. */
  static async start(client: ClientProgram, target: Target): Promise<Driver> {
    const [program, ...args] = client.command as [string, ...string[]];
    const inherited = INHERITED.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    const child = spawn(program, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: {
        ...Object.fromEntries(inherited),
        BOOTSTRAP: target.bootstrap,
        ...(target.key !== null && {
          SASL_USERNAME: USERNAME,
          SASL_PASSWORD: target.key,
        }),
      },
    });
    const driver = new Driver(child);
    try {
      const { version, features } = await driver.ask("hello", {});
      driver.version = version;
      driver.features = new Set(features);
    } catch (error) {
      await driver.kill();
      throw error;
    }
    return driver;
  }

  /** Throws {@link DriverError} where the client was refused. */
  async ask<K extends Operation>(
    operation: K,
    takes: Operations[K]["takes"],
  ): Promise<Operations[K]["answers"]> {
    const id = this.#nextId++;
    const answered = new Promise<AnswerLine>((resolve, reject) => {
      this.#waiting.set(id, { operation, resolve, reject });
    });
    this.#child.stdin!.write(`${JSON.stringify({ id, do: operation, ...takes })}\n`);
    const late = setTimeout(() => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      waiting?.reject(new Error(`${operation}: no answer: ${this.#stderr}`));
    }, ANSWER_WAIT_MS);
    try {
      const answer = await answered;
      if (answer.error !== undefined) throw new DriverError(operation, answer);
      return answer as unknown as Operations[K]["answers"];
    } finally {
      clearTimeout(late);
    }
  }

  /** Waits for what events bring about. */
  async until(what: string, condition: (driver: this) => boolean): Promise<void> {
    await until(
      () => condition(this) || this.failure !== null,
      EVENT_WAIT_MS,
      () => `${what}: owns ${this.assigned}, ${this.records.length} records; ${this.#stderr}`,
    );
    if (!condition(this)) throw new Error(`${what}: ${this.failure}`);
  }

  /** SIGKILL to it and what it started. */
  async kill(): Promise<void> {
    if (this.#hasEnded) return;
    const tree = processTree(this.#child.pid!);
    killAll(tree);
    await allGone(tree);
  }

  /** Ends it without leaving a group. */
  async close(): Promise<void> {
    if (this.#hasEnded) return;
    const closed = once(this.#child, "close");
    this.#child.stdin!.end();
    const late = setTimeout(() => void this.kill(), 10_000);
    await closed;
    clearTimeout(late);
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #told(line: string): void {
    const said = JSON.parse(line) as AnswerLine | EventLine;
    if ("event" in said) return this.#happened(said);
    const waiting = this.#waiting.get(said.id);
    this.#waiting.delete(said.id);
    waiting?.resolve(said);
  }

  #happened(said: EventLine): void {
    if (said.event === "assigned") {
      this.assigned = said.partitions
        .map(([topic, partition]) => `${topic}/${partition}`)
        .toSorted();
    } else if (said.event === "records") this.records.push(...said.records);
    else if (said.event === "acknowledged") this.acknowledged = said.count;
    else this.failure = said.error;
  }
}
