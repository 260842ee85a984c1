/** The bridge as users run it: a process of its own, on free ports unless told otherwise. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { until } from "./processes.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const READY_WAIT_MS = 30_000;

export interface Bridge {
  /** `host:port` for Kafka clients: broker 1's, the others have the next ports. */
  readonly kafka: string;
  readonly pid: number;
  readonly stderr: string;
  /** SIGTERM; answers with the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export interface EndedBridge {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a bridge and answers when it is ready. */
export async function startBridge(
  url: string,
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = ["--port", "0"],
): Promise<Bridge> {
  const run = new Run([url, ...args], env);
  await until(
    () => run.kafka !== "" || run.hasEnded,
    READY_WAIT_MS,
    () => `not ready: ${run.stdout}${run.stderr}`,
  );
  if (run.hasEnded) throw new Error(`ended instead of bridging: ${run.stderr}`);
  return {
    kafka: run.kafka,
    pid: run.child.pid!,
    get stderr() {
      return run.stderr;
    },
    stop: () => run.end("SIGTERM"),
    kill: async () => void (await run.end("SIGKILL")),
  };
}

/** For what ends by itself: starts that are refused, and `--help`. */
export async function bridgeToEnd(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<EndedBridge> {
  const run = new Run(args, env);
  await until(
    () => run.hasEnded,
    READY_WAIT_MS,
    () => `did not end: ${run.stdout}${run.stderr}`,
  );
  await run.closed;
  return { code: run.child.exitCode, stdout: run.stdout, stderr: run.stderr };
}

class Run {
  stdout = "";
  stderr = "";
  readonly child: ChildProcess;
  readonly closed: Promise<unknown>;

  constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    this.child = spawn(join(ROOT, "bin/odradek"), ["bridge", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"] ?? "", ...env },
    });
    this.closed = once(this.child, "close");
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
  }

  get kafka(): string {
    return /Kafka: ([^)\s]+)/.exec(this.stdout)?.[1] ?? "";
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (!this.hasEnded) this.child.kill(signal);
    await this.closed;
    return this.child.exitCode;
  }
}
