/**
 * Compresses and decompresses the payload of a record batch. Output is always bounded: a few hostile bytes must not
 * become a gigabyte.
 *
 * gzip and zstd come from `node:zlib`, which workerd provides under `nodejs_compat`; snappy.ts and lz4.ts are our own.
 */

import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";

import type { Compression } from "./layout.ts";
import { compressLz4, decompressLz4 } from "./lz4.ts";
import { notOfCodec, tooLarge, type BytesResult } from "./plain-bytes.ts";
import { compressSnappy, decompressSnappy } from "./snappy.ts";

/** workerd throws a RangeError for larger bounds than this. */
const ZLIB_BOUND_MAX_BYTES = 128 * 1024 * 1024;

/** Compresses with the codec's default level. "none" returns the same bytes. */
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
 * Decompresses to at most `maxBytes` bytes.
 *
 * Errors: CORRUPT_MESSAGE if the bytes are not of this codec, MESSAGE_TOO_LARGE if there would be more than `maxBytes`.
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
      return guarded(compression, maxBytes, (bound) => gunzipSync(bytes, bound));
    case "snappy":
      return decompressSnappy(bytes, maxBytes);
    case "lz4":
      return decompressLz4(bytes, maxBytes);
    case "zstd":
      return guarded(compression, maxBytes, (bound) => zstdDecompressSync(bytes, bound));
  }
}

/**
 * Turns the exceptions of `node:zlib` into refusals. A RangeError means "too large"; its texts and codes differ between
 * Node and workerd.
 */
function guarded(
  compression: Compression,
  maxBytes: number,
  run: (bound: { readonly maxOutputLength: number }) => Uint8Array,
): BytesResult {
  const maxOutputLength = Math.max(1, Math.min(maxBytes, ZLIB_BOUND_MAX_BYTES));
  try {
    return { ok: true, bytes: plainView(run({ maxOutputLength })) };
  } catch (error) {
    return error instanceof RangeError ? tooLarge(maxBytes) : notOfCodec(compression);
  }
}

/** `node:zlib` returns Buffers, whose `slice` and `toString` differ from those of a Uint8Array. */
function plainView(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
