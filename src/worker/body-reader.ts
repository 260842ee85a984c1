/**
 * Reads a body in large pieces: by default the runtime gives 4 KiB at a time, and each piece is a turn of the event
 * loop. Bodies that are no byte streams (those of tests) are read as they come.
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

  /** The next piece, of any size; the caller's to keep. Rejects when the sender has gone. */
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
    // A small piece does not keep a large buffer, which serves the next read.
    const piece = value.slice();
    this.buffer = value.buffer as ArrayBuffer;
    return piece;
  }

  /** Lets go of the rest. */
  cancel(): void {
    // Its sender may have gone meanwhile, which is of no interest any more.
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
