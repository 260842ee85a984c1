/**
 * The id of a request in answers and log lines: the platform's, else the caller's if it is safe to print, else a
 * generated one.
 */

/** Ids that are safe in a log line and a header. */
const HARMLESS = /^[A-Za-z0-9._:-]{1,64}$/;

let prefix = "";
let counter = 0;

export function requestIdOf(request: Request): string {
  const ray = request.headers.get("cf-ray");
  if (ray !== null && HARMLESS.test(ray)) return ray;
  const given = request.headers.get("x-request-id");
  if (given !== null && HARMLESS.test(given)) return given;
  // Drawn within a request: the runtime provides no randomness while modules are loaded.
  if (prefix === "") prefix = crypto.randomUUID().slice(0, 13);
  counter += 1;
  return `${prefix}-${counter.toString(36)}`;
}
