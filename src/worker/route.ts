/**
 * A route: an endpoint, which answers requests, and its description. `mount` registers it in the application, and
 * openapi.ts describes it from the same object, so that no route can be missing from the description. The endpoints that
 * a worker's start loads (front.ts) are described in modules of their own, since descriptions are made of zod's schemas,
 * which cost a start more than what answers.
 */
import type * as z from "zod";
import type { Context, Hono } from "hono";
import type { ErrorName, Refusal } from "../base/errors.ts";
import type { Env } from "../objects/runtime/env.ts";
import type { Need } from "../base/operations.ts";
import type { Principal } from "../gateway/principal.ts";
import type { Service } from "../gateway/service.ts";

export type Ctx = Context<{ Bindings: Env }>;
export type App = Hono<{ Bindings: Env }>;

/** A refusal is answered by the error table. A response must be a new one, because headers are added to it. */
export type Handler = (
  c: Ctx,
  service: Service,
  principal: Principal,
) => Outcome | Promise<Outcome>;
export type Outcome = Response | Refusal;

/** One media type of a body: its shape, and an example that the page shows. */
export interface Content {
  /** Absent for a body that is not JSON. */
  readonly schema?: z.ZodType;
  readonly example?: unknown;
}

interface EndpointSpec {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** As in OpenAPI: `/v3/clusters/{cluster_id}/topics/{topic}`. An unknown `cluster_id` never reaches the handler. */
  readonly path: string;
  /** Unique; the page's anchor. */
  readonly id: string;
  /** What the caller must be allowed to do. */
  readonly needs: readonly Need[];
  /** Answered without a key. */
  readonly open?: true;
  readonly handler: Handler;
}

/** What the page and `/openapi.json` say of an endpoint. */
export interface Description {
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  /** By media type. Describes; does not validate: handlers that validate use `readJson`. */
  readonly body?: Readonly<Record<string, Content>>;
  /** A request without a body is one with the empty object. */
  readonly bodyOptional?: true;
  readonly answers: Readonly<
    Record<
      number,
      {
        readonly description: string;
        readonly content?: Readonly<Record<string, Content>>;
        readonly headers?: z.ZodObject;
      }
    >
  >;
  /** Besides those of every route (not authenticated, server error). */
  readonly errors?: readonly ErrorName[];
}

export interface RouteSpec extends EndpointSpec, Description {}

export const TAGS = [
  "Cluster",
  "Brokers",
  "Topics",
  "Configs",
  "Partitions",
  "Records",
  "Consumers",
  "Groups",
  "v2",
  "Service",
] as const;
type Tag = (typeof TAGS)[number];

export interface Endpoint extends EndpointSpec {
  /** Requests by first digit of the status. */
  readonly requestsByClass: number[];
  readonly inCluster: boolean;
}

export interface Route extends Endpoint, Description {}

export function defineEndpoint(spec: EndpointSpec): Endpoint {
  return {
    ...spec,
    requestsByClass: [0, 0, 0, 0, 0, 0],
    inCluster: spec.path.includes("{cluster_id}"),
  };
}

/** The endpoint with its description. Both count their requests together. */
export function withDescription(endpoint: Endpoint, description: Description): Route {
  return { ...endpoint, ...description };
}

export function defineRoute(spec: RouteSpec): Route {
  return { ...spec, ...defineEndpoint(spec) };
}
