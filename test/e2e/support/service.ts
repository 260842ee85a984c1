/**
 * The service as users run it: a process of its own, on free ports, on a data directory that can
 * outlive it. Everything it starts is found below it and can be killed as one.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { allGone, killAll, processTree, until } from "./processes.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const NODE = join(ROOT, "node_modules/.bin/node");
const READY_WAIT_MS = 60_000;
const STOP_WAIT_MS = 10_000;

/** Variables of this machine that a service needs; no setting leaks in from the shell of the test. */
const INHERITED = ["PATH", "HOME", "TMPDIR"] as const;

export interface ServiceOptions {
  /** Kept when given; otherwise a temporary one, deleted by `stop`. */
  readonly dataDir?: string;
  /** Started by npm, as people do; then `pid` is npm's. */
  readonly byNpm?: boolean;
  /** Variables of the service beside PORT, KAFKA_PORT and DATA_DIR, e.g. settings and API_KEYS. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Service {
  /** Without a trailing slash. Another one after `restart`. */
  readonly url: string;
  /** `host:port` for Kafka clients: broker 1's, the others have the next ports. */
  readonly kafka: string;
  readonly pid: number;
  readonly dataDir: string;
  /** Everything it printed so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** SIGTERM; answers with the exit code when the process and all its children have ended. */
  terminate(): Promise<number | null>;
  /** SIGKILL to the process and all its children at once; answers when none is left. */
  kill(): Promise<void>;
  /** Starts it again on the same data and environment; it must have ended. */
  restart(): Promise<void>;
  /** Ends it if it runs, and deletes its data directory if that is a temporary one. */
  stop(): Promise<void>;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the service and answers when it is ready. */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "odradek-test-")));
  let run = new Run(dataDir, options);
  const end = async (): Promise<void> => {
    await run.terminate().catch(() => run.kill());
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
  };
  try {
    await run.ready();
  } catch (error) {
    await end();
    throw error;
  }
  return {
    dataDir,
    get url() {
      return run.url;
    },
    get kafka() {
      return run.kafka;
    },
    get pid() {
      return run.pid;
    },
    get stdout() {
      return run.stdout;
    },
    get stderr() {
      return run.stderr;
    },
    terminate: () => run.terminate(),
    kill: () => run.kill(),
    async restart() {
      run = new Run(dataDir, options);
      await run.ready();
    },
    stop: end,
  };
}

/** Runs `npm start`'s command to its own end: for starts that are refused, and `--help`. */
export async function runToEnd(
  options: ServiceOptions & { readonly args?: readonly string[] },
): Promise<Ended> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "odradek-test-")));
  const run = new Run(dataDir, options, options.args);
  try {
    const code = await run.ended();
    return { code, stdout: run.stdout, stderr: run.stderr };
  } finally {
    await run.kill();
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
  }
}

/** One process of the service. */
class Run {
  stdout = "";
  stderr = "";
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;

  constructor(
    dataDir: string,
    { byNpm = false, env = {} }: ServiceOptions,
    args: readonly string[] = [],
  ) {
    const inherited = INHERITED.map((name) => [name, process.env[name] ?? ""]);
    const command = byNpm ? ["npm", "start", "--"] : [NODE, join(ROOT, "src/cli/start.ts")];
    this.#child = spawn(command[0]!, [...command.slice(1), ...args], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...Object.fromEntries(inherited),
        PORT: "0",
        KAFKA_PORT: "0",
        ...env,
        DATA_DIR: dataDir,
      },
    });
    this.#closed = once(this.#child, "close");
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get url(): string {
    return /http:\/\/\S+/.exec(this.stdout)?.[0] ?? "";
  }

  get kafka(): string {
    return /Kafka: ([^)\s]+)/.exec(this.stdout)?.[1] ?? "";
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Ready is what the service says it is: its line, and /healthz from then on. */
  async ready(): Promise<void> {
    await until(
      () => this.url !== "" || this.#hasEnded,
      READY_WAIT_MS,
      () => `not ready: ${this.stdout}${this.stderr}`,
    );
    if (this.#hasEnded) throw new Error(`ended instead of serving: ${this.stderr}`);
    const health = await fetch(`${this.url}/healthz`);
    await health.arrayBuffer();
    if (health.status !== 200) throw new Error(`/healthz answered ${health.status}`);
  }

  async ended(): Promise<number | null> {
    await until(
      () => this.#hasEnded,
      READY_WAIT_MS,
      () => `did not end: ${this.stdout}${this.stderr}`,
    );
    await this.#closed;
    return this.#child.exitCode;
  }

  async terminate(): Promise<number | null> {
    if (this.#hasEnded) return this.#child.exitCode;
    const tree = processTree(this.pid);
    this.#child.kill("SIGTERM");
    await allGone(tree, STOP_WAIT_MS);
    await this.#closed;
    return this.#child.exitCode;
  }

  async kill(): Promise<void> {
    if (this.#hasEnded) return;
    const tree = processTree(this.pid);
    killAll(tree);
    await allGone(tree);
    await this.#closed;
  }
}
