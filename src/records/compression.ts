/**
 * Compresses and decompresses the payload of a record batch. Output is always bounded: a few
 * hostile bytes must not become a gigabyte.
 *
 * gzip and zstd come from `node:zlib`, which workerd has under `nodejs_compat`.
 */

import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";

import { refuse, type Refusal } from "../base/errors.ts";
import type { Compression } from "./layout.ts";

export type BytesResult = { readonly ok: true; readonly bytes: Uint8Array } | Refusal;

/** Compresses with the codec's usual level. "none" gives the same bytes back. */
export function compress(compression: Compression, bytes: Uint8Array): Uint8Array {
  switch (compression) {
    case "none":
      return bytes;
    case "gzip":
      return gzipSync(bytes);
    case "zstd":
      return zstdCompressSync(bytes);
    default:
      throw new Error(`not yet: ${compression}`);
  }
}

/**
 * Decompresses at most `maxBytes` bytes.
 *
 * Errors: CORRUPT_MESSAGE when the bytes are not of this codec, MESSAGE_TOO_LARGE when there
 * would be more than `maxBytes`.
 */
export function decompress(
  compression: Compression,
  bytes: Uint8Array,
  maxBytes: number,
): BytesResult {
  switch (compression) {
    case "none":
      return { ok: true, bytes };
    case "gzip":
      return guarded(compression, maxBytes, () => gunzipSync(bytes, { maxOutputLength: maxBytes }));
    case "zstd":
      return guarded(compression, maxBytes, () =>
        zstdDecompressSync(bytes, { maxOutputLength: maxBytes }),
      );
    default:
      return refuse("UNSUPPORTED_COMPRESSION_TYPE", `${compression} is not supported yet.`);
  }
}

/** `node:zlib` speaks in exceptions; they end here. A RangeError is its word for "too large". */
function guarded(compression: Compression, maxBytes: number, run: () => Uint8Array): BytesResult {
  try {
    return { ok: true, bytes: run() };
  } catch (error) {
    if (error instanceof RangeError) return tooLarge(maxBytes);
    return refuse("CORRUPT_MESSAGE", `The records cannot be decompressed as ${compression}.`);
  }
}

function tooLarge(maxBytes: number): Refusal {
  return refuse("MESSAGE_TOO_LARGE", `The records decompress to more than ${maxBytes} bytes.`);
}
