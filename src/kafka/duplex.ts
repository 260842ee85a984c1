/**
 * A stream of bytes in both directions, whatever carries it. TCP is in tcp.ts, the WebSocket in websocket.ts; tests
 * bring their own.
 */

export interface Duplex {
  /**
   * The next bytes, as many as have arrived; null at the end of the stream. `wanted` says how many the caller can
   * use, and sizes the buffer. The returned bytes belong to the caller.
   */
  read(wanted: number): Promise<Uint8Array | null>;
  /**
   * Resolves when more may be written, so that a slow reader slows its writer down. Throws when the stream is broken.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends both directions, whatever is in progress. Idempotent; never throws. */
  close(): Promise<void>;
}

/** Parts below this size are joined before they are written, in bytes: a write costs more than copying that much. */
const JOINED_BYTES_MAX = 16_384;

/** Writes the parts in order; small ones joined, large ones as they are. */
export async function writeParts(duplex: Duplex, parts: readonly Uint8Array[]): Promise<void> {
  let small: Uint8Array[] = [];
  let smallBytes = 0;
  for (const part of parts) {
    if (small.length > 0 && smallBytes + part.byteLength > JOINED_BYTES_MAX) {
      await duplex.write(joined(small, smallBytes));
      small = [];
      smallBytes = 0;
    }
    if (part.byteLength > JOINED_BYTES_MAX) await duplex.write(part);
    else {
      small.push(part);
      smallBytes += part.byteLength;
    }
  }
  if (smallBytes > 0) await duplex.write(joined(small, smallBytes));
}

function joined(parts: readonly Uint8Array[], byteLength: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const bytes = new Uint8Array(byteLength);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}
