/** Answers where no route matches: 404, 405 with `Allow`, and OPTIONS. */
import { refuse } from "../base/errors.ts";
import { errorAnswer } from "./answers.ts";
import { isPreflight, preflightHeaders } from "./cors.ts";
import { pass } from "./gate.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "./route.ts";
import type { Service } from "../gateway/service.ts";

/** GET's handlers answer HEAD too, and every path that there is answers OPTIONS. */
const ALLOW_ORDER = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** The methods that have a route at a path. */
type MethodsAt = (path: string) => readonly string[];

/** The route of all other requests. Its path in logs and metrics is `*`. */
export function unmatchedRoute(methodsAt: MethodsAt): Route {
  return defineRoute({
    method: "GET",
    path: "*",
    id: "unmatched",
    needs: [],
    tag: "Service",
    summary: "",
    // A browser's preflight carries no key; for all other requests the handler checks it.
    open: true,
    answers: {},
    handler: (c, service) => unmatched(c, service, methodsAt),
  });
}

function unmatched(c: Ctx, service: Service, methodsAt: MethodsAt): Outcome {
  const preflight = service.corsOrigins !== null && isPreflight(c.req.raw);
  if (!preflight) {
    const admitted = pass(c.req.raw, service);
    if (admitted instanceof Response || !admitted.ok) return admitted;
  }
  const methods = methodsAt(c.req.path);
  if (methods.length === 0) return refuse("NOT_FOUND");
  const allow = ALLOW_ORDER.filter(
    (method) => method === "OPTIONS" || methods.includes(method === "HEAD" ? "GET" : method),
  ).join(", ");
  if (c.req.method !== "OPTIONS") {
    return errorAnswer(refuse("METHOD_NOT_ALLOWED"), { allow });
  }
  const headers = preflight ? preflightHeaders(allow) : {};
  return new Response(null, { status: 204, headers: { allow, ...headers } });
}
