/**
 * Splits a stream of bytes into frames: four bytes of length, then that many bytes. The length is bounded before it
 * is used, and memory is allocated as bytes arrive, not as they are announced.
 */
import type { Duplex } from "./duplex.ts";

export const LENGTH_BYTES = 4;
/** Bytes read at once while nothing is known of the next frame: what an idle connection holds. */
const IDLE_READ_BYTES = 4_096;
/** The most that is read at once, in bytes. */
const READ_BYTES_MAX = 262_144;
/** The smallest buffer for a frame that did not arrive at once, in bytes. */
const FRAME_BYTES_FIRST = 65_536;

const NOTHING = new Uint8Array(0);

export class FrameReader {
  private readonly duplex: Duplex;
  /** Bytes that were read and belong to no frame yet. */
  private rest: Uint8Array = NOTHING;

  constructor(duplex: Duplex) {
    this.duplex = duplex;
  }

  /**
   * The next frame without its length, a view that belongs to the caller. Null where there is none: the stream has
   * ended, even in the middle of a frame, or the length is not within 0 … `bytesMax`.
   */
  async next(bytesMax: number): Promise<Uint8Array | null> {
    if (!(await this.fill())) return null;
    const length = lengthAt(this.rest);
    if (length < 0 || length > bytesMax) return null;
    const end = LENGTH_BYTES + length;
    if (this.rest.byteLength >= end) {
      const frame = this.rest.subarray(LENGTH_BYTES, end);
      this.rest = this.rest.byteLength === end ? NOTHING : this.rest.subarray(end);
      return frame;
    }
    const begun = this.rest.subarray(LENGTH_BYTES);
    this.rest = NOTHING;
    return this.complete(begun, length);
  }

  /** Reads until a length has arrived; false where the stream ends before. */
  private async fill(): Promise<boolean> {
    while (this.rest.byteLength < LENGTH_BYTES) {
      const bytes = await this.duplex.read(IDLE_READ_BYTES);
      if (bytes === null) return false;
      if (this.rest.byteLength === 0) {
        this.rest = bytes;
        continue;
      }
      const both = new Uint8Array(this.rest.byteLength + bytes.byteLength);
      both.set(this.rest);
      both.set(bytes, this.rest.byteLength);
      this.rest = both;
    }
    return true;
  }

  private async complete(begun: Uint8Array, length: number): Promise<Uint8Array | null> {
    let frame = begun;
    let at = begun.byteLength;
    // The buffer grows to twice the size of the last read, so that a client that sends little is given little memory.
    let room = FRAME_BYTES_FIRST;
    while (at < length) {
      const bytes = await this.duplex.read(Math.min(length - at, room));
      if (bytes === null) return null;
      room = Math.min(READ_BYTES_MAX, Math.max(IDLE_READ_BYTES, 2 * bytes.byteLength));
      const taken = Math.min(bytes.byteLength, length - at);
      if (at + taken > frame.byteLength) {
        const wanted = Math.max(2 * frame.byteLength, at + taken, FRAME_BYTES_FIRST);
        const grown = new Uint8Array(Math.min(length, wanted));
        grown.set(frame.subarray(0, at));
        frame = grown;
      }
      frame.set(bytes.subarray(0, taken), at);
      at += taken;
      if (taken < bytes.byteLength) this.rest = bytes.subarray(taken);
    }
    return frame;
  }
}

function lengthAt(bytes: Uint8Array): number {
  return (bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!;
}

/** The four bytes of length before a frame. */
export function frameLength(byteLength: number): Uint8Array {
  const bytes = new Uint8Array(LENGTH_BYTES);
  new DataView(bytes.buffer).setInt32(0, byteLength);
  return bytes;
}
