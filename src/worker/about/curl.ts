/** Operations as curl commands, made from the examples in the description. */
import type { Operation } from "./openapi.ts";

/** Placeholders for what differs from one service to another: see {@link shownFor}. */
export const ORIGIN = "{{origin}}";
export const CLUSTER = "{{cluster}}";
const KEY_OPTION = "{{key}}";

/** A request as it would be sent; `url` is absolute. */
export interface ExampleRequest {
  readonly method: string;
  readonly url: string;
  readonly contentType: string | null;
  readonly body: string | null;
}

/** Null where no example of the body is known. */
export function exampleRequest(
  origin: string,
  method: string,
  path: string,
  operation: Operation,
): ExampleRequest | null {
  const url = origin + exampleUrl(path, operation);
  if (operation.requestBody === undefined) return { method, url, contentType: null, body: null };
  const contents = Object.entries(operation.requestBody.content);
  const found = contents.find(([, { example }]) => example !== undefined);
  if (found === undefined) return null;
  const [contentType, { example }] = found;
  const body = typeof example === "string" ? example : JSON.stringify(example);
  return { method, url, contentType, body };
}

/** With the examples of its path, and of those parameters of the query that have one. */
function exampleUrl(path: string, { parameters = [] }: Operation): string {
  const exampleOf = (where: string): [string, string][] =>
    parameters
      .filter((parameter) => parameter.in === where)
      .flatMap(({ name, example, schema }) => {
        const value = example ?? schema?.example;
        return value === undefined ? [] : [[name, String(value)] as [string, string]];
      });
  const inPath = new Map(exampleOf("path"));
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    name === "cluster_id" ? CLUSTER : encodeURIComponent(inPath.get(name) ?? name),
  );
  const query = new URLSearchParams(exampleOf("query")).toString();
  return query === "" ? filled : `${filled}?${query}`;
}

/** The command, a line for each option. */
export function curlText({ method, url, contentType, body }: ExampleRequest): string {
  const verb = method === "GET" ? "" : `-X ${method} `;
  const lines = [`curl ${verb}${quoted(url)}${KEY_OPTION}`];
  if (contentType !== null) lines.push(`-H ${quoted(`content-type: ${contentType}`)}`);
  if (body !== null) lines.push(`-d ${quoted(body)}`);
  return lines.join(" \\\n  ");
}

/** As one word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** What the page's commands depend on. */
export interface Shown {
  /** As the caller reaches the service: of a URL, so that nothing in it has to be escaped. */
  readonly origin: string;
  readonly clusterId: string;
  /** Whether the service asks for a key. */
  readonly isKeyed: boolean;
}

/** The page's text for one service. */
export function shownFor(page: string, { origin, clusterId, isKeyed }: Shown): string {
  const key = isKeyed ? " \\\n  -H &quot;authorization: Bearer $ODRADEK_KEY&quot;" : "";
  return page
    .replaceAll(ORIGIN, () => origin)
    .replaceAll(CLUSTER, () => encodeURIComponent(clusterId).replaceAll("'", "%27"))
    .replaceAll(KEY_OPTION, () => key);
}
