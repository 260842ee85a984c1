/**
 * The id under which a request is found again: the platform's own, else the caller's when it is
 * harmless, else one of ours.
 */

/** Ids of callers that may be put into a log and a header as they are. */
const HARMLESS = /^[A-Za-z0-9._:-]{1,64}$/;

let prefix = "";
let counter = 0;

export function requestIdOf(request: Request): string {
  const ray = request.headers.get("cf-ray");
  if (ray !== null && HARMLESS.test(ray)) return ray;
  const given = request.headers.get("x-request-id");
  if (given !== null && HARMLESS.test(given)) return given;
  // Drawn inside a request: the runtime has no randomness while a module loads.
  if (prefix === "") prefix = crypto.randomUUID().slice(0, 13);
  counter += 1;
  return `${prefix}-${counter.toString(36)}`;
}
