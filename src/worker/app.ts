/**
 * The application: all routes, and what is answered where there is none. To add an endpoint, define
 * a route in one of the lists below; the description and the page follow from it.
 */
import { Hono } from "hono";
import { TrieRouter } from "hono/router/trie-router";
import type { Env } from "../objects/runtime/env.ts";
import { aboutRoutes } from "./about/routes.ts";
import { aclRoutes } from "./admin/acls.ts";
import { brokerConfigRoutes } from "./admin/broker-configs.ts";
import { brokerReplicaRoutes } from "./admin/broker-replicas.ts";
import { brokerRoutes } from "./admin/brokers.ts";
import { clusterRoutes } from "./admin/clusters.ts";
import { configRoutes } from "./admin/configs.ts";
import { electionRoutes } from "./admin/elections.ts";
import { offsetRoutes } from "./admin/offsets.ts";
import { partitionRoutes } from "./admin/partitions.ts";
import { reassignmentRoutes } from "./admin/reassignments.ts";
import { topicRoutes } from "./admin/topics.ts";
import { v2Routes } from "./admin/v2.ts";
import { consumerRoutes } from "./consumers/routes.ts";
import { answer } from "./frame.ts";
import { groupRoutes } from "./groups/routes.ts";
import { mount } from "./mount.ts";
import { recordRoutes } from "./records/routes.ts";
import type { App, Route } from "./route.ts";
import { unmatchedRoute } from "./unmatched.ts";
import { kafkaRoutes } from "./kafka-route.ts";

export const routes: readonly Route[] = [
  ...recordRoutes,
  ...clusterRoutes,
  ...aclRoutes,
  ...brokerRoutes,
  ...brokerConfigRoutes,
  ...brokerReplicaRoutes,
  ...topicRoutes,
  ...configRoutes,
  ...reassignmentRoutes,
  ...partitionRoutes,
  ...electionRoutes,
  ...offsetRoutes,
  ...v2Routes,
  ...consumerRoutes,
  ...groupRoutes,
  ...kafkaRoutes,
  ...aboutRoutes(everyRoute, everyCountedRoute),
];

const unmatched = unmatchedRoute(methodsAt);

// Functions, because the routes that describe all routes are among the routes.
function everyRoute(): readonly Route[] {
  return routes;
}

function everyCountedRoute(): readonly Route[] {
  return [...routes, unmatched];
}

/** The methods that have a route at a path, by the router that dispatches requests. */
function methodsAt(path: string): readonly string[] {
  const methods = [...new Set(routes.map(({ method }) => method))];
  return methods.filter((method) => app.router.match(method, path)[0].length > 0);
}

// The trie takes literals and parameters side by side, which the regular expression router does not;
// `strict: false` accepts a trailing slash.
export const app: App = new Hono<{ Bindings: Env }>({ strict: false, router: new TrieRouter() });

mount(app, routes);
app.notFound((c) => answer(c, unmatched));
