/**
 * A route, defined once: its handler and its description. `mount` registers it in the application, and openapi.ts
 * describes it from the same object, so that no route can be missing from the description.
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

export interface RouteSpec {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** As in OpenAPI: `/v3/clusters/{cluster_id}/topics/{topic}`. An unknown `cluster_id` never reaches the handler. */
  readonly path: string;
  /** Unique; the page's anchor. */
  readonly id: string;
  /** What the caller must be allowed to do. */
  readonly needs: readonly Need[];
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  /** Answered without a key. */
  readonly open?: true;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  /** By media type. Describes; does not validate: handlers that validate use `readJson`. */
  readonly body?: Readonly<Record<string, Content>>;
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
  readonly handler: Handler;
}

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

export interface Route extends RouteSpec {
  /** Requests by first digit of the status. */
  readonly requestsByClass: number[];
  readonly inCluster: boolean;
}

export function defineRoute(spec: RouteSpec): Route {
  return {
    ...spec,
    requestsByClass: [0, 0, 0, 0, 0, 0],
    inCluster: spec.path.includes("{cluster_id}"),
  };
}
