/** Bodies of requests: never more bytes than allowed, whatever the headers say; JSON of administration. */
import type { z } from "@hono/zod-openapi";
import { joinBytes } from "../base/bytes.ts";
import { refuse, type Refusal } from "../base/errors.ts";
import { bareType } from "./media-types.ts";

/** Largest body of an administration request, in bytes. */
export const ADMIN_BODY_BYTES_MAX = 1_048_576;

const tooLarge = (bytesMax: number): Refusal =>
  refuse("MESSAGE_TOO_LARGE", `The request's body is larger than ${bytesMax} bytes.`);

/** The body's bytes, at most `bytesMax`. MESSAGE_TOO_LARGE, INVALID_REQUEST (cut off on its way). */
export async function readBytes(request: Request, bytesMax: number): Promise<Uint8Array | Refusal> {
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) > bytesMax) return tooLarge(bytesMax);
  try {
    // The runtime holds a body to the length that it was announced with. `body` is not touched
    // then: asking for it makes a stream, which costs more than the rest of this function.
    if (length !== null) return new Uint8Array(await request.arrayBuffer());
    if (request.body === null) return new Uint8Array(0);
    return await readStream(request.body, bytesMax);
  } catch {
    return refuse("INVALID_REQUEST", "The request's body ended before it was complete.");
  }
}

/** Most of an unwanted body that is read away, in bytes. */
const DRAINED_BYTES_MAX = 33_554_432;

/**
 * Reads away a body that no handler read, within a bound: a connection that is closed with bytes
 * still coming takes the answer with it, and its sender would take the refusal for an outage.
 */
export async function drain(request: Request): Promise<void> {
  if (request.body === null || request.bodyUsed) return;
  let bytes = 0;
  try {
    for await (const part of request.body) {
      bytes += part.byteLength;
      if (bytes > DRAINED_BYTES_MAX) return;
    }
  } catch {
    // Its sender has gone: nobody waits for the answer.
  }
}

async function readStream(
  body: ReadableStream<Uint8Array>,
  bytesMax: number,
): Promise<Uint8Array | Refusal> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.byteLength;
    if (bytes > bytesMax) return tooLarge(bytesMax);
    parts.push(part);
  }
  return joinBytes(parts);
}

/** A JSON body in the shape that the schema asks for, wrapped so that any value can be told from a refusal. */
export type ReadJson<T> = { readonly ok: true; readonly value: T } | Refusal;

/**
 * Reads and validates a JSON body; for administration only, a schema library has no place where
 * records go through. `absent` is what an empty body stands for, where it may be empty.
 * INVALID_REQUEST, UNSUPPORTED_MEDIA_TYPE, MESSAGE_TOO_LARGE.
 */
export async function readJson<S extends z.ZodType>(
  request: Request,
  schema: S,
  absent?: z.output<S>,
): Promise<ReadJson<z.output<S>>> {
  const type = bareType(request.headers.get("content-type"));
  if (type !== "" && type !== "application/json" && !type.endsWith("+json")) {
    return refuse("UNSUPPORTED_MEDIA_TYPE", "The body must be application/json.");
  }
  const bytes = await readBytes(request, ADMIN_BODY_BYTES_MAX);
  if (!(bytes instanceof Uint8Array)) return bytes;
  if (bytes.length === 0 && absent !== undefined) return { ok: true, value: absent };
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    return refuse("INVALID_REQUEST", "The body is not JSON in UTF-8.");
  }
  const checked = schema.safeParse(parsed);
  if (checked.success) return { ok: true, value: checked.data };
  return refuse("INVALID_REQUEST", problemOf(checked.error));
}

/** The first thing that is wrong, and where; zod's texts do not repeat values. */
function problemOf(error: z.ZodError): string {
  const issue = error.issues[0]!;
  const where = issue.path.length === 0 ? "The body" : issue.path.join(".");
  return `${where}: ${issue.message}`;
}
