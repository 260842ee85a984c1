/**
 * `odradek bridge URL`: Kafka's protocol for a deployment, which has no inbound TCP. Listens on this machine and
 * forwards every connection over a WebSocket to `GET /kafka` there; see `kafka/byte-window.ts`.
 */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { dial, dialWithRetries } from "./bridge/dial.ts";
import { BRIDGE_USAGE, readBridgeSettings, type BridgeSettings } from "./bridge/settings.ts";
import { forward } from "./bridge/tunnel.ts";
import { fail } from "./fail.ts";
import { isLoopbackHost } from "./hosts.ts";
import { kafkaPorts } from "./kafka-ports.ts";
import { askedToEnd } from "./launcher.ts";
import { BRIDGE } from "./listening.ts";

/** Connections at the same time, for each port. */
const CLIENTS_MAX = 1_000;
/** A client that has ended its side may still read. */
const OPTIONS = { pauseOnConnect: true, noDelay: true, allowHalfOpen: true };

const UNENCRYPTED =
  "Warning: the key travels unencrypted, because the URL is http:// and not of this machine.";

const EXPOSED =
  "Warning: HOST is not a loopback address, so whoever reaches it may do what the key allows.";

await main().catch((error: unknown) =>
  fail(`The bridge did not start: ${(error as Error).message}`),
);

async function main(): Promise<void> {
  const read = readBridgeSettings(process.argv.slice(2), process.env);
  if (!read.ok) return fail(read.problem);
  if (read.settings === null) {
    process.stdout.write(BRIDGE_USAGE);
    return;
  }
  await bridge(read.settings);
}

async function bridge(settings: BridgeSettings): Promise<void> {
  const stopped = askedToEnd();
  warn(settings);
  const { host, service } = settings;
  const ports = await kafkaPorts(host, settings.port, settings.brokers, BRIDGE);
  if (!ports.ok) return fail(ports.problem);
  const first = ports.ports[0]!;
  const tried = await dial(settings, first, first, stopped);
  if (!tried.ok) return fail(tried.problem);
  tried.webSocket.close();
  const tell = onceEach((problem) => process.stderr.write(`${problem}\n`));
  const servers = await Promise.all(
    ports.ports.map((port) =>
      listen(host, port, async (socket) => {
        const gone = new AbortController();
        socket.once("close", () => gone.abort());
        const signal = AbortSignal.any([gone.signal, stopped]);
        const dialled = await dialWithRetries(settings, first, port, signal, tell.failed);
        if (!dialled.ok) return void socket.destroy();
        tell.succeeded();
        if (socket.destroyed) return void dialled.webSocket.terminate();
        await forward(socket, dialled.webSocket);
      }),
    ),
  );
  process.stdout.write(
    `The bridge to ${service} is ready (Kafka: ${settings.advertisedHost}:${first})\n`,
  );
  if (!stopped.aborted) await once(stopped, "abort");
  for (const server of servers) server.close();
  process.exit(0);
}

/** Warns where others could learn the key, or use it. */
function warn({ endpoint, host, key }: BridgeSettings): void {
  if (key === null) return;
  const serviceHost = endpoint.hostname.replace(/^\[|\]$/g, "");
  if (endpoint.protocol === "ws:" && !isLoopbackHost(serviceHost)) {
    process.stderr.write(`${UNENCRYPTED}\n`);
  }
  if (!isLoopbackHost(host)) process.stderr.write(`${EXPOSED}\n`);
}

/** `accepted` gets sockets that are paused. */
async function listen(
  host: string,
  port: number,
  accepted: (socket: Socket) => Promise<void>,
): Promise<Server> {
  const server = createServer(OPTIONS, (socket) => {
    socket.on("error", () => {});
    void accepted(socket);
  });
  server.maxConnections = CLIENTS_MAX;
  server.listen(port, host);
  await once(server, "listening");
  return server;
}

/** Prints a problem once, until a connection has succeeded or the problem is another. */
function onceEach(print: (problem: string) => void): {
  readonly failed: (problem: string) => void;
  readonly succeeded: () => void;
} {
  let told: string | null = null;
  return {
    failed: (problem) => {
      if (problem !== told) print(problem);
      told = problem;
    },
    succeeded: () => {
      told = null;
    },
  };
}
