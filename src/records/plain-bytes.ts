/** What decompression answers, and the two ways in which it refuses; shared by all codecs. */

import { refuse, type Refusal } from "../base/errors.ts";
import type { Compression } from "./layout.ts";

/** Bytes of their own or, with codec "none", the given ones. */
export type BytesResult = { readonly ok: true; readonly bytes: Uint8Array } | Refusal;

export function notOfCodec(compression: Compression): Refusal {
  return refuse("CORRUPT_MESSAGE", `The records cannot be decompressed as ${compression}.`);
}

export function tooLarge(maxBytes: number): Refusal {
  return refuse("MESSAGE_TOO_LARGE", `The records decompress to more than ${maxBytes} bytes.`);
}
