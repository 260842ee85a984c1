/** Puts routes into the application: translates the description's paths into Hono's. */
import { answer } from "./frame.ts";
import type { App, Route } from "./route.ts";

/** Puts routes into the application. */
export function mount(app: App, routes: readonly Route[]): void {
  for (const route of routes) {
    app.on(route.method, honoPath(route.path), (c) => answer(c, route));
  }
}

/**
 * `{name}` becomes `:name`. A literal with a colon (`records:batch`) becomes a parameter that only
 * it matches: some of Hono's routers read `records:batch` as `records` and anything. In front of a
 * verb (`{name}:fence`) the parameter holds the verb too: `pathBeforeVerb` takes it off.
 */
function honoPath(path: string): string {
  return path
    .split("/")
    .map((segment) => {
      const parameter = /^\{(\w+)\}$/.exec(segment);
      if (parameter) return `:${parameter[1]}`;
      const verb = /^\{(\w+)\}(:[a-z-]+)$/.exec(segment);
      if (verb) return `:${verb[1]}{[^/:]+${verb[2]}}`;
      return segment.includes(":") ? `:_literal{${segment}}` : segment;
    })
    .join("/");
}
