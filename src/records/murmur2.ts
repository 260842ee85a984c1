/**
 * Kafka's murmur2 and its default partitioner for records with a key, bit for bit: records with the same key have to get
 * into the same partition, whichever client writes them.
 */

const SEED = 0x9747_b28c;
const MULTIPLIER = 0x5bd1_e995;

/** The 32-bit murmur2 of Kafka's clients, as a signed number (as Java's int). */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length;
  const aligned = length - (length % 4);
  let hash = SEED ^ length;
  for (let at = 0; at < aligned; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER);
  }
  if (length > aligned) {
    let tail = bytes[aligned]!;
    if (length - aligned > 1) tail |= bytes[aligned + 1]! << 8;
    if (length - aligned > 2) tail |= bytes[aligned + 2]! << 16;
    hash = Math.imul(hash ^ tail, MULTIPLIER);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, MULTIPLIER);
  return hash ^ (hash >>> 15);
}

/** The partition of a key among `partitions` ≥ 1, as Kafka's default partitioner chooses it. */
export function partitionForKey(key: Uint8Array, partitions: number): number {
  // Kafka's toPositive clears the sign bit; it is not the absolute value.
  return (murmur2(key) & 0x7fff_ffff) % partitions;
}
