/**
 * Compresses and decompresses the payload of a record batch. Output is always bounded: a few
 * hostile bytes must not become a gigabyte.
 *
 * gzip and zstd come from `node:zlib`, which workerd has under `nodejs_compat`; snappy and lz4
 * are files of their own.
 */

import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";

import type { Compression } from "./layout.ts";
import { compressLz4, decompressLz4 } from "./lz4.ts";
import { notOfCodec, tooLarge, type BytesResult } from "./plain-bytes.ts";
import { compressSnappy, decompressSnappy } from "./snappy.ts";

/** Compresses with the codec's usual level. "none" gives the same bytes back. */
export function compress(compression: Compression, bytes: Uint8Array): Uint8Array {
  switch (compression) {
    case "none":
      return bytes;
    case "gzip":
      return plainView(gzipSync(bytes));
    case "snappy":
      return compressSnappy(bytes);
    case "lz4":
      return compressLz4(bytes);
    case "zstd":
      return plainView(zstdCompressSync(bytes));
  }
}

/**
 * Decompresses to at most `maxBytes` ≥ 1 bytes.
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
      return bytes.length <= maxBytes ? { ok: true, bytes } : tooLarge(maxBytes);
    case "gzip":
      return guarded(compression, maxBytes, () => gunzipSync(bytes, { maxOutputLength: maxBytes }));
    case "snappy":
      return decompressSnappy(bytes, maxBytes);
    case "lz4":
      return decompressLz4(bytes, maxBytes);
    case "zstd":
      return guarded(compression, maxBytes, () =>
        zstdDecompressSync(bytes, { maxOutputLength: maxBytes }),
      );
  }
}

/**
 * `node:zlib` speaks in exceptions; they end here. A RangeError is its word for "too large",
 * with different texts and codes in Node and workerd.
 */
function guarded(compression: Compression, maxBytes: number, run: () => Uint8Array): BytesResult {
  try {
    return { ok: true, bytes: plainView(run()) };
  } catch (error) {
    if (error instanceof RangeError) return tooLarge(maxBytes);
    return notOfCodec(compression);
  }
}

/** `node:zlib` answers Buffers, whose `slice` and `toString` are not those of a Uint8Array. */
function plainView(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
