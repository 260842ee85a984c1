/**
 * The ways from a client to the service: over TCP, and, where there is none, through the bridge to a service
 * that wants a key.
 */
import { startBridge } from "../../e2e/support/bridge.ts";
import { Client } from "../../e2e/support/client.ts";
import { startService } from "../../e2e/support/service.ts";
import type { Target } from "./driver.ts";

const KEY = "the-key-of-the-clients";

/** A service with a way to it. */
export interface Place {
  readonly target: Target;
  readonly http: Client;
  stop(): Promise<void>;
}

/** @param key what the service wants over HTTP and of Kafka's clients; null: nothing, on loopback */
async function overTcp(key: string | null): Promise<Place> {
  const service = await startService({ env: key === null ? {} : { API_KEYS: key } });
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
  TCP: () => overTcp(null),
  SASL: () => overTcp(KEY),
  bridge: throughTheBridge,
} as const;

export type WayName = keyof typeof WAYS;
