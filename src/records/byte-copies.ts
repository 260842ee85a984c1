/** The copies of bytes that the block decoders of snappy and lz4 use. */

/** Beyond this size `set` and `copyWithin` are faster than a loop in spite of their fixed cost. */
const LOOP_BYTES_MAX = 32;

/** Copies `count` bytes of `source`; the caller has checked the bounds of both sides. */
export function copyLiterals(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  count: number,
): void {
  if (count > LOOP_BYTES_MAX) {
    target.set(source.subarray(from, from + count), to);
    return;
  }
  for (let i = 0; i < count; i++) target[to + i] = source[from + i]!;
}

/**
 * Copies `count` bytes from `distance` ≥ 1 bytes back. If source and target overlap, the bytes just written are repeated,
 * which is how both formats encode runs.
 */
export function copyBack(bytes: Uint8Array, to: number, distance: number, count: number): void {
  const from = to - distance;
  if (count > LOOP_BYTES_MAX && distance >= count) {
    bytes.copyWithin(to, from, from + count);
  } else if (count > LOOP_BYTES_MAX && distance === 1) {
    bytes.fill(bytes[from]!, to, to + count);
  } else {
    for (let i = 0; i < count; i++) bytes[to + i] = bytes[from + i]!;
  }
}
