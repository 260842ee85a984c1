/**
 * Finds the ends of JSON strings, which hold nearly all bytes of a produce request. Four bytes are tested at once, by
 * subtractions that borrow into the top bit of each byte that is too small: with its second bit flipped, a quote and
 * the control characters are the only bytes below 0x21; a backslash flipped to zero is below 1.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const TOP_BITS = 0x8080_8080 | 0;
const FLIP_QUOTES = 0x0202_0202;
const BELOW_QUOTES = 0x2121_2121;
const FLIP_BACKSLASHES = 0x5c5c_5c5c;
const BELOW_BACKSLASHES = 0x0101_0101;

/** Strings up to this many words are tested word by word. */
const SHORT_WORDS = 6;

/**
 * The top bits of bytes that end a run of plain characters; 0 if there are none. Only the lowest set bit is reliable: a
 * borrow may set bits above it.
 */
function stops(word: number): number {
  return (
    (((word ^ FLIP_QUOTES) - BELOW_QUOTES) | ((word ^ FLIP_BACKSLASHES) - BELOW_BACKSLASHES)) &
    ~word &
    TOP_BITS
  );
}

/** The index of the byte with the lowest bit of `stopBits`, in a little-endian word. */
function lowestByte(stopBits: number): number {
  return (31 - Math.clz32(stopBits & -stopBits)) >>> 3;
}

const UNENDED = "the string does not end";

/** The characters that may follow a backslash, except `u`. */
const ESCAPES = new Uint8Array(256);
for (const char of '"\\/bfnrt') ESCAPES[char.charCodeAt(0)] = 1;

function isHex(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const lower = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (lower >= 0x61 && lower <= 0x66);
}

export class StringScanner {
  /** Whether the last string has escapes. */
  escaped = false;
  /** Top bits of the bytes of all strings so far; 0 if all are ASCII. */
  nonAscii = 0;
  /** Position and reason of a failure. */
  failedAt = 0;
  failure = "";

  private readonly bytes: Uint8Array;
  private readonly end: number;
  /** The same bytes as words, from the first aligned word on. */
  private readonly words: Int32Array;
  private readonly wordsAt: number;

  constructor(bytes: Uint8Array, end: number) {
    this.bytes = bytes;
    this.end = end;
    this.wordsAt = Math.min(-bytes.byteOffset & 3, end);
    const wordCount = (end - this.wordsAt) >>> 2;
    this.words = new Int32Array(
      bytes.buffer,
      wordCount === 0 ? 0 : bytes.byteOffset + this.wordsAt,
      wordCount,
    );
  }

  /** Skips a string; `start` is behind the opening quote. Returns the position of the closing quote, or −1. */
  skip(start: number): number {
    const { bytes, end, wordsAt } = this;
    const wordsEnd = wordsAt + 4 * this.words.length;
    this.escaped = false;
    let seen = 0;
    let at = start;
    while (at < end) {
      if (((at - wordsAt) & 3) === 0 && at < wordsEnd) {
        at = this.skipPlain((at - wordsAt) >>> 2);
        if (at >= end) break;
      }
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        this.nonAscii |= seen & TOP_BITS;
        return at;
      }
      if (byte === BACKSLASH) {
        at = this.skipEscape(at);
        if (at < 0) return -1;
        continue;
      }
      if (byte < 0x20) return this.fail(at, "a control character in a string");
      seen |= byte;
      at++;
    }
    return this.fail(end, UNENDED);
  }

  /** The position of the first byte, from a word on, that is not a plain character; or behind the last word. */
  private skipPlain(from: number): number {
    const { words, wordsAt } = this;
    const near = Math.min(from + SHORT_WORDS, words.length);
    let i = this.skipWords(from, near);
    // Only long strings need the further calls.
    if (i === near) i = this.skipWords(this.skipQuads(i), words.length);
    if (i === words.length) return wordsAt + 4 * i;
    return wordsAt + 4 * i + lowestByte(stops(words[i]!));
  }

  private skipWords(from: number, to: number): number {
    const { words } = this;
    let seen = 0;
    let i = from;
    for (; i < to; i++) {
      const word = words[i]!;
      // May include bytes behind the string; then UTF-8 is only checked earlier than needed.
      seen |= word;
      if (stops(word) !== 0) break;
    }
    this.nonAscii |= seen & TOP_BITS;
    return i;
  }

  /**
   * Skips four words at a time while all of them are plain ASCII; returns the first word that was not skipped. Without
   * the mask of `stops`, bytes from 0x80 on end the loop too: if one of the two subtractions clears the top bit (for
   * 0xdc the second one does), the other does not.
   */
  private skipQuads(from: number): number {
    const { words } = this;
    let i = from;
    for (; i + 3 < words.length; i += 4) {
      const a = words[i]!;
      const b = words[i + 1]!;
      const c = words[i + 2]!;
      const d = words[i + 3]!;
      const stopBits =
        ((a ^ FLIP_QUOTES) - BELOW_QUOTES) |
        ((a ^ FLIP_BACKSLASHES) - BELOW_BACKSLASHES) |
        ((b ^ FLIP_QUOTES) - BELOW_QUOTES) |
        ((b ^ FLIP_BACKSLASHES) - BELOW_BACKSLASHES) |
        ((c ^ FLIP_QUOTES) - BELOW_QUOTES) |
        ((c ^ FLIP_BACKSLASHES) - BELOW_BACKSLASHES) |
        ((d ^ FLIP_QUOTES) - BELOW_QUOTES) |
        ((d ^ FLIP_BACKSLASHES) - BELOW_BACKSLASHES);
      if ((stopBits & TOP_BITS) !== 0) break;
    }
    return i;
  }

  private skipEscape(at: number): number {
    this.escaped = true;
    const { bytes, end } = this;
    if (at + 1 >= end) return this.fail(end, UNENDED);
    const byte = bytes[at + 1]!;
    if (ESCAPES[byte] === 1) return at + 2;
    if (byte !== 0x75) return this.fail(at, "an escape that JSON does not have");
    for (let i = at + 2; i < at + 6; i++) {
      if (i >= end) return this.fail(end, UNENDED);
      if (!isHex(bytes[i])) return this.fail(at, "an escape without four hex digits");
    }
    return at + 6;
  }

  private fail(at: number, what: string): -1 {
    this.failedAt = at;
    this.failure = what;
    return -1;
  }
}
