/** Registers routes in the application: translates the description's paths into Hono's. */
import { answer } from "./frame.ts";
import type { App, Endpoint } from "./route.ts";

/** Registers the endpoints, in their order. */
export function mount(app: App, endpoints: readonly Endpoint[]): void {
  const withVerbs = new Set(endpoints.flatMap(({ path }) => path.match(/\{\w+\}(?=:)/g) ?? []));
  for (const endpoint of endpoints) {
    app.on(endpoint.method, honoPath(endpoint.path, withVerbs), (c) => answer(c, endpoint));
  }
}

/**
 * `{name}` becomes `:name`. A literal with a colon (`records:batch`) becomes a parameter that only
 * it matches: some of Hono's routers read `records:batch` as `records` and anything. In front of a
 * verb (`{name}:fence`) the parameter holds the verb too: `pathBeforeVerb` takes it off. A parameter that can have a
 * verb (`withVerbs`) has no colon without one, so that no other route answers where a verb is misspelt.
 */
function honoPath(path: string, withVerbs: ReadonlySet<string>): string {
  return path
    .split("/")
    .map((segment) => {
      const parameter = /^\{(\w+)\}$/.exec(segment);
      if (parameter) return `:${parameter[1]}${withVerbs.has(segment) ? "{[^/:]+}" : ""}`;
      const verb = /^\{(\w+)\}(:[a-z-]+)$/.exec(segment);
      if (verb) return `:${verb[1]}{[^/:]+${verb[2]}}`;
      return segment.includes(":") ? `:_literal{${segment}}` : segment;
    })
    .join("/");
}
