/**
 * The part of the HTTP API that a worker's start loads: the routes through which records come and go, and liveness. Every
 * other request loads the whole application (app.ts) first, once in an isolate: administration, groups, descriptions.
 */
import { Hono } from "hono";
import { TrieRouter } from "hono/router/trie-router";
import type { Env } from "../objects/runtime/env.ts";
import { healthEndpoint } from "./about/health.ts";
import { mount } from "./mount.ts";
import { fetchEndpoints } from "./records/fetch-endpoints.ts";
import { produceEndpoints } from "./records/produce-endpoints.ts";
import type { App, Endpoint } from "./route.ts";

/** All of them are among the routes of app.ts, described. */
export const endpoints: readonly Endpoint[] = [
  ...Object.values(produceEndpoints),
  ...Object.values(fetchEndpoints),
  healthEndpoint,
];

export const front: App = new Hono<{ Bindings: Env }>({
  strict: false,
  router: new TrieRouter(),
});

mount(front, endpoints);

front.notFound(async (c) => {
  const { app } = await import("./app.ts");
  return app.fetch(c.req.raw, c.env, c.executionCtx);
});
