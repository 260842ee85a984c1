/** Reads and checks the arguments and environment of the bridge before anything starts. */
import { readFileSync } from "node:fs";
import { BROKERS_MAX } from "../../base/limits.ts";
import { readArguments } from "../arguments.ts";
import { WILDCARDS } from "../hosts.ts";

export interface BridgeSettings {
  /** Of the endpoint: `wss://…/kafka`. */
  readonly endpoint: URL;
  /** As it was given, for messages. */
  readonly service: string;
  readonly key: string | null;
  readonly host: string;
  /** Of broker 1; 0 picks free ones. */
  readonly port: number;
  readonly brokers: number;
  /** Where clients are told to connect. */
  readonly advertisedHost: string;
}

export type ReadBridgeSettings =
  | { readonly ok: true; readonly settings: BridgeSettings }
  | { readonly ok: true; readonly settings: null }
  | { readonly ok: false; readonly problem: string };

const PORT_MAX = 65_535;

export const BRIDGE_USAGE = `Usage: odradek bridge URL [OPTIONS]        (also: npm run bridge -- URL [OPTIONS])

Lets Kafka clients talk to a deployment, which has no TCP: listens here, one port for each broker,
and forwards every connection over a WebSocket to URL. Clients need no key: the bridge shows its own,
so whoever reaches its ports may do what the key allows.

  URL               the service: https://odradek.example.workers.dev
  --port N          port of broker 1, the others have the next ones; 0 picks free ones [9092]
  --host HOST       address to listen on [127.0.0.1]
  --advertise HOST  where clients reach HOST, if it is called otherwise from there
  --brokers N       how many ports; brokers beyond share them [3]
  --key-file FILE   the file that holds the key
  --help            prints this

Environment:
  ODRADEK_KEY       the key, where --key-file is not given

Prints one line when it is ready. What it forwards is held up by whoever is slow at either end. When
the service cannot be reached, new connections are kept waiting for ten seconds, then ended; a
connection that breaks is ended at the other end too, and clients connect again by themselves.
`;

/** `settings` null: only help was asked for. */
export function readBridgeSettings(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ReadBridgeSettings {
  const parsed = parse(args);
  if (!parsed.ok) return problem(`${parsed.problem} (odradek bridge --help says more)`);
  const { values, positionals } = parsed;
  if (values.help === true) return { ok: true, settings: null };
  if (positionals.length !== 1)
    return problem("One URL is needed (odradek bridge --help says more).");
  const service = positionals[0]!;
  const endpoint = endpointOf(service);
  if (endpoint === null) return problem(`${service} is no http:// or https:// URL.`);
  const port = whole(values.port, PORT_MAX);
  if (port === null) return problem("--port must be a port, 0 to 65535.");
  const brokers = whole(values.brokers, BROKERS_MAX);
  if (brokers === null || brokers === 0) {
    return problem(`--brokers must be a number from 1 to ${BROKERS_MAX}.`);
  }
  const { host, advertise } = values;
  if (advertise === undefined && WILDCARDS.has(host)) {
    return problem(
      `Nobody can connect to ${host}: say where clients reach it by --advertise HOST.`,
    );
  }
  const key = readKey(values["key-file"], env["ODRADEK_KEY"]);
  if (!key.ok) return key;
  const advertisedHost = advertise ?? host;
  return {
    ok: true,
    settings: { endpoint, service, key: key.key, host, port, brokers, advertisedHost },
  };
}

function parse(args: readonly string[]) {
  return readArguments({
    args: [...args],
    allowPositionals: true,
    options: {
      port: { type: "string", default: "9092" },
      host: { type: "string", default: "127.0.0.1" },
      advertise: { type: "string" },
      brokers: { type: "string", default: "3" },
      "key-file": { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
}

function endpointOf(service: string): URL | null {
  if (!URL.canParse(service)) return null;
  const url = new URL(service);
  if (url.protocol !== "http:" && url.protocol !== "https:") return null;
  url.protocol = url.protocol === "http:" ? "ws:" : "wss:";
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/kafka`;
  url.search = "";
  url.hash = "";
  return url;
}

function whole(text: string, most: number): number | null {
  return /^\d{1,5}$/.test(text) && Number(text) <= most ? Number(text) : null;
}

function readKey(
  file: string | undefined,
  variable: string | undefined,
):
  | { readonly ok: true; readonly key: string | null }
  | { readonly ok: false; readonly problem: string } {
  let key = variable ?? "";
  if (file !== undefined) {
    try {
      key = readFileSync(file, "utf8");
    } catch (error) {
      return problem(`The key cannot be read: ${(error as Error).message}`);
    }
  }
  key = key.trim();
  // It becomes a header's value; the message must not contain the key.
  if (!/^[\x21-\x7e]*$/.test(key)) return problem("The key is not one line of visible ASCII.");
  return { ok: true, key: key === "" ? null : key };
}

function problem(text: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem: text };
}
