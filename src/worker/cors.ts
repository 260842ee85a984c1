/** CORS, according to the setting `cors.allow.origins`. */

const EXPOSED =
  "X-Next-Offset, X-High-Watermark, X-Log-Start-Offset, X-Odradek-Replica, X-Poll-Id, X-Generation, X-Request-Id, Retry-After";
const ALLOWED_HEADERS =
  "Authorization, Content-Type, Content-Encoding, Accept, Last-Event-ID, Client-Rack, Last-Poll-Id, Consumer-Generation, X-Request-Id, Producer-Id, Producer-Epoch, Producer-Seq, Expected-Offset, Fencing-Token, New-Fencing-Token";
const PREFLIGHT_SECONDS = "86400";

/** Lets the caller's origin read the response, if it is allowed. */
export function allowOrigin(
  request: Request,
  response: Response,
  origins: ReadonlySet<string>,
): void {
  const any = origins.has("*");
  // Caches must know that the answer differs by origin, also for origins that are not allowed.
  if (!any) response.headers.append("vary", "Origin");
  const origin = request.headers.get("origin");
  if (origin === null || !(any || origins.has(origin))) return;
  response.headers.set("access-control-allow-origin", any ? "*" : origin);
  response.headers.set("access-control-expose-headers", EXPOSED);
}

/** Whether a request is a browser's preflight, which carries no key. */
export function isPreflight(request: Request): boolean {
  return (
    request.method === "OPTIONS" &&
    request.headers.has("origin") &&
    request.headers.has("access-control-request-method")
  );
}

/** The headers of the answer to a preflight, in addition to those of {@link allowOrigin}. */
export function preflightHeaders(methods: string): Record<string, string> {
  return {
    "access-control-allow-methods": methods,
    "access-control-allow-headers": ALLOWED_HEADERS,
    "access-control-max-age": PREFLIGHT_SECONDS,
  };
}
