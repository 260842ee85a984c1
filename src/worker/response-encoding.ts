/**
 * Answers in gzip for callers that accept it. The runtime compresses a body whose Content-Encoding is gzip when it
 * sends it; at Cloudflare's edge, which asks for gzip whatever the client accepts, the edge does the rest.
 */

/** Answers below this size, in bytes, are sent as they are: compressing costs more than it saves. */
const COMPRESSED_BYTES_MIN = 1_024;

/** The header by which proxies (nginx and those that follow it) pass a stream on piece by piece. */
export const STREAMED: Readonly<Record<string, string>> = { "x-accel-buffering": "no" };

const compressible = new WeakSet<Response>();

/** Notes that an answer is text of so many bytes. Streams, and bytes in a format of their own, are never compressed. */
export function ofTextBytes(response: Response, sizeBytes: number): Response {
  if (sizeBytes >= COMPRESSED_BYTES_MIN) compressible.add(response);
  return response;
}

/** Has an answer sent in gzip, where it is worth it and the caller accepts it. */
export function encodeFor(request: Request, response: Response): void {
  if (!compressible.has(response)) return;
  response.headers.append("vary", "Accept-Encoding");
  if (acceptsGzip(request.headers.get("accept-encoding"))) {
    response.headers.set("content-encoding", "gzip");
  }
}

/** Whether a caller takes gzip (RFC 9110, section 12.5.3): by its name, else by the asterisk. */
export function acceptsGzip(header: string | null): boolean {
  if (header === null) return false;
  const codings = new Map(
    header.split(",").map((part) => {
      const [coding, ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
      const quality = parameters.find((parameter) => parameter.startsWith("q="));
      return [coding!, quality === undefined ? 1 : Number(quality.slice(2))];
    }),
  );
  return (codings.get("gzip") ?? codings.get("x-gzip") ?? codings.get("*") ?? 0) > 0;
}
