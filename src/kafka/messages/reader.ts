/**
 * Decodes the primitive types of Kafka's protocol (the protocol guide's "Protocol Primitive Types", and KIP-482 for
 * the compact ones) from untrusted bytes. Every read is checked against the bytes that are left; a count of elements
 * is also checked against the fewest bytes they can take and against a budget, before anything is allocated.
 *
 * Malformed bytes throw {@link MalformedMessage}. It never leaves this folder: the entry points (`index.ts`,
 * `consumer-protocol.ts`) turn it into null with {@link readSafely}.
 */
import { readI16, readI32, readI64 } from "../../records/integers.ts";

/** These bytes are not the message that they should be. */
export class MalformedMessage extends Error {
  override readonly name = "MalformedMessage";
}

/** Kafka's bound on a string, in bytes; compact strings could be longer, and may not be. */
export const STRING_BYTES_MAX = 32_767;

/**
 * Array elements of one message, over all its arrays. The smallest elements are a hundred times as large in memory as
 * on the wire, so the size of a frame alone does not bound the memory it takes.
 */
export const REQUEST_ELEMENTS_MAX = 200_000;

/** As {@link REQUEST_ELEMENTS_MAX}, for answers, which come from a service and describe whole clusters. */
export const RESPONSE_ELEMENTS_MAX = 2_000_000;

// Invalid UTF-8 is refused rather than replaced: otherwise two names could become the same.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Returns null instead of throwing where the bytes are malformed. */
export function readSafely<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedMessage) return null;
    throw error;
  }
}

export class Reader {
  private readonly bytes: Uint8Array;
  private at: number;
  private end: number;
  private elementsLeft: number;

  /** Reads `bytes` from `start` on. */
  constructor(bytes: Uint8Array, start = 0, elementsMax = REQUEST_ELEMENTS_MAX) {
    this.bytes = bytes;
    this.at = start;
    this.end = bytes.byteLength;
    this.elementsLeft = elementsMax;
  }

  /** Where the next read begins, from the beginning of the bytes. */
  get position(): number {
    return this.at;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  bool(): boolean {
    return this.bytes[this.take(1)] !== 0;
  }

  int8(): number {
    return (this.bytes[this.take(1)]! << 24) >> 24;
  }

  int16(): number {
    return readI16(this.bytes, this.take(2));
  }

  int32(): number {
    return readI32(this.bytes, this.take(4));
  }

  /** For values that the service itself assigns; values beyond the safe integers are refused. */
  int64(): number {
    const value = readI64(this.bytes, this.take(8));
    if (Number.isNaN(value)) throw new MalformedMessage("a number beyond 2^53 - 1");
    return value;
  }

  /** For values that a client may choose freely: a bigint beyond the safe integers. */
  wideInt64(): number | bigint {
    const at = this.take(8);
    const value = readI64(this.bytes, at);
    if (!Number.isNaN(value)) return value;
    const { buffer, byteOffset } = this.bytes;
    return new DataView(buffer, byteOffset + at, 8).getBigInt64(0);
  }

  /** At most 32 bits in at most five bytes. */
  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes[this.take(1)]!;
      if (shift === 28 && byte > 0x0f) break;
      // Not by shifting: the 32nd bit would become the sign.
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new MalformedMessage("a variable-length number that does not end");
  }

  /** 16 bytes as 32 lower-case hexadecimal digits, the way topic ids are written here. */
  uuid(): string {
    const at = this.take(16);
    let text = "";
    for (let i = at; i < at + 16; i++) text += HEX[this.bytes[i]!]!;
    return text;
  }

  /** null where the length says so. */
  string(compact: boolean): string | null {
    const length = compact ? this.uvarint() - 1 : this.int16();
    if (length === -1) return null;
    if (length < 0 || length > STRING_BYTES_MAX) throw new MalformedMessage("a string's length");
    const start = this.take(length);
    try {
      return utf8.decode(this.bytes.subarray(start, start + length));
    } catch {
      throw new MalformedMessage("a string that is not UTF-8");
    }
  }

  /** A view of the bytes read, not a copy; null where the length says so. */
  blob(compact: boolean): Uint8Array | null {
    const length = compact ? this.uvarint() - 1 : this.int32();
    if (length === -1) return null;
    if (length < 0) throw new MalformedMessage("a negative length");
    const start = this.take(length);
    return this.bytes.subarray(start, start + length);
  }

  /** The number of elements that follow, each of at least `elementBytesMin` bytes; null where there is no array. */
  count(compact: boolean, elementBytesMin: number): number | null {
    const count = compact ? this.uvarint() - 1 : this.int32();
    if (count === -1) return null;
    if (count < 0 || count * elementBytesMin > this.remaining) {
      throw new MalformedMessage("more elements than bytes");
    }
    this.elementsLeft -= count;
    if (this.elementsLeft < 0) throw new MalformedMessage("too many elements");
    return count;
  }

  /**
   * Tagged fields (KIP-482). `visit` reads the field of a tag it knows, and can read no byte beyond it; where it
   * returns false, the field is skipped.
   */
  taggedFields(visit: (tag: number) => boolean): void {
    const count = this.uvarint();
    // A tag and a size: two bytes at least.
    if (count * 2 > this.remaining) throw new MalformedMessage("more tagged fields than bytes");
    for (let i = 0; i < count; i++) {
      const tag = this.uvarint();
      const size = this.uvarint();
      const start = this.take(size);
      const outerEnd = this.end;
      this.at = start;
      this.end = start + size;
      if (!visit(tag)) this.at = this.end;
      else if (this.at !== this.end) throw new MalformedMessage("bytes behind a tagged field");
      this.end = outerEnd;
    }
  }

  /** Skips `count` bytes and returns where they begin. */
  private take(count: number): number {
    const start = this.at;
    if (count > this.end - start) throw new MalformedMessage("the bytes end too early");
    this.at = start + count;
    return start;
  }
}
