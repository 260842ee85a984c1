/**
 * `odradek start`, `npm start`: the service on this machine, with its data in DATA_DIR. Prints one line with the URL
 * once it answers requests; SIGTERM and SIGINT end it and everything it started.
 */
import { once } from "node:events";
import { resolve } from "node:path";
import { environmentName } from "../base/config.ts";
import { readArguments } from "./arguments.ts";
import { lockData, type DataLock } from "./data-lock.ts";
import {
  describeEnvironment,
  misspeltVariables,
  readSettings,
  type LocalSettings,
} from "./environment.ts";
import { fail } from "./fail.ts";
import { kafkaPorts, type KafkaPorts } from "./kafka-ports.ts";
import { askedToEnd } from "./launcher.ts";
import { HTTP, inUse, listenProblem } from "./listening.ts";
import { startRuntime, type LocalRuntime } from "./local-runtime.ts";
import { programVersion } from "./version.ts";

const USAGE = `Usage: odradek start        (also: npm start)

Serves Odradek on this machine until SIGTERM or SIGINT, and keeps its data.
Prints one line with the URL, and the address for Kafka clients, when it is ready.

  --help            prints this

${describeEnvironment()}
`;

const NOBODY_IS_LET_IN =
  "Warning: HOST is not a loopback address and API_KEYS is not set, so every request but GET /healthz is refused.";

const CONFIG_PATH = resolve(import.meta.dirname, "../../wrangler.toml");

await main();

async function main(): Promise<void> {
  const args = readArguments({ options: { help: { type: "boolean", short: "h" } } });
  if (!args.ok) return fail(`${args.problem} (odradek start --help says more)`);
  if (args.values.help === true) {
    process.stdout.write(USAGE);
    return;
  }
  const read = readSettings(process.env);
  if (!read.ok) return fail(read.problem);
  const { settings } = read;
  for (const line of misspeltVariables(process.env)) process.stderr.write(`${line}\n`);
  try {
    const lock = await lockData(settings.dataDir);
    if (!lock.ok) return fail(lock.problem);
    await serve(settings, lock);
  } catch (error) {
    fail(reasonOf(error, settings));
  }
}

async function serve(settings: LocalSettings, lock: DataLock): Promise<void> {
  const asked = askedToEnd();
  const { host, port } = settings;
  const problem = await listenProblem(host, port, HTTP);
  const kafka: KafkaPorts =
    problem === null
      ? await kafkaPorts(host, settings.kafkaPort, settings.kafkaListeners)
      : { ok: false, problem };
  if (!kafka.ok) {
    lock.release();
    return fail(kafka.problem);
  }
  if (!settings.loopback && !settings.hasKey) process.stderr.write(`${NOBODY_IS_LET_IN}\n`);
  process.stderr.write(`Odradek ${programVersion()} starts with the data in ${settings.dataDir}\n`);
  const [kafkaPort] = kafka.ports as [number, ...number[]];
  const variables = {
    [environmentName("kafka.advertised.port")]: String(kafkaPort),
    ...settings.variables,
  };
  let runtime: LocalRuntime;
  try {
    runtime = await startRuntime({
      configPath: CONFIG_PATH,
      dataDir: settings.dataDir,
      host,
      port,
      kafkaPorts: kafka.ports,
      variables,
      started: lock.noteRuntime,
    });
  } catch (error) {
    lock.release();
    return fail(reasonOf(error, settings));
  }
  if (!asked.aborted) {
    process.stdout.write(
      `Odradek is ready at ${runtime.url} (Kafka: ${settings.host}:${kafkaPort})\n`,
    );
    await once(asked, "abort");
  }
  await runtime.stop();
  lock.release();
  process.exit(0);
}

function reasonOf(error: unknown, { host, port }: LocalSettings): string {
  const { code, message } = error as Error & { code?: string };
  if (code === "ERR_ADDRESS_IN_USE") {
    return inUse(host, port, HTTP);
  }
  return `The service did not start: ${message}`;
}
