/**
 * Big-endian integers and Kafka's zigzag varints in a Uint8Array, without DataView, BigInt or allocation. 64-bit values
 * are JavaScript numbers; callers check for NaN, which stands for everything beyond ±(2^53 − 1).
 *
 * Nothing here checks the bounds of the buffer: callers do.
 */

const TWO_32 = 4_294_967_296;

export function readI16(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) >> 16) | bytes[at + 1]!;
}

export function readI32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** An i64 as a number; NaN if it is not a safe integer. */
export function readI64(bytes: Uint8Array, at: number): number {
  // Rounding never moves a value from outside the safe range into it.
  const value = readI32(bytes, at) * TWO_32 + (readI32(bytes, at + 4) >>> 0);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

export function writeI16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

export function writeI32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 24;
  bytes[at + 1] = value >> 16;
  bytes[at + 2] = value >> 8;
  bytes[at + 3] = value;
}

/** Writes a safe integer as an i64 in two's complement. */
export function writeI64(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  writeI32(bytes, at, high);
  // The remainder is in [0, 2^32), which the bit operations take modulo 2^32.
  writeI32(bytes, at + 4, value - high * TWO_32);
}

/** Bytes of the zigzag varint of an i32. */
export function varintBytes(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  if (zigzag < 0x80) return 1;
  if (zigzag < 0x4000) return 2;
  if (zigzag < 0x20_0000) return 3;
  return zigzag < 0x1000_0000 ? 4 : 5;
}

/** Writes the zigzag varint of an i32 and returns the position after it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  while (rest >= 0x80) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

/** Whether the value's varlong and varint are the same bytes. */
function fitsI32(value: number): boolean {
  return (value | 0) === value;
}

/** Bytes of the zigzag varlong of a safe integer. */
export function varlongBytes(value: number): number {
  if (fitsI32(value)) return varintBytes(value);
  // Half of the zigzag form: doubling could exceed the safe integers.
  let half = value < 0 ? -(value + 1) : value;
  let count = 1;
  half = Math.floor(half / 64);
  while (half > 0) {
    half = Math.floor(half / 128);
    count++;
  }
  return count;
}

/** Writes the zigzag varlong of a safe integer and returns the position after it. */
export function writeVarlong(bytes: Uint8Array, at: number, value: number): number {
  if (fitsI32(value)) return writeVarint(bytes, at, value);
  let half = value < 0 ? -(value + 1) : value;
  // The lowest group is six bits of the half and the sign bit.
  let group = ((half % 64) << 1) | (value < 0 ? 1 : 0);
  half = Math.floor(half / 64);
  while (half > 0) {
    bytes[at++] = group | 0x80;
    group = half % 128;
    half = Math.floor(half / 128);
  }
  bytes[at++] = group;
  return at;
}
