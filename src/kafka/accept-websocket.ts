/**
 * Kafka's protocol over a WebSocket, for deployments without inbound TCP: what `odradek bridge` connects to. The
 * worker's gate has checked the key already; the client at the other end of the bridge needs none.
 */
import { refuse, type Refusal } from "../base/errors.ts";
import { parseWhole } from "../base/ids.ts";
import { BROKERS_MAX } from "../base/limits.ts";
import { regionOf, type Origin } from "../gateway/nearest.ts";
import type { Service } from "../gateway/service.ts";
import { offeredProtocols, WEBSOCKET_PROTOCOL } from "../gateway/subprotocols.ts";
import { configuredAddresses, listenerAt, type Addresses } from "../gateway/addresses.ts";
import { Connection } from "./connection.ts";
import { WebSocketDuplex } from "./websocket.ts";

const PORT_MAX = 65_535;

/** Names and addresses, IPv6 without brackets as Kafka writes them. */
const HOST = /^[A-Za-z0-9._:-]{1,255}$/;

function addressesOf(
  query: URLSearchParams,
  service: Service,
): ({ readonly ok: true } & Addresses) | Refusal {
  const configured = configuredAddresses(service);
  const host = query.get("host") ?? configured.host;
  const port = parseWhole(query.get("port") ?? String(configured.port)) ?? 0;
  const ports = parseWhole(query.get("brokers") ?? String(configured.ports)) ?? 0;
  if (!HOST.test(host)) return refuse("INVALID_REQUEST", "The query's host is no host.");
  if (port < 1 || ports < 1 || ports > BROKERS_MAX || port + ports - 1 > PORT_MAX) {
    return refuse("INVALID_REQUEST", "The query's port and brokers do not name ports.");
  }
  return { ok: true, host, port, ports };
}

/** Answers a request for a WebSocket, and serves the connection behind it. INVALID_REQUEST. */
export function acceptWebSocket(request: Request, service: Service): Response | Refusal {
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return refuse("INVALID_REQUEST", "This is a WebSocket: ask with `Upgrade: websocket`.");
  }
  const query = new URL(request.url).searchParams;
  const addresses = addressesOf(query, service);
  if (!addresses.ok) return addresses;
  const { 0: webSocket, 1: ours } = new WebSocketPair();
  const connection = new Connection(new WebSocketDuplex(ours), service, {
    host: `/${request.headers.get("cf-connecting-ip") ?? "127.0.0.1"}`,
    place: regionOf(request.cf as Origin | undefined),
    addresses,
    listener: listenerAt(parseWhole(query.get("reached") ?? "") ?? 0, addresses),
    isAuthenticated: true,
  });
  void connection.serve();
  const headers = new Headers();
  if (offeredProtocols(request).includes(WEBSOCKET_PROTOCOL)) {
    headers.set("sec-websocket-protocol", WEBSOCKET_PROTOCOL);
  }
  return new Response(null, { status: 101, webSocket, headers });
}
