/**
 * The application: all routes, and what is answered where there is none. To add an endpoint, define
 * a route in one of the lists below; the description and the page follow from it.
 */
import { Hono } from "hono";
import { TrieRouter } from "hono/router/trie-router";
import type { Env } from "../objects/env.ts";
import { answer } from "./frame.ts";
import { mount } from "./mount.ts";
import { recordRoutes } from "./records/routes.ts";
import type { App, Route } from "./route.ts";
import { unmatchedRoute } from "./unmatched.ts";

export const routes: readonly Route[] = [...recordRoutes];

// The trie reads a literal with a colon as one, and mixes literals and parameters, which the regular
// expression router does not; `strict: false` accepts a trailing slash.
export const app: App = new Hono<{ Bindings: Env }>({ strict: false, router: new TrieRouter() });

mount(app, routes);

const unmatched = unmatchedRoute(routes);
app.notFound((c) => answer(c, unmatched));
