/**
 * Reads bodies of requests, bounded in bytes and in time whatever the headers say, and decompresses gzip.
 */
import { joinBytes } from "../base/bytes.ts";
import { refuse, type Refusal } from "../base/errors.ts";
import { within } from "../gateway/time.ts";
import { BodyReader } from "./body-reader.ts";
import { bodyEncoding, gunzip, tooLarge } from "./content-encoding.ts";

/** How long a body may take, in milliseconds, and the bytes for each of which it may take a second longer. */
export const BODY_WAIT_MS = 30_000;
const BODY_BYTES_PER_SECOND_MIN = 16_384;

const CUT_OFF = refuse("INVALID_REQUEST", "The request's body ended before it was complete.");
export const STALLED = refuse("REQUEST_BODY_TIMED_OUT");

/**
 * The body's bytes, decompressed, at most `bytesMax` before and after. MESSAGE_TOO_LARGE, INVALID_REQUEST (cut off on
 * its way, gzip that is none), UNSUPPORTED_MEDIA_TYPE (another encoding), REQUEST_BODY_TIMED_OUT.
 */
export async function readBytes(
  request: Request,
  bytesMax: number,
  waitMs = BODY_WAIT_MS,
): Promise<Uint8Array | Refusal> {
  const encoding = bodyEncoding(request.headers);
  if (typeof encoding === "object") return encoding;
  let bytes: Uint8Array | Refusal;
  try {
    bytes = await readSent(request, bytesMax, waitMs);
  } catch {
    return CUT_OFF;
  }
  if (encoding === "identity" || !(bytes instanceof Uint8Array)) return bytes;
  return bytes.length === 0 ? bytes : gunzip(bytes, bytesMax);
}

/** The bytes as they were sent. Rejects if the sender disconnects. */
async function readSent(
  request: Request,
  bytesMax: number,
  waitMs: number,
): Promise<Uint8Array | Refusal> {
  const length = request.headers.get("content-length");
  if (length === null) {
    return request.body === null ? new Uint8Array(0) : readStream(request.body, bytesMax, waitMs);
  }
  if (Number(length) > bytesMax) return tooLarge(bytesMax);
  // The runtime enforces the announced length. `body` is not accessed in this case: that would create a stream, which
  // costs more than the rest of this function.
  const stalled = afterUncancelled(bodyWaitMs(waitMs, Number(length)));
  const read = await Promise.race([request.arrayBuffer(), stalled]);
  return read === null ? STALLED : new Uint8Array(read);
}

/**
 * Null after this time. The timer is not cancelled when the body has arrived: the runtime drops it with the request, and
 * cancelling it would cost a small append about two hundredths of its time.
 */
function afterUncancelled(delayMs: number): Promise<null> {
  return new Promise((resolve) => {
    setTimeout(resolve, delayMs, null);
  });
}

function bodyWaitMs(waitMs: number, bytes: number): number {
  return waitMs + Math.ceil((bytes / BODY_BYTES_PER_SECOND_MIN) * 1_000);
}

async function readStream(
  body: ReadableStream<Uint8Array>,
  bytesMax: number,
  waitMs: number,
): Promise<Uint8Array | Refusal> {
  const startedMs = Date.now();
  const reader = new BodyReader(body);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const leftMs = bodyWaitMs(waitMs, bytes) - (Date.now() - startedMs);
    const part = await within(Math.max(0, leftMs), reader.read());
    if (part === null) return abandoned(reader, STALLED);
    if (part === "end") return joinBytes(parts);
    bytes += part.byteLength;
    if (bytes > bytesMax) return abandoned(reader, tooLarge(bytesMax));
    parts.push(part);
  }
}

/** Gives up a body that was not read to its end. */
function abandoned(reader: BodyReader, refusal: Refusal): Refusal {
  reader.cancel();
  return refusal;
}

/** Bounds on reading and dropping a body that nobody uses: bytes, and milliseconds. */
export const DRAINED_BYTES_MAX = 33_554_432;
export const DRAIN_WAIT_MS = 5_000;

/**
 * Reads and drops a body that no handler has read, within bounds: if a connection is closed while its sender is still
 * writing, the sender may lose the answer and take the error for an outage. Never rejects.
 */
export async function drain(request: Request): Promise<void> {
  if (request.body === null || request.bodyUsed) return;
  const reader = new BodyReader(request.body);
  await within(DRAIN_WAIT_MS, readAway(reader));
  reader.cancel();
}

async function readAway(reader: BodyReader): Promise<void> {
  let bytes = 0;
  try {
    while (bytes <= DRAINED_BYTES_MAX) {
      const part = await reader.read();
      if (part === "end") return;
      bytes += part.byteLength;
    }
  } catch {
    // The sender has disconnected.
  }
}
