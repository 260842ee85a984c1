/**
 * Finds repetitions for the snappy and lz4 encoders: greedily, with one candidate for each hash of four bytes, and in
 * longer strides the longer nothing repeats. The two formats differ only in how they encode what is found.
 */

/** Called with literals [literalStart, literalEnd) and the repetition that follows them. */
export type Emit = (
  literalStart: number,
  literalEnd: number,
  distance: number,
  length: number,
) => void;

const MATCH_BYTES_MIN = 4;
/** In lz4 no match begins within the last 12 bytes of a block. Snappy allows it. */
const NO_MATCH_FROM_END = 12;
/** In lz4 the last 5 bytes of a block are literals. Snappy allows it. */
const LITERALS_AT_END = 5;
const HASH_BITS = 13;
/** After 2^5 misses in a row the stride grows by one byte. */
const STRIDE_SHIFT = 5;

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/**
 * Emits the repetitions in [start, end), which is at most 64 KiB long: both formats reach back 65,535 bytes. Returns where
 * the literals after the last repetition begin.
 */
export function findMatches(bytes: Uint8Array, start: number, end: number, emit: Emit): number {
  const table = new Int32Array(1 << HASH_BITS).fill(-1);
  const lastStart = end - NO_MATCH_FROM_END;
  const matchEnd = end - LITERALS_AT_END;
  let literalStart = start;
  let misses = 0;
  for (let at = start; at <= lastStart;) {
    const word = wordAt(bytes, at);
    const slot = Math.imul(word, 0x9e37_79b1) >>> (32 - HASH_BITS);
    const candidate = table[slot]!;
    table[slot] = at;
    if (candidate < 0 || wordAt(bytes, candidate) !== word) {
      at += 1 + (misses++ >> STRIDE_SHIFT);
      continue;
    }
    let length = MATCH_BYTES_MIN;
    while (at + length < matchEnd && bytes[candidate + length] === bytes[at + length]) length++;
    emit(literalStart, at, at - candidate, length);
    at += length;
    literalStart = at;
    misses = 0;
  }
  return literalStart;
}
