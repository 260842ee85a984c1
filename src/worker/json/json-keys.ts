/**
 * Decodes the keys of JSON objects. A produce request repeats "key" and "value" in every record, so recent keys are
 * cached: comparing bytes is cheaper than making a string.
 */

const SLOTS = 64;
const KEPT_BYTES_MAX = 32;
const DECODER = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

interface KeptKey {
  readonly bytes: Uint8Array;
  readonly text: string;
}

const kept: (KeptKey | undefined)[] = Array.from({ length: SLOTS });

function isSame(key: KeptKey, bytes: Uint8Array, start: number, length: number): boolean {
  if (key.bytes.length !== length) return false;
  for (let i = 0; i < length; i++) if (key.bytes[i] !== bytes[start + i]) return false;
  return true;
}

/** The text of the key at bytes [start, end), which are valid UTF-8 without escapes. */
export function keyText(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length === 0) return "";
  if (length > KEPT_BYTES_MAX) return DECODER.decode(bytes.subarray(start, end));
  const slot = (length * 31 + bytes[start]! * 7 + bytes[end - 1]!) % SLOTS;
  const found = kept[slot];
  if (found !== undefined && isSame(found, bytes, start, length)) return found.text;
  const own = bytes.slice(start, end);
  const text = DECODER.decode(own);
  kept[slot] = { bytes: own, text };
  return text;
}
