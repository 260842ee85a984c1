/**
 * A stream of bytes in both directions, whatever carries it: what a connection stands on. TCP is in
 * tcp.ts, the WebSocket in websocket.ts; tests bring their own.
 */

export interface Duplex {
  /**
   * The next bytes, as many as there are; null when no more will come. `wanted` says how many would be
   * of use: room is made for about as many. What is given belongs to the caller.
   */
  read(wanted: number): Promise<Uint8Array | null>;
  /** Resolves when more may be written: a reader that is slow holds its writer up. Throws when it is gone. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends both directions, whatever is under way; never throws, and again changes nothing. */
  close(): Promise<void>;
}

/** Parts below this size are written together, in bytes: a write costs more than copying so much. */
const JOINED_BYTES_MAX = 16_384;

/** Writes parts one behind the other; small ones together, large ones as they are. */
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
