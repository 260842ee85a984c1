/**
 * `npm run demo`: the service at work in one command, on a temporary directory or at a URL. This file
 * reads the options and cleans up, also after Ctrl-C; what is shown is in `demo/`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readArguments } from "./arguments.ts";
import type { Target } from "./demo/api.ts";
import { DATA_SET } from "./demo/flights.ts";
import { demonstrateFlights, FLIGHTS_PARTITIONS } from "./demo/flights-demo.ts";
import { demonstrateGroup } from "./demo/group.ts";
import { loseABroker } from "./demo/lose-a-broker.ts";
import { print } from "./demo/print.ts";
import { startRuntime } from "./local-runtime.ts";

const SECONDS = { least: 4, most: 600, fallback: 16 } as const;
const PARTITIONS = { least: 1, most: 32, fallback: 6 } as const;
/** The exit code of a command that was ended by SIGINT, as shells report it. */
const INTERRUPTED = 130;
/**
 * npm forwards a SIGINT that the terminal has also sent to its script; a second one within this time is the same one.
 */
const ECHO_MS = 500;

const USAGE = `Usage: odradek demo [OPTIONS]        (also: npm run demo -- [OPTIONS])

Produces ${DATA_SET} of vega-datasets into a topic of its own with ${FLIGHTS_PARTITIONS} partitions, keyed by origin,
follows it with a tailing reader, and accounts for every record.

  --url URL         a running service; without it one is started on a temporary directory
  --key KEY         its bearer key
  --keep            leaves the topic there
  --help            prints this

  --group           another demo: three consumers share the flights, one is killed, its partitions
                    move, the lag rises and falls to zero; exit code 1 if a record is not processed
  --lose-a-broker   another demo: producers write to three replicas with acks=all, the broker that
                    leads most is fenced and returns, and every acknowledged record is looked for on
                    every replica; exit code 1 if one is missing. With --url a broker of that service
                    is out of service for some seconds, for all of its topics.
  --seconds N       of --lose-a-broker: how long producers write, ${SECONDS.least} to ${SECONDS.most} [${SECONDS.fallback}]
  --partitions N    of --lose-a-broker: ${PARTITIONS.least} to ${PARTITIONS.most} [${PARTITIONS.fallback}]

Ctrl-C ends it; a topic or a broker of --url is then as before.
`;

interface Options {
  readonly url: string | undefined;
  readonly key: string | undefined;
  readonly keep: boolean;
  readonly group: boolean;
  readonly loseABroker: boolean;
  readonly seconds: number;
  readonly partitions: number;
}

await main();

async function main(): Promise<void> {
  const options = readOptions();
  if (options === null) return;
  const interrupted = interruption();
  const own = options.url === undefined ? await startOwn() : null;
  try {
    const target = {
      url: own?.url ?? options.url!.replace(/\/+$/, ""),
      headers: options.key === undefined ? {} : { authorization: `Bearer ${options.key}` },
      topic: `flights-${Date.now().toString(36)}`,
    };
    if (!(await demonstrate(target, options, interrupted))) process.exitCode = 1;
  } catch (error) {
    process.exitCode = interrupted.aborted ? INTERRUPTED : 1;
    if (!interrupted.aborted) {
      const { message, cause } = error as Error;
      // `fetch failed` says nothing by itself.
      const reason = cause instanceof Error ? `${message}: ${cause.message}` : message;
      process.stderr.write(`The demo failed: ${reason}\n`);
    }
  } finally {
    await own?.stop();
  }
}

function demonstrate(target: Target, options: Options, signal: AbortSignal): Promise<boolean> {
  if (options.loseABroker) return loseABroker(target, options, signal);
  const demo = options.group ? demonstrateGroup : demonstrateFlights;
  return demo(target, options.keep, signal);
}

/**
 * Aborts at the first SIGINT or SIGTERM. A second request, unless it is npm's copy of the first, ends the process at
 * once.
 */
function interruption(): AbortSignal {
  const asked = new AbortController();
  let askedMs = 0;
  const ask = (): void => {
    if (asked.signal.aborted && performance.now() - askedMs > ECHO_MS) process.exit(INTERRUPTED);
    if (asked.signal.aborted) return;
    askedMs = performance.now();
    asked.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, ask);
  return asked.signal;
}

/** Null where there is nothing to run; any problem was printed then. */
function readOptions(): Options | null {
  try {
    const args = readArguments({
      options: {
        url: { type: "string" },
        key: { type: "string" },
        keep: { type: "boolean", default: false },
        group: { type: "boolean", default: false },
        "lose-a-broker": { type: "boolean", default: false },
        seconds: { type: "string" },
        partitions: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (!args.ok) throw new Error(args.problem);
    const { values } = args;
    if (values.help === true) {
      process.stdout.write(USAGE);
      return null;
    }
    if (values.url !== undefined && !/^https?:\/\//.test(values.url)) {
      throw new Error("--url is an http:// or https:// URL.");
    }
    return {
      url: values.url,
      key: values.key,
      keep: values.keep,
      group: values.group,
      loseABroker: values["lose-a-broker"],
      seconds: whole("--seconds", values.seconds, SECONDS),
      partitions: whole("--partitions", values.partitions, PARTITIONS),
    };
  } catch (error) {
    process.stderr.write(`${(error as Error).message} (odradek demo --help says more)\n`);
    process.exitCode = 1;
    return null;
  }
}

function whole(
  name: string,
  text: string | undefined,
  { least, most, fallback }: { least: number; most: number; fallback: number },
): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${name} is a whole number of ${least} to ${most}.`);
}

async function startOwn(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), "odradek-demo-"));
  const runtime = await startRuntime({
    configPath: resolve(import.meta.dirname, "../../wrangler.toml"),
    dataDir,
    host: "127.0.0.1",
    port: 0,
    variables: { OPEN_ON_LOOPBACK: "true" },
  });
  print(`Started a service at ${runtime.url} on a temporary directory.`);
  return {
    url: runtime.url,
    async stop() {
      await runtime.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
