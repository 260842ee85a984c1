/** All routes that write and read records. */
import type { Route } from "../route.ts";
import { fetchRoutes } from "./fetch-routes.ts";
import { produceRoutes } from "./produce-routes.ts";

export const recordRoutes: readonly Route[] = [...produceRoutes, ...fetchRoutes];
