/**
 * `odradek start`, `npm start`: the service on this machine, with its data in DATA_DIR. Prints one line with the URL
 * once it answers requests; SIGTERM and SIGINT end it and everything it started.
 */
import { once } from "node:events";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { lockData, type DataLock } from "./data-lock.ts";
import { environmentName } from "../base/config.ts";
import { describeEnvironment, readSettings, type LocalSettings } from "./environment.ts";
import { fail } from "./fail.ts";
import { kafkaPorts } from "./kafka-ports.ts";
import { askedToEnd } from "./launcher.ts";
import { startRuntime, type LocalRuntime } from "./local-runtime.ts";

const USAGE = `Usage: npm start [-- --help]

Serves Odradek on this machine until SIGTERM or SIGINT, and keeps its data.
Prints one line with the URL, and the address for Kafka clients, when it is ready.

${describeEnvironment()}
`;

const NOBODY_IS_LET_IN =
  "Warning: HOST is not a loopback address and API_KEYS is not set, so every request but GET /healthz is refused.";

const CONFIG_PATH = resolve(import.meta.dirname, "../../wrangler.toml");

await main();

async function main(): Promise<void> {
  if (wantsHelp()) {
    process.stdout.write(USAGE);
    return;
  }
  const read = readSettings(process.env);
  if (!read.ok) return fail(read.problem);
  const lock = await lockData(read.settings.dataDir);
  if (!lock.ok) return fail(lock.problem);
  await serve(read.settings, lock);
}

function wantsHelp(): boolean {
  try {
    const { values } = parseArgs({ options: { help: { type: "boolean", short: "h" } } });
    return values.help === true;
  } catch (error) {
    return fail(`${(error as Error).message}\n\n${USAGE}`);
  }
}

async function serve(settings: LocalSettings, lock: DataLock): Promise<void> {
  const asked = askedToEnd();
  if (!settings.loopback && !settings.hasKey) process.stderr.write(`${NOBODY_IS_LET_IN}\n`);
  const kafka = await kafkaPorts(settings.host, settings.kafkaPort, settings.kafkaListeners);
  if (!kafka.ok) {
    lock.release();
    return fail(kafka.problem);
  }
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
      host: settings.host,
      port: settings.port,
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
    return `Port ${port} of ${host} is in use: end what listens there, or set PORT to another (0 picks a free one).`;
  }
  return `The service did not start: ${message}`;
}
