/** What is answered where no route matches: 404, 405 with `Allow`, and OPTIONS. */
import { refuse } from "../base/errors.ts";
import { errorAnswer } from "./answers.ts";
import { isPreflight, preflightHeaders } from "./cors.ts";
import { pass } from "./gate.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "./route.ts";
import type { Service } from "../gateway/service.ts";

/** A route for everything that is none. Its path in logs and metrics is `*`. */
export function unmatchedRoute(routes: readonly Route[]): Route {
  let patterns: readonly Pattern[] | undefined;
  return defineRoute({
    method: "GET",
    path: "*",
    id: "unmatched",
    needs: [],
    tag: "Service",
    summary: "",
    // A browser's preflight carries no key; for all else the handler asks the gate itself.
    open: true,
    answers: {},
    handler: (c, service) => unmatched(c, service, (patterns ??= routes.map(patternOf))),
  });
}

interface Pattern {
  readonly method: string;
  readonly path: RegExp;
}

function patternOf(route: Route): Pattern {
  const path = route.path.replace(/\./g, "\\.").replace(/\{\w+\}/g, "[^/]+");
  return { method: route.method, path: new RegExp(`^${path}$`) };
}

function unmatched(c: Ctx, service: Service, patterns: readonly Pattern[]): Outcome {
  const preflight = service.corsOrigins !== null && isPreflight(c.req.raw);
  if (!preflight) {
    const admitted = pass(c.req.raw, service);
    if (admitted instanceof Response || !admitted.ok) return admitted;
  }
  const methods = new Set<string>();
  for (const { method, path } of patterns) {
    if (!path.test(c.req.path)) continue;
    methods.add(method);
    if (method === "GET") methods.add("HEAD");
  }
  if (methods.size === 0) return refuse("NOT_FOUND");
  const allow = [...methods, "OPTIONS"].join(", ");
  if (c.req.method !== "OPTIONS") {
    return errorAnswer(refuse("METHOD_NOT_ALLOWED"), { allow });
  }
  const headers = preflight ? preflightHeaders(allow) : {};
  return new Response(null, { status: 204, headers: { allow, ...headers } });
}
