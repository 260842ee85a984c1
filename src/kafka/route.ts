/**
 * Kafka's protocol over a WebSocket, for where inbound TCP is not to be had: what `odradek bridge` connects
 * to. The key was shown at the gate; the client at the other end of the bridge needs none.
 */
import { z } from "@hono/zod-openapi";
import { refuse, type Refusal } from "../base/errors.ts";
import { parseWhole } from "../base/ids.ts";
import { BROKERS_MAX } from "../base/limits.ts";
import { offeredProtocols, WEBSOCKET_PROTOCOL } from "../worker/gate.ts";
import { regionOf, type Origin } from "../gateway/nearest.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../worker/route.ts";
import type { Service } from "../gateway/service.ts";
import { configuredAddresses, listenerAt, type Addresses } from "./addresses.ts";
import { Connection } from "./connection.ts";
import { WebSocketDuplex } from "./websocket.ts";

const PORT_MAX = 65_535;

/** Names and addresses, IPv6 without brackets as Kafka writes them. */
const HOST = /^[A-Za-z0-9._:-]{1,255}$/;

function addressesOf(c: Ctx, service: Service): ({ readonly ok: true } & Addresses) | Refusal {
  const configured = configuredAddresses(service);
  const host = c.req.query("host") ?? configured.host;
  const port = parseWhole(c.req.query("port") ?? String(configured.port)) ?? 0;
  const ports = parseWhole(c.req.query("brokers") ?? String(configured.ports)) ?? 0;
  if (!HOST.test(host)) return refuse("INVALID_REQUEST", "The query's host is no host.");
  if (port < 1 || ports < 1 || ports > BROKERS_MAX || port + ports - 1 > PORT_MAX) {
    return refuse("INVALID_REQUEST", "The query's port and brokers do not name ports.");
  }
  return { ok: true, host, port, ports };
}

function connect(c: Ctx, service: Service): Outcome {
  const request = c.req.raw;
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return refuse("INVALID_REQUEST", "This is a WebSocket: ask with `Upgrade: websocket`.");
  }
  const addresses = addressesOf(c, service);
  if (!addresses.ok) return addresses;
  const { 0: webSocket, 1: ours } = new WebSocketPair();
  const connection = new Connection(new WebSocketDuplex(ours), service, {
    host: `/${request.headers.get("cf-connecting-ip") ?? "127.0.0.1"}`,
    place: regionOf(request.cf as Origin | undefined),
    addresses,
    listener: listenerAt(parseWhole(c.req.query("reached") ?? "") ?? 0, addresses),
    isAuthenticated: true,
  });
  void connection.serve();
  const headers = new Headers();
  if (offeredProtocols(request).includes(WEBSOCKET_PROTOCOL)) {
    headers.set("sec-websocket-protocol", WEBSOCKET_PROTOCOL);
  }
  return new Response(null, { status: 101, webSocket, headers });
}

export const kafkaRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/kafka",
    id: "kafka",
    tag: "Service",
    summary: "Kafka's wire protocol over a WebSocket",
    description:
      'One connection of a Kafka client: binary messages are its stream of bytes, in pieces of any size. Text messages are acknowledgements, `{"ack": n}`, of the bytes taken so far; neither side sends more than 4 MiB beyond what was acknowledged. A client that sends no more says `{"end":true}`, and the service closes when all is answered. The service closes it now and then between two requests; the client connects again. `odradek bridge` does all this for clients that speak TCP.',
    query: z.object({
      host: z
        .string()
        .optional()
        .describe("Where the client reaches brokers. Default: kafka.advertised.host."),
      port: z
        .string()
        .optional()
        .describe("The port of broker 1 there; broker n has the port n - 1 above it."),
      brokers: z
        .string()
        .optional()
        .describe("How many ports there are; brokers beyond share them. Default: kafka.listeners."),
      reached: z.string().optional().describe("The port at which the client has come in."),
    }),
    answers: { 101: { description: "The connection." } },
    errors: ["INVALID_REQUEST"],
    handler: connect,
  }),
];
