/** Bodies of produce requests: as they are or in gzip, and bounded either way. */
import { refuse, type Refusal } from "../../base/errors.ts";
import { REQUEST_BYTES_MAX } from "../../base/limits.ts";
import { readBytes } from "../body.ts";

/**
 * The body, of at least one byte. MESSAGE_TOO_LARGE; INVALID_REQUEST (empty, cut off, gzip that is
 * none); UNSUPPORTED_MEDIA_TYPE for another Content-Encoding.
 */
export async function readProduceBody(request: Request): Promise<Uint8Array | Refusal> {
  const encoding = request.headers.get("content-encoding");
  let plain = request;
  if (encoding === "gzip" && request.body !== null) {
    const body = request.body.pipeThrough(new DecompressionStream("gzip"));
    plain = new Request(request.url, { method: "POST", body });
  } else if (encoding !== null && encoding !== "identity") {
    return refuse("UNSUPPORTED_MEDIA_TYPE", "A body is sent as it is or in gzip.");
  }
  const bytes = await readBytes(plain, REQUEST_BYTES_MAX);
  if (bytes instanceof Uint8Array && bytes.length === 0) {
    return refuse("INVALID_REQUEST", "The request has no body.");
  }
  return bytes;
}
