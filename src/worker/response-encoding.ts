/**
 * Answers in gzip, for callers that accept it. The runtime compresses the body of a response whose Content-Encoding is
 * gzip when it sends it. In a deployment Cloudflare's edge converts to what the client accepts.
 */

/** Answers below this size, in bytes, are not compressed: it would cost more than it saves. */
const COMPRESSED_BYTES_MIN = 1_024;

/** Tells nginx, and proxies that follow it, not to buffer a stream. */
export const STREAMED: Readonly<Record<string, string>> = { "x-accel-buffering": "no" };

const compressible = new WeakSet<Response>();

/** Marks an answer as text of so many bytes. Streams and binary formats are not marked, and never compressed. */
export function ofTextBytes(response: Response, sizeBytes: number): Response {
  if (sizeBytes >= COMPRESSED_BYTES_MIN) compressible.add(response);
  return response;
}

/** Selects gzip for an answer that is marked, if the caller accepts it. */
export function encodeFor(request: Request, response: Response): void {
  if (!compressible.has(response)) return;
  response.headers.append("vary", "Accept-Encoding");
  if (acceptsGzip(request.headers.get("accept-encoding"))) {
    response.headers.set("content-encoding", "gzip");
  }
}

/** Whether a caller accepts gzip (RFC 9110, section 12.5.3): by name, else by `*`. */
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
