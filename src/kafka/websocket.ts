/** A stream of bytes over a WebSocket; byte-window.ts describes its messages. */
import {
  ACK_BYTES,
  ackMessage,
  END_MESSAGE,
  PIECE_BYTES_MAX,
  readAck,
  WINDOW_BYTES,
} from "./byte-window.ts";
import type { Duplex } from "./duplex.ts";

const NORMAL = 1000;
const UNREADABLE = 1008;

export class WebSocketDuplex implements Duplex {
  private readonly socket: WebSocket;
  /** What has arrived and was not read yet. */
  private readonly queue: Uint8Array[] = [];
  private queuedBytes = 0;
  private takenBytes = 0;
  private acknowledgedBytes = 0;
  private sentBytes = 0;
  /** Of the bytes sent, those that the other end has taken. */
  private ackedBytes = 0;
  private ended = false;
  /** The other end sends no more, and still reads. */
  private isLast = false;
  private wakeReader: (() => void) | null = null;
  private wakeWriter: (() => void) | null = null;

  /** @param socket not accepted yet */
  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => this.received(data));
    socket.addEventListener("close", () => this.finish(NORMAL));
    socket.addEventListener("error", () => this.finish(NORMAL));
    socket.accept();
  }

  async read(): Promise<Uint8Array | null> {
    while (this.queue.length === 0 && !this.ended && !this.isLast) {
      await new Promise<void>((resolve) => {
        this.wakeReader = resolve;
      });
    }
    const bytes = this.queue.shift();
    if (bytes === undefined) return null;
    this.queuedBytes -= bytes.byteLength;
    this.takenBytes += bytes.byteLength;
    this.acknowledge();
    return bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES_MAX) {
      while (this.sentBytes - this.ackedBytes >= WINDOW_BYTES && !this.ended) {
        await new Promise<void>((resolve) => {
          this.wakeWriter = resolve;
        });
      }
      if (this.ended) throw new Error("The WebSocket is closed.");
      const piece = bytes.subarray(at, at + PIECE_BYTES_MAX);
      this.sentBytes += piece.byteLength;
      this.socket.send(piece);
    }
  }

  async close(): Promise<void> {
    this.finish(NORMAL);
  }

  private received(data: unknown): void {
    if (data === END_MESSAGE) {
      this.isLast = true;
      this.wakeReader?.();
      return;
    }
    if (typeof data === "string") {
      const acked = readAck(data);
      if (acked === null || acked < this.ackedBytes || acked > this.sentBytes) {
        return this.finish(UNREADABLE);
      }
      this.ackedBytes = acked;
      this.wakeWriter?.();
      return;
    }
    if (!(data instanceof ArrayBuffer) || data.byteLength === 0 || this.isLast) return;
    this.queue.push(new Uint8Array(data));
    this.queuedBytes += data.byteLength;
    if (this.queuedBytes > WINDOW_BYTES + PIECE_BYTES_MAX) return this.finish(UNREADABLE);
    this.wakeReader?.();
  }

  private acknowledge(): void {
    if (this.takenBytes - this.acknowledgedBytes < ACK_BYTES || this.ended) return;
    this.acknowledgedBytes = this.takenBytes;
    try {
      this.socket.send(ackMessage(this.takenBytes));
    } catch {
      // It is closing, and its close event follows.
    }
  }

  private finish(code: number): void {
    if (!this.ended) {
      this.ended = true;
      try {
        this.socket.close(code);
      } catch {
        // The other end has closed it first.
      }
    }
    this.wakeReader?.();
    this.wakeWriter?.();
  }
}
