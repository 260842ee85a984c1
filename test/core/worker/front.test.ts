/** Proves that what a worker's start serves (front.ts) and the whole application (app.ts) are one API. */
import { expect, test } from "vitest";
import { routes } from "../../../src/worker/app.ts";
import { endpoints } from "../../../src/worker/front.ts";

test.for(endpoints)("$method $path is described, and served and counted as one", (endpoint) => {
  const described = routes.filter(({ id }) => id === endpoint.id);
  expect(described).toEqual([expect.objectContaining(endpoint)]);
  // One array: /metrics shows the requests of both.
  expect(described[0]!.requestsByClass).toBe(endpoint.requestsByClass);
});
