/** The subprotocols of WebSockets: what a request offers, and what is answered. */

/** The subprotocol that a WebSocket answers with when it was offered; a key is never echoed. */
export const WEBSOCKET_PROTOCOL = "odradek";

/** The subprotocols that a WebSocket's request offers. */
export function offeredProtocols(request: Request): string[] {
  const offered = request.headers.get("sec-websocket-protocol");
  return offered === null ? [] : offered.split(",").map((protocol) => protocol.trim());
}
