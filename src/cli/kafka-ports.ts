/**
 * The ports of Kafka's protocol: `kafka.listeners` consecutive ports. Checked before the runtime is started, whose
 * error would not name the port.
 */
import { KAFKA, listenError, listenProblem, type ListenNames } from "./listening.ts";

const PORT_MAX = 65_535;
/** Where free ports are looked for: mostly below the range for outgoing connections. */
const PICKED_MIN = 20_000;
const PICKED_MAX = 32_000;
const TRIES_MAX = 50;

export type KafkaPorts =
  | { readonly ok: true; readonly ports: readonly number[] }
  | { readonly ok: false; readonly problem: string };

/** `first` and the ports after it; 0 picks free ones. */
export async function kafkaPorts(
  host: string,
  first: number,
  count: number,
  names: ListenNames = KAFKA,
): Promise<KafkaPorts> {
  if (first === 0) return pickPorts(host, count, names);
  if (first + count - 1 > PORT_MAX) {
    return { ok: false, problem: `${names.port}: there are no ${count} ports from ${first} on.` };
  }
  const ports = portsFrom(first, count);
  for (const port of ports) {
    const problem = await listenProblem(host, port, names);
    if (problem !== null) return { ok: false, problem };
  }
  return { ok: true, ports };
}

async function pickPorts(host: string, count: number, names: ListenNames): Promise<KafkaPorts> {
  const problem = await listenProblem(host, 0, names);
  if (problem !== null) return { ok: false, problem };
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const from = PICKED_MIN + Math.floor(Math.random() * (PICKED_MAX - PICKED_MIN));
    const ports = portsFrom(from, count);
    if (await areFree(host, ports)) return { ok: true, ports };
  }
  return { ok: false, problem: `No ${count} free ports in a row were found; set ${names.port}.` };
}

function portsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

async function areFree(host: string, ports: readonly number[]): Promise<boolean> {
  for (const port of ports) if ((await listenError(host, port)) !== null) return false;
  return true;
}
