/**
 * The ways from a client to the service: over TCP, and, where there is none, through the bridge to a service
 * that wants a key.
 */
import { kafkaPorts } from "../../../src/cli/kafka-ports.ts";
import { startBridge } from "../../e2e/support/bridge.ts";
import { Client } from "../../e2e/support/client.ts";
import { startService } from "../../e2e/support/service.ts";
import type { Target } from "./driver.ts";
import { Recorder } from "./recorder.ts";

const KEY = "the-key-of-the-clients";
const HOST = "127.0.0.1";
/** As the service has them by default. */
const LISTENERS = 3;
/** Where `npm run capture` wants what clients say; see recorder.ts. */
const CAPTURE = process.env["CAPTURE"];

/** A service with a way to it. */
export interface Place {
  readonly target: Target;
  readonly http: Client;
  stop(): Promise<void>;
}

/** @param key what the service wants over HTTP and of Kafka's clients; null: nothing, on loopback */
async function overTcp(
  key: string | null,
  settings: Readonly<Record<string, string>> = {},
): Promise<Place> {
  const service = await startService({
    env: { ...settings, ...(key !== null && { API_KEYS: key }) },
  });
  const http = new Client(service.url, 16, key);
  return {
    target: { bootstrap: service.kafka, key },
    http,
    async stop() {
      await http.close();
      await service.stop();
    },
  };
}

/** As over TCP, with everything that is said written down. */
async function recorded(folder: string): Promise<Place> {
  const ports = await kafkaPorts(HOST, 0, LISTENERS);
  if (!ports.ok) throw new Error(ports.problem);
  const listenAt = ports.ports[0]!;
  const service = await startService({ env: { KAFKA_ADVERTISED_PORT: String(listenAt) } });
  const recorder = new Recorder();
  await recorder.listen(listenAt, HOST, Number(service.kafka.split(":")[1]), LISTENERS);
  const http = new Client(service.url, 16);
  return {
    target: { bootstrap: `${HOST}:${listenAt}`, key: null },
    http,
    async stop() {
      recorder.write(folder);
      recorder.stop();
      await http.close();
      await service.stop();
    },
  };
}

async function throughTheBridge(): Promise<Place> {
  const place = await overTcp(KEY);
  const bridge = await startBridge(place.http.url, { ODRADEK_KEY: KEY });
  return {
    target: { bootstrap: bridge.kafka, key: null },
    http: place.http,
    async stop() {
      await bridge.stop();
      await place.stop();
    },
  };
}

export const WAYS = {
  TCP: () => (CAPTURE === undefined ? overTcp(null) : recorded(CAPTURE)),
  SASL: () => overTcp(KEY),
  "one port": () => overTcp(null, { KAFKA_LISTENERS: "1" }),
  bridge: throughTheBridge,
} as const;

export type WayName = keyof typeof WAYS;
