/** All routes of consumer instances. */
import type { Route } from "../route.ts";
import { instanceRoutes } from "./instances.ts";
import { offsetRoutes } from "./offsets.ts";
import { pollRoutes } from "./records.ts";
import { subscriptionRoutes } from "./subscriptions.ts";

export const consumerRoutes: readonly Route[] = [
  ...instanceRoutes,
  ...subscriptionRoutes,
  ...pollRoutes,
  ...offsetRoutes,
];
