/** Joining of byte arrays: for flushes, pages and bodies that come in parts. */

/** The parts one behind the other; a single one is returned as it is, not copied. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  let bytes = 0;
  for (const part of parts) bytes += part.byteLength;
  const joined = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.byteLength;
  }
  return joined;
}
