/**
 * Runs the worker of a wrangler.toml on this machine: bundled, on miniflare, with persistent data. The configuration
 * file is the only source of bindings, flags and variables.
 *
 * The listening socket leads straight to the worker. Miniflare's own entry worker in front of it is made for
 * development (live reload, error pages, local triggers), takes most of a small request's time, and would expose its
 * triggers to every caller.
 */
import { enableCompileCache } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { guardRuntime } from "./runtime-guard.ts";
import { readWorkerConfig } from "./worker-config.ts";
import { workerModules } from "./worker-modules.ts";

export interface RuntimeOptions {
  /** Path of the wrangler.toml. */
  readonly configPath: string;
  readonly dataDir: string;
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Where the worker's `connect` handler listens, on the same host; absent: nowhere. */
  readonly kafkaPorts?: readonly number[];
  /** Take precedence over the configuration's [vars]. */
  readonly variables: Readonly<Record<string, string>>;
  /** Opens the runtime's inspector, for profiling. */
  readonly inspect?: boolean;
  /** Called with each runtime's process id before that process has opened any data. */
  readonly started?: (pid: number) => void;
}

export interface LocalRuntime {
  /** Without a trailing slash. */
  readonly url: string;
  /** `http://…`, where the inspector was asked for. */
  readonly inspectorUrl: string | null;
  stop(): Promise<void>;
}

const READY_WAIT_MS = 30_000;
const READY_POLL_MS = 10;

/**
 * Starts the worker, and resolves when `GET /healthz` is answered. Throws when it cannot listen or does not build.
 */
export async function startRuntime(options: RuntimeOptions): Promise<LocalRuntime> {
  // What this process loads is large too, and compiled once.
  enableCompileCache();
  const config = readWorkerConfig(options.configPath);
  const [miniflare, logs, modules] = await Promise.all([
    import("miniflare"),
    import("./worker-logs.ts"),
    workerModules(config.main),
  ]);
  const guard = guardRuntime(options.started ?? (() => {}));
  const instance = withoutSignalHandlers(
    () =>
      new miniflare.Miniflare(
        miniflare.convertV4MiniflareOptions({
          host: "127.0.0.1",
          port: 0,
          cf: false,
          logRequests: false,
          log: new logs.StderrLog(),
          handleStructuredLogs: logs.printWorkerLog,
          resourcePersistencePath: options.dataDir,
          ...(options.inspect === true && { inspectorPort: 0 }),
          workers: [
            {
              ...config.options,
              name: config.name,
              compatibilityFlags: [...config.options.compatibilityFlags],
              bindings: { ...config.options.bindings, ...options.variables },
              modules: modules.map((module) => ({ type: "ESModule" as const, ...module })),
              connectHandlers: (options.kafkaPorts ?? []).map((port) => ({
                protocol: "tcp" as const,
                port,
                address: options.host,
              })),
              unsafeDirectSockets: [{ host: options.host, port: options.port }],
            },
          ],
        }),
      ),
  );
  const stop = async (): Promise<void> => {
    try {
      await instance.dispose();
    } finally {
      await guard.stop();
    }
  };
  try {
    await instance.ready;
    const { port } = await instance.unsafeGetDirectURL();
    const url = `http://${reachableHost(options.host)}:${port}`;
    await healthy(url);
    const inspectorUrl = options.inspect
      ? `http://${(await instance.getInspectorURL()).host}`
      : null;
    return { url, inspectorUrl, stop };
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }
}

/**
 * Miniflare ends the process in the middle of a signal, with the signal's exit code. The program itself decides what
 * a signal means; if it is killed, the guard ends the runtime.
 */
function withoutSignalHandlers<T>(create: () => T): T {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const before = new Map(signals.map((signal) => [signal, process.listeners(signal)]));
  const created = create();
  for (const signal of signals) {
    for (const listener of process.listeners(signal)) {
      if (!before.get(signal)!.includes(listener)) process.off(signal, listener);
    }
  }
  return created;
}

async function healthy(url: string): Promise<void> {
  const deadline = Date.now() + READY_WAIT_MS;
  for (;;) {
    const response = await fetch(`${url}/healthz`);
    await response.arrayBuffer();
    if (response.ok) return;
    if (Date.now() > deadline) throw new Error(`GET /healthz answers ${response.status}.`);
    await sleep(READY_POLL_MS);
  }
}

/** An address at which to reach a server that listens on `host`. */
function reachableHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
