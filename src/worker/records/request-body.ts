/** Bodies of produce requests that are read whole. */
import { refuse, type Refusal } from "../../base/errors.ts";
import { REQUEST_BYTES_MAX } from "../../base/limits.ts";
import { readBytes } from "../body.ts";

/** The body, of at least one byte. Errors: those of `readBytes`, and INVALID_REQUEST for an empty one. */
export async function readProduceBody(request: Request): Promise<Uint8Array | Refusal> {
  const bytes = await readBytes(request, REQUEST_BYTES_MAX);
  if (bytes instanceof Uint8Array && bytes.length === 0) {
    return refuse("INVALID_REQUEST", "The request has no body.");
  }
  return bytes;
}
