/** The routes that produce and fetch records. */
import type { Route } from "../route.ts";

export const recordRoutes: readonly Route[] = [];
