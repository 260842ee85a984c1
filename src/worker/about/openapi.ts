/** The description of the API, made from the routes themselves and the error table. */
import { OpenAPIRegistry, OpenApiGeneratorV31 } from "@asteasolutions/zod-to-openapi";
import * as z from "zod";
import { topicText, wholeText } from "../text-schemas.ts";
import { ERRORS, type ErrorName } from "../../base/errors.ts";
import manifest from "../../../package.json" with { type: "json" };
import { TAGS, type Content, type Route } from "../route.ts";

/** As much of an OpenAPI 3.1 document as the page reads. */
export interface ApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly example?: unknown;
    readonly schema?: { readonly description?: string; readonly example?: unknown };
  }[];
  readonly requestBody?: { readonly content: Contents };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Contents }>
  >;
}

export type Contents = Readonly<Record<string, { readonly example?: unknown }>>;

/** Errors of every route that needs a key. */
export const ANYWHERE: readonly ErrorName[] = [
  "SASL_AUTHENTICATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
  "THROTTLING_QUOTA_EXCEEDED",
  "KAFKA_STORAGE_ERROR",
  "UNKNOWN_SERVER_ERROR",
];

/** What a path's parameters are, each with an example. */
const PATH_PARAMETERS: Readonly<
  Record<string, readonly [text: string, example: string, schema?: z.ZodString]>
> = {
  cluster_id: ["The cluster's id, `odradek` unless configured otherwise.", "odradek"],
  topic: ["The topic's name.", "flights", topicText],
  partition_id: ["The partition, from 0.", "0", wholeText],
  broker_id: ["The broker's id.", "1", wholeText],
  group: ["The group's id, percent-encoded.", "delays"],
  instance: ["The instance's name, percent-encoded: a part of `base_uri`.", "reader-1"],
  consumer_id: ["The member's id, percent-encoded.", "reader-1"],
  name: ["The setting's name.", "retention.ms"],
};

/** A setting that a broker has of its own. */
const BROKER_SETTING = "leader.replication.throttled.rate";

const errorSchema = z
  .object({ error_code: z.int(), message: z.string() })
  .meta({ id: "Error", example: { error_code: 40401, message: ERRORS.UNKNOWN_TOPIC.text } });

/** The OpenAPI 3.1 document of these routes. */
export function describeApi(routes: readonly Route[]): ApiDocument {
  const registry = new OpenAPIRegistry();
  registry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
  registry.registerComponent("securitySchemes", "basic", { type: "http", scheme: "basic" });
  for (const route of routes) registry.registerPath(operationOf(route));
  const document = new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: "3.1.0",
    info: {
      title: "Odradek",
      version: manifest.version,
      description:
        "A Kafka-compatible log service. Shapes follow Confluent's REST Proxy, v3 and v2.",
      license: { name: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: TAGS.map((name) => ({ name })),
    security: [{ bearer: [] }, { basic: [] }],
  });
  return document as unknown as ApiDocument;
}

type Registered = Parameters<OpenAPIRegistry["registerPath"]>[0];
type RegisteredContent = NonNullable<Registered["responses"][number]>;

function operationOf(route: Route): Registered {
  const params = paramsOf(route.path);
  return {
    method: route.method.toLowerCase() as Registered["method"],
    path: route.path,
    operationId: route.id,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    ...(route.open === true && { security: [] }),
    request: {
      ...(params !== null && { params }),
      ...(route.query !== undefined && { query: route.query }),
      ...(route.headers !== undefined && { headers: route.headers }),
      ...(route.body !== undefined && {
        body: { content: contentsOf(route.body), required: route.bodyOptional !== true },
      }),
    },
    responses: { ...failuresOf(route), ...successesOf(route) } as Registered["responses"],
  };
}

function paramsOf(path: string): z.ZodObject | null {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
  if (names.length === 0) return null;
  return z.object(Object.fromEntries(names.map((name) => [name, paramOf(name, path)])));
}

function paramOf(name: string, path: string): z.ZodString {
  const [description, usual, schema = z.string().min(1)] = PATH_PARAMETERS[name] ?? ["", name];
  const isOfBroker = name === "name" && path.includes("/broker");
  return schema.meta({
    ...schema.meta(),
    description,
    example: isOfBroker ? BROKER_SETTING : usual,
  });
}

function successesOf(route: Route): Record<string, RegisteredContent> {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, { description, content, headers }]) => [
      status,
      {
        description,
        ...(headers !== undefined && { headers }),
        ...(content !== undefined && { content: contentsOf(content) }),
      },
    ]),
  );
}

/** One response per status that the route's errors have, naming each of them. */
function failuresOf(route: Route): Record<string, RegisteredContent> {
  const names = [
    ...(route.errors ?? []),
    ...(route.body !== undefined ? (["REQUEST_BODY_TIMED_OUT"] as const) : []),
    ...(route.inCluster ? (["UNKNOWN_CLUSTER"] as const) : []),
    ...(route.open === true ? (["UNKNOWN_SERVER_ERROR"] as const) : ANYWHERE),
  ];
  const byStatus = new Map<number, string[]>();
  for (const name of new Set<ErrorName>(names)) {
    const { http } = ERRORS[name];
    byStatus.set(http, [...(byStatus.get(http) ?? []), errorLine(name)]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, texts]) => [
      status,
      {
        description: texts.join("\n"),
        content: { "application/json": { schema: errorSchema } },
      },
    ]),
  );
}

/** The line for an error in a response's description. */
export function errorLine(name: ErrorName): string {
  return `${ERRORS[name].rest}: ${ERRORS[name].text}`;
}

function contentsOf(
  content: Readonly<Record<string, Content>>,
): Record<string, { schema: z.ZodType }> {
  return Object.fromEntries(
    Object.entries(content).map(([type, { schema, example }]) => [
      type,
      { schema: schema ?? z.unknown(), ...(example !== undefined && { example }) },
    ]),
  );
}
