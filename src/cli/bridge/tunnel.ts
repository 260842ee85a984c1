/**
 * Forwards one client's connection: bytes from its socket into binary messages and back, with flow control at both
 * ends as `kafka/byte-window.ts` says. The bytes are not looked at. When one end breaks, the other is ended: only the
 * client knows which of its requests were answered, and repeats the others.
 */
import type { Socket } from "node:net";
import type { RawData, WebSocket } from "ws";
import {
  ACK_BYTES,
  ackMessage,
  END_MESSAGE,
  PIECE_BYTES_MAX,
  readAck,
  WINDOW_BYTES,
} from "../../kafka/byte-window.ts";

/** The interval of pings, so that proxies do not take the connection for idle, and a lost service is noticed. */
const PING_MS = 30_000;
/** How long the service may take to answer what a client has sent before it disconnected. */
const FAREWELL_MS = 10_000;

/**
 * Forwards until either end is done, then ends the other. `socket` is paused at first. Resolves when both are closed.
 */
export async function forward(socket: Socket, webSocket: WebSocket): Promise<void> {
  const stopPinging = keepAlive(webSocket);
  sendOn(socket, webSocket);
  writeBack(webSocket, socket);
  await Promise.all([closed(socket), closed(webSocket)]);
  stopPinging();
}

/** From the client to the service. */
function sendOn(socket: Socket, webSocket: WebSocket): void {
  let sentBytes = 0;
  let ackedBytes = 0;
  socket.on("data", (bytes: Buffer) => {
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES_MAX) {
      webSocket.send(bytes.subarray(at, at + PIECE_BYTES_MAX), { binary: true });
    }
    sentBytes += bytes.byteLength;
    // A read is 64 KiB, so the window is exceeded by less than the service allows.
    if (sentBytes - ackedBytes >= WINDOW_BYTES) socket.pause();
  });
  webSocket.on("message", (data: RawData, isBinary: boolean) => {
    if (isBinary) return;
    const acked = readAck(String(data));
    if (acked === null || acked < ackedBytes || acked > sentBytes) return webSocket.terminate();
    ackedBytes = acked;
    if (sentBytes - ackedBytes < WINDOW_BYTES) socket.resume();
  });
  socket.on("error", () => {});
  let isTold = false;
  const tellEnd = (): void => {
    if (!isTold && webSocket.readyState === webSocket.OPEN) webSocket.send(END_MESSAGE);
    isTold = true;
  };
  // The client may still read; and a request without an answer is served although its client has disconnected.
  socket.once("end", tellEnd);
  socket.once("close", () => {
    tellEnd();
    setTimeout(() => webSocket.terminate(), FAREWELL_MS).unref();
  });
  socket.resume();
}

/** From the service to the client: acknowledged when the operating system has taken the bytes. */
function writeBack(webSocket: WebSocket, socket: Socket): void {
  let takenBytes = 0;
  let acknowledgedBytes = 0;
  webSocket.on("message", (data: RawData, isBinary: boolean) => {
    if (!isBinary) return;
    const bytes = data as Buffer;
    socket.write(bytes, (error) => {
      if (error) return;
      takenBytes += bytes.byteLength;
      if (takenBytes - acknowledgedBytes < ACK_BYTES || webSocket.readyState !== webSocket.OPEN) {
        return;
      }
      acknowledgedBytes = takenBytes;
      webSocket.send(ackMessage(takenBytes));
    });
  });
  webSocket.on("error", () => {});
  webSocket.once("close", () => socket.destroySoon());
}

/** Resolves with what ends it. */
function keepAlive(webSocket: WebSocket): () => void {
  let isAnswered = true;
  webSocket.on("pong", () => {
    isAnswered = true;
  });
  const timer = setInterval(() => {
    if (!isAnswered) return webSocket.terminate();
    isAnswered = false;
    webSocket.ping();
  }, PING_MS);
  timer.unref();
  return () => clearInterval(timer);
}

function closed(end: { once(event: "close", listener: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => {
    end.once("close", () => resolve());
  });
}
