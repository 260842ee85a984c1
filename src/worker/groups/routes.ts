/** All routes about consumer groups as a whole. */
import type { Route } from "../route.ts";
import { lagRoutes } from "./lags.ts";
import { groupOffsetRoutes } from "./offsets.ts";
import { groupViewRoutes } from "./views.ts";

export const groupRoutes: readonly Route[] = [
  ...groupViewRoutes,
  ...lagRoutes,
  ...groupOffsetRoutes,
];
