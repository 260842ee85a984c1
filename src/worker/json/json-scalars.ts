/** The lexer's part for numbers and for true, false and null. A failure is the bitwise complement of its position, which is negative. */

const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;

const ENCODER = new TextEncoder();
export const WORDS = {
  true: ENCODER.encode("true"),
  false: ENCODER.encode("false"),
  null: ENCODER.encode("null"),
};

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** The position behind the number that begins at `start`. */
export function numberEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  if (at < end && bytes[at] === MINUS) at++;
  if (at < end && bytes[at] === ZERO) at++;
  else at = digitsEnd(bytes, at, end);
  if (at >= 0 && at < end && bytes[at] === POINT) at = digitsEnd(bytes, at + 1, end);
  if (at >= 0 && at < end && (bytes[at]! | 0x20) === 0x65) {
    const isSigned = at + 1 < end && (bytes[at + 1] === MINUS || bytes[at + 1] === PLUS);
    at = digitsEnd(bytes, at + (isSigned ? 2 : 1), end);
  }
  return at;
}

/** The position behind the digits, of which there has to be one. */
function digitsEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isDigit(bytes[at])) at++;
  return at === start ? ~Math.min(at, end) : at;
}

/** The position behind the word that has to begin at `start`. */
export function wordEnd(bytes: Uint8Array, start: number, end: number, word: Uint8Array): number {
  for (let i = 0; i < word.length; i++) {
    if (start + i >= end || bytes[start + i] !== word[i]) return ~(start + i);
  }
  return start + word.length;
}

/** JSON's white space. */
export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
