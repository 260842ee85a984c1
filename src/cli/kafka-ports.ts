/**
 * The ports of Kafka's protocol: `kafka.listeners` consecutive ports. Checked before the runtime is started, whose
 * error would not name the port.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:net";

const PORT_MAX = 65_535;
/** Where free ports are looked for: mostly below the range for outgoing connections. */
const PICKED_MIN = 20_000;
const PICKED_MAX = 32_000;
const TRIES_MAX = 50;

export type KafkaPorts =
  | { readonly ok: true; readonly ports: readonly number[] }
  | { readonly ok: false; readonly problem: string };

/** `first` and the ports after it; 0 picks free ones. */
export async function kafkaPorts(host: string, first: number, count: number): Promise<KafkaPorts> {
  if (first === 0) return pickPorts(host, count);
  if (first + count - 1 > PORT_MAX) {
    return { ok: false, problem: `KAFKA_PORT: there are no ${count} ports from ${first} on.` };
  }
  const ports = portsFrom(first, count);
  const taken = await firstTaken(host, ports);
  if (taken === null) return { ok: true, ports };
  const problem = `Port ${taken} of ${host} is in use: end what listens there, or set KAFKA_PORT to another (0 picks free ones).`;
  return { ok: false, problem };
}

async function pickPorts(host: string, count: number): Promise<KafkaPorts> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const from = PICKED_MIN + Math.floor(Math.random() * (PICKED_MAX - PICKED_MIN));
    const ports = portsFrom(from, count);
    if ((await firstTaken(host, ports)) === null) return { ok: true, ports };
  }
  return { ok: false, problem: `No ${count} free ports in a row were found; set KAFKA_PORT.` };
}

function portsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

/** The first port on which nothing can listen; null when there is none. */
async function firstTaken(host: string, ports: readonly number[]): Promise<number | null> {
  for (const port of ports) if (!(await isFree(host, port))) return port;
  return null;
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server: Server = createServer();
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
