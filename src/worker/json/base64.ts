/**
 * Base64 (RFC 4648, section 4) from bytes to bytes: requests and answers are buffers already, and most keys and values
 * are so short that converting to strings and back would cost more.
 */

const ALPHABET = new TextEncoder().encode(
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
);
const PADDING = 0x3d;
const NONE = 0xff;
const VALUES = new Uint8Array(256).fill(NONE);
for (let i = 0; i < 64; i++) VALUES[ALPHABET[i]!] = i;

export function base64Length(bytes: number): number {
  return 4 * Math.ceil(bytes / 3);
}

/** Writes at `at`; returns the position behind the last character. */
export function encodeBase64(bytes: Uint8Array, out: Uint8Array, at: number): number {
  const whole = bytes.length - (bytes.length % 3);
  for (let i = 0; i < whole; i += 3) {
    const word = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!;
    out[at++] = ALPHABET[word >> 18]!;
    out[at++] = ALPHABET[(word >> 12) & 63]!;
    out[at++] = ALPHABET[(word >> 6) & 63]!;
    out[at++] = ALPHABET[word & 63]!;
  }
  const left = bytes.length - whole;
  if (left === 0) return at;
  const word = (bytes[whole]! << 16) | (left === 2 ? bytes[whole + 1]! << 8 : 0);
  out[at++] = ALPHABET[word >> 18]!;
  out[at++] = ALPHABET[(word >> 12) & 63]!;
  out[at++] = left === 2 ? ALPHABET[(word >> 6) & 63]! : PADDING;
  out[at++] = PADDING;
  return at;
}

/**
 * Decodes the characters [start, end) of `text`; null if they are not base64. Padding is optional, since many encoders
 * omit it; white space and the URL alphabet are refused.
 */
export function decodeBase64(
  text: Uint8Array,
  start: number,
  end: number,
): Uint8Array<ArrayBuffer> | null {
  let last = end;
  if ((end - start) % 4 === 0) {
    for (let i = 0; i < 2 && last > start && text[last - 1] === PADDING; i++) last--;
  }
  const left = (last - start) % 4;
  if (left === 1) return null;
  const bytes = new Uint8Array(Math.floor(((last - start) * 3) / 4));
  const whole = last - left;
  let at = 0;
  // Illegal characters have their top bits set; the bits of all characters are collected here.
  let seen = 0;
  for (let i = start; i < whole; i += 4) {
    const a = VALUES[text[i]!]!;
    const b = VALUES[text[i + 1]!]!;
    const c = VALUES[text[i + 2]!]!;
    const d = VALUES[text[i + 3]!]!;
    seen |= a | b | c | d;
    const word = (a << 18) | (b << 12) | (c << 6) | d;
    bytes[at++] = word >> 16;
    bytes[at++] = word >> 8;
    bytes[at++] = word;
  }
  if (left > 0) {
    const a = VALUES[text[whole]!]!;
    const b = VALUES[text[whole + 1]!]!;
    const c = left === 3 ? VALUES[text[whole + 2]!]! : 0;
    seen |= a | b | c;
    bytes[at++] = (a << 2) | (b >> 4);
    if (left === 3) bytes[at++] = (b << 4) | (c >> 2);
  }
  return seen > 63 ? null : bytes;
}
