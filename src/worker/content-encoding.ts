/**
 * Content encodings (RFC 9110, section 8.4): which one a request's body has, and gzip, decompressed within a bound.
 * `node:zlib` and not DecompressionStream, which refuses what gzip allows: several members, one behind the other
 * (RFC 1952, section 2.2).
 */
import { pipeline } from "node:stream";
import { createGunzip, gunzipSync } from "node:zlib";
import { refuse, type Refusal } from "../base/errors.ts";

export type BodyEncoding = "identity" | "gzip";

const NOT_GZIP = "The request's body is not in gzip, though its Content-Encoding says so.";
const UNSUPPORTED = "A body is sent as it is or in gzip; no other Content-Encoding is supported.";

/** The encoding that a request's headers name, in any case. UNSUPPORTED_MEDIA_TYPE for one that is neither. */
export function bodyEncoding(headers: Headers): BodyEncoding | Refusal {
  const header = headers.get("content-encoding");
  if (header === null) return "identity";
  const codings = header
    .split(",")
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
  if (codings.length === 0) return "identity";
  const isGzip = codings.length === 1 && (codings[0] === "gzip" || codings[0] === "x-gzip");
  return isGzip ? "gzip" : refuse("UNSUPPORTED_MEDIA_TYPE", UNSUPPORTED);
}

/** Decompresses a whole body of at least one byte. MESSAGE_TOO_LARGE, INVALID_REQUEST. */
export function gunzip(bytes: Uint8Array, bytesMax: number): Uint8Array | Refusal {
  try {
    const plain = gunzipSync(bytes, { maxOutputLength: bytesMax });
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
  } catch (error) {
    // How both Node and workerd report an output above the bound.
    return error instanceof RangeError ? tooLarge(bytesMax) : refuse("INVALID_REQUEST", NOT_GZIP);
  }
}

export function tooLarge(bytesMax: number): Refusal {
  return refuse("MESSAGE_TOO_LARGE", `The request's body is larger than ${bytesMax} bytes.`);
}

/** Decompresses a body piece by piece. Rejects where it is not gzip, or is cut off. */
export function gunzipped(compressed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  // The error is thrown to whoever iterates.
  return pipeline(compressed, createGunzip(), () => undefined);
}
