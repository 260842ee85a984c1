/** Routes about the service itself: liveness, description, page, metrics. */
import * as z from "zod";
import { pageParameters } from "../admin/paging.ts";
import { json } from "../answers.ts";
import { preferredType } from "../media-types.ts";
import { ofTextBytes } from "../response-encoding.ts";
import { defineRoute, withDescription, type Route } from "../route.ts";
import { topicText } from "../text-schemas.ts";
import { healthEndpoint } from "./health.ts";
import { metricsText, TOPIC_PAGE } from "./metrics-text.ts";
import type { Shown } from "./curl.ts";
import type { ApiDocument } from "./openapi.ts";
import type { Page } from "./page.ts";

const HTML = "text/html; charset=utf-8";

const ABOUT = {
  name: "odradek",
  description: "A Kafka-compatible log service.",
  docs: "/docs",
  openapi: "/openapi.json",
  clusters: "/v3/clusters",
};

const aboutRoute = defineRoute({
  method: "GET",
  path: "/",
  id: "about",
  needs: [],
  tag: "Service",
  summary: "What this is",
  description: "A browser is sent to the page.",
  answers: {
    200: {
      description: "Where to go on.",
      content: {
        "application/json": { schema: z.record(z.string(), z.string()), example: ABOUT },
      },
    },
    303: { description: "To /docs, for callers that prefer HTML." },
  },
  handler: (c) => {
    const type = preferredType(c.req.raw.headers.get("accept"), ["application/json", "text/html"]);
    return type === "text/html"
      ? new Response(null, { status: 303, headers: { location: "/docs" } })
      : json(ABOUT);
  },
});

const healthRoute = withDescription(healthEndpoint, {
  tag: "Service",
  summary: "Whether the worker answers, and storage takes what is written",
  description:
    "Needs no key and calls no object: an isolate whose last append was refused by storage says so, until one is taken or a minute has gone by.",
  answers: {
    200: {
      description: "The service is healthy.",
      content: {
        "application/json": {
          schema: z.object({ status: z.literal("ok") }),
          example: { status: "ok" },
        },
      },
    },
  },
  errors: ["KAFKA_STORAGE_ERROR"],
});

const metricsRoute = (counted: () => readonly Route[]): Route =>
  defineRoute({
    method: "GET",
    path: "/metrics",
    id: "metrics",
    needs: [["cluster", "describe"]],
    tag: "Service",
    summary: "Metrics, as Prometheus text",
    description:
      "Counters are those of the isolate that answers and begin at 0 with it; what the controller counts holds for the cluster. A scrape is two calls of the controller; only while replicas are out of sync it also asks up to 32 of their leaders how far they are behind.",
    query: z.object({
      topic: topicText.optional().meta({
        description:
          "Adds gauges of this topic's partitions, at a call for each of their replicas.",
      }),
      ...pageParameters("Partitions", TOPIC_PAGE),
    }),
    answers: {
      200: { description: "The metrics.", content: { "text/plain": { schema: z.string() } } },
    },
    errors: [
      "INVALID_REQUEST",
      "UNKNOWN_TOPIC",
      "INVALID_TOPIC_EXCEPTION",
      "KAFKA_STORAGE_ERROR",
      "THROTTLING_QUOTA_EXCEEDED",
    ],
    handler: (c, service) => metricsText(c, service, counted()),
  });

const descriptionRoute = (described: () => Promise<ApiDocument>): Route =>
  defineRoute({
    method: "GET",
    path: "/openapi.json",
    id: "openapi",
    needs: [],
    tag: "Service",
    summary: "This description, as OpenAPI 3.1",
    answers: {
      200: {
        description: "The document.",
        content: { "application/json": { schema: z.looseObject({ openapi: z.string() }) } },
      },
    },
    handler: async () => json(await described()),
  });

/** The page as one service shows it, and what it may do (Content-Security-Policy). */
interface ShownPage {
  readonly text: string;
  readonly policy: string;
}

const pageRoute = (show: (shown: Shown) => Promise<ShownPage>): Route =>
  defineRoute({
    method: "GET",
    path: "/docs",
    id: "docs",
    needs: [],
    tag: "Service",
    summary: "This description, as a page with guides and a search",
    answers: {
      200: { description: "The page.", content: { "text/html": { schema: z.string() } } },
    },
    handler: async (c, service) => {
      const { origin } = new URL(c.req.url);
      const isKeyed = service.keys.length > 0;
      const { text, policy } = await show({ origin, clusterId: service.clusterId, isKeyed });
      const headers = { "content-type": HTML, "content-security-policy": policy };
      return ofTextBytes(new Response(text, { headers }), text.length);
    },
  });

/**
 * `all` are the routes to describe, these included; `counted` those whose requests /metrics shows. The description and
 * the page are made when they are first asked for; only then is the code that makes them loaded.
 */
export function aboutRoutes(
  all: () => readonly Route[],
  counted: () => readonly Route[],
): readonly Route[] {
  let document: ApiDocument | undefined;
  let page: Page | undefined;
  const described = async (): Promise<ApiDocument> => {
    const { describeApi } = await import("./openapi.ts");
    return (document ??= describeApi(all()));
  };
  const shownPage = async (shown: Shown): Promise<ShownPage> => {
    const [{ renderPage }, { shownFor }] = await Promise.all([
      import("./page.ts"),
      import("./curl.ts"),
    ]);
    page ??= await renderPage(await described());
    return { text: shownFor(page.html, shown), policy: page.policy };
  };
  return [
    aboutRoute,
    healthRoute,
    metricsRoute(counted),
    descriptionRoute(described),
    pageRoute(shownPage),
  ];
}
