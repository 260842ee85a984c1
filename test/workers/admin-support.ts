/** Calling the worker in its own isolate, with an environment of the test's choice. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env as untyped } from "cloudflare:workers";
import { beforeEach, expect, vi } from "vitest";
import { ERRORS, type ErrorName } from "../../src/base/errors.ts";
import type { Env } from "../../src/objects/runtime/env.ts";
import type { Appended } from "../../src/objects/contracts/partition.ts";
import { sendAppend } from "../../src/objects/contracts/transfer.ts";
import { encodeBatch } from "../../src/records/index.ts";
import { callPartition, SHORT_CALL } from "../../src/gateway/calls.ts";
import worker from "../../src/worker/index.ts";
import { topicMetadata } from "../../src/gateway/metadata.ts";
import { serviceOf } from "../../src/gateway/service.ts";

export const ORIGIN = "http://localhost:8787";
export const CLUSTER = "/v3/clusters/odradek";

const bound = untyped as unknown as Env;

/** The bindings of wrangler.toml, with these variables and secrets. */
export function environment(variables: Readonly<Record<string, unknown>>): Env {
  return { ...bound, ...variables };
}

/** As `npm start` has it: open on loopback, no key. */
const openEnvironment = environment({ OPEN_ON_LOOPBACK: "true" });

/** Sends a request to the worker. A path is taken on {@link ORIGIN}; a `json` body gets its media type. */
export async function call(
  path: string,
  init: RequestInit & { readonly json?: unknown } = {},
  env: Env = openEnvironment,
): Promise<Response> {
  const { json, ...rest } = init;
  const headers = new Headers(rest.headers);
  if (json !== undefined) headers.set("content-type", "application/json");
  const url = path.startsWith("/") ? ORIGIN + path : path;
  const body = json === undefined ? rest.body : JSON.stringify(json);
  const request = new Request(url, {
    redirect: "manual",
    ...rest,
    headers,
    ...(body !== undefined && { body }),
  });
  const context = createExecutionContext();
  const response = await worker.fetch(request, env, context);
  await waitOnExecutionContext(context);
  return response;
}

/** The JSON of an answer that must have this status. */
// oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers by their fields
export async function bodyOf(response: Response, status = 200): Promise<any> {
  const text = await response.text();
  expect(response.status, text).toBe(status);
  return JSON.parse(text);
}

/** Proves that an answer is exactly this row of the error table. */
export async function expectError(response: Response, name: ErrorName): Promise<string> {
  const { http, rest } = ERRORS[name];
  const body = await bodyOf(response, http);
  expect(body).toEqual({ error_code: rest, message: expect.any(String) });
  expect(body.message).not.toBe("");
  return body.message as string;
}

let printed: unknown[] = [];

// Failed requests print a line each; here they are kept instead, and each must be one line of JSON.
beforeEach(() => {
  const take = (...values: unknown[]): void => {
    expect(values).toEqual([expect.stringMatching(/^\{[^\n]*\}$/)]);
    printed.push(JSON.parse(values[0] as string));
  };
  vi.spyOn(console, "log").mockImplementation(take);
  vi.spyOn(console, "error").mockImplementation(take);
});

/** Runs `work` and returns the lines that it printed. */
export async function printedBy(work: () => Promise<unknown>): Promise<unknown[]> {
  printed = [];
  await work();
  return printed;
}

let topics = 0;

/** Creates a topic of a name of its own. */
export async function newTopic(spec: Readonly<Record<string, unknown>> = {}): Promise<string> {
  topics += 1;
  const topic = `topic-${topics}`;
  const created = await call(`${CLUSTER}/topics`, {
    method: "POST",
    json: { topic_name: topic, ...spec },
  });
  expect(created.status, await created.clone().text()).toBe(201);
  return topic;
}

/** A topic of one partition with a replica on each of the three brokers. */
export function replicated(): Promise<string> {
  return newTopic({ replication_factor: 3 });
}

const service = serviceOf(openEnvironment);

/** Appends one record to a partition, past the HTTP routes; answers its offset. */
export async function append(topic: string, partition = 0, timestamp = Date.now()) {
  const known = await topicMetadata(service, topic);
  if (!known.ok) throw new Error(known.message);
  const value = new TextEncoder().encode("record");
  const batches = encodeBatch([{ timestamp, key: null, value, headers: [] }], {});
  const appended = await callPartition<Appended>(service, known, partition, SHORT_CALL, (stub) =>
    sendAppend(stub, { batches, acks: -1 }),
  );
  if (!appended.ok) throw new Error(appended.message);
  return appended.baseOffset;
}
