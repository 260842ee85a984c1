/**
 * Load in Kafka's own protocol without a client library: prepared requests, written to sockets repeatedly, with a
 * fixed number in flight on each. Answers come in the order of the requests.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { FramesJob, LoadResult } from "./load-protocol.ts";

const LENGTH_BYTES = 4;
const ERROR_BYTES = 2;
const NOTHING = Buffer.alloc(0);

/** Runs for `seconds`, then waits for the answers in flight: every request counts. */
export async function loadFrames(job: FramesJob): Promise<LoadResult> {
  const requests = job.request.frames.map(framed);
  const sockets = Array.from({ length: job.connections }, () =>
    connect({ host: "127.0.0.1", port: job.port, noDelay: true }),
  );
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  const startMs = performance.now();
  const untilMs = startMs + job.seconds * 1_000;
  const connections = sockets.map(
    (socket, i) => new LoadedConnection(socket, requests, i, job.request.errorAt),
  );
  await Promise.all(connections.map((connection) => connection.run(job.inFlight, untilMs)));
  const seconds = (performance.now() - startMs) / 1_000;
  for (const socket of sockets) socket.destroy();
  const sum = (of: (connection: LoadedConnection) => number): number =>
    connections.reduce((total, connection) => total + of(connection), 0);
  const answers = sum((connection) => connection.answers);
  return {
    requests: answers,
    perSecond: answers / seconds,
    bytesPerAnswer: sum(({ bytes }) => bytes) / answers,
    failed: sum(({ failed }) => failed),
  };
}

/** A frame with its length before it. */
function framed(frame: Uint8Array): Buffer {
  const bytes = Buffer.alloc(LENGTH_BYTES + frame.byteLength);
  bytes.writeInt32BE(frame.byteLength);
  bytes.set(frame, LENGTH_BYTES);
  return bytes;
}

class LoadedConnection {
  answers = 0;
  bytes = 0;
  failed = 0;
  private readonly socket: Socket;
  private readonly requests: readonly Buffer[];
  private next: number;
  /** The bytes of an answer that are read: from its length to its error code. */
  private readonly headBytes: number;
  private head: Buffer = NOTHING;
  /** Bytes of an answer after its head that have not arrived yet. */
  private left = 0;

  /** `first`: the index of the request to begin with. */
  constructor(socket: Socket, requests: readonly Buffer[], first: number, errorAt: number) {
    this.socket = socket;
    this.requests = requests;
    this.next = first;
    this.headBytes = LENGTH_BYTES + errorAt + ERROR_BYTES;
  }

  /** A broken connection counts as one failure; its requests in flight are not counted. */
  run(inFlight: number, untilMs: number): Promise<void> {
    const { socket } = this;
    return new Promise((resolve) => {
      let underWay = inFlight;
      socket.on("data", (chunk) => {
        for (let answers = this.take(chunk); answers > 0; answers -= 1) {
          if (performance.now() < untilMs) this.send();
          else underWay -= 1;
        }
        if (underWay === 0) resolve();
      });
      socket.on("error", () => {});
      socket.on("close", () => {
        if (underWay > 0) this.failed += 1;
        resolve();
      });
      for (let i = 0; i < inFlight; i += 1) this.send();
    });
  }

  private send(): void {
    this.socket.write(this.requests[this.next % this.requests.length]!);
    this.next += 1;
  }

  /** The number of answers that end in these bytes. */
  private take(chunk: Buffer): number {
    let ended = 0;
    for (let at = 0; at < chunk.byteLength;) {
      const missing = this.headBytes - this.head.byteLength;
      const part = chunk.subarray(at, at + (missing > 0 ? missing : this.left));
      at += part.byteLength;
      if (missing > 0) this.addToHead(part);
      else this.left -= part.byteLength;
      if (this.head.byteLength < this.headBytes || this.left > 0) continue;
      ended += 1;
      this.head = NOTHING;
    }
    this.answers += ended;
    return ended;
  }

  private addToHead(part: Buffer): void {
    this.head = Buffer.concat([this.head, part]);
    if (this.head.byteLength < this.headBytes) return;
    const bytes = LENGTH_BYTES + this.head.readInt32BE(0);
    this.left = bytes - this.headBytes;
    this.bytes += bytes;
    if (this.head.readInt16BE(this.headBytes - ERROR_BYTES) !== 0) this.failed += 1;
  }
}
