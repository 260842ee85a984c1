/**
 * Reads a body in large pieces: by default the runtime returns 4 KiB at a time, and each read is a turn of the event
 * loop. Bodies that are not byte streams (in tests) are read in the pieces in which they were written.
 */

const PIECE_BYTES_MAX = 262_144;

export class BodyReader {
  private readonly byob: ReadableStreamBYOBReader | null;
  private readonly plain: ReadableStreamDefaultReader<Uint8Array> | null;
  private buffer: ArrayBuffer | null = null;

  constructor(body: ReadableStream<Uint8Array>) {
    this.byob = byteReader(body);
    this.plain = this.byob === null ? body.getReader() : null;
  }

  /** The next piece, which the caller owns. Rejects if the sender disconnects. */
  async read(): Promise<Uint8Array | "end"> {
    if (this.byob === null) {
      const read = await this.plain!.read();
      return read.done ? "end" : read.value;
    }
    const buffer = this.buffer ?? new ArrayBuffer(PIECE_BYTES_MAX);
    this.buffer = null;
    const { done, value } = await this.byob.read(new Uint8Array(buffer));
    if (done || value === undefined) return "end";
    if (value.byteLength > PIECE_BYTES_MAX / 2) return value;
    // A small piece is copied, so that it does not hold the large buffer, which the next read uses.
    const piece = value.slice();
    this.buffer = value.buffer as ArrayBuffer;
    return piece;
  }

  /** Gives up the rest of the body. */
  cancel(): void {
    // Fails if the sender has disconnected, which no longer matters.
    (this.byob ?? this.plain)!.cancel().catch(() => undefined);
  }
}

function byteReader(body: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | null {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return null;
  }
}
