/** The result of decompression and its two refusals, for all codecs. */

import { refuse, type Refusal } from "../base/errors.ts";
import type { Compression } from "./layout.ts";

/** Decompressed bytes; with codec "none" the given ones. */
export type BytesResult = { readonly ok: true; readonly bytes: Uint8Array } | Refusal;

/** CORRUPT_MESSAGE */
export function notOfCodec(compression: Compression): Refusal {
  return refuse("CORRUPT_MESSAGE", `The records cannot be decompressed as ${compression}.`);
}

/** MESSAGE_TOO_LARGE */
export function tooLarge(maxBytes: number): Refusal {
  return refuse("MESSAGE_TOO_LARGE", `The records decompress to more than ${maxBytes} bytes.`);
}
