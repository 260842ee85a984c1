/**
 * JSON answers, and errors from the error table. The answer to an error never contains a stack, a key or a payload; its
 * name is kept beside the response, for the log line and the metrics.
 */
import { ERRORS, type ErrorName, type Refusal } from "../base/errors.ts";
import { ofTextBytes } from "./response-encoding.ts";

/** The media type of v2 answers where a client asks for it. */
export const V2_JSON = "application/vnd.kafka.v2+json";

/** `Retry-After` of throttled and retriable requests, in seconds. */
const RETRY_AFTER_SECONDS = "1";

const errorNames = new WeakMap<Response, ErrorName>();

/** An error of the table as a response: `{"error_code": n, "message": "…"}`, and further `members` if given. */
export function errorAnswer(
  refusal: Refusal,
  headers?: Readonly<Record<string, string>>,
  members?: Readonly<Record<string, unknown>>,
): Response {
  const { http, rest, retriable } = ERRORS[refusal.error];
  const response = new Response(
    JSON.stringify({ error_code: rest, message: refusal.message, ...members }),
    {
      status: http,
      headers: { "content-type": "application/json", ...headers },
    },
  );
  if (http === 429 || (http === 503 && retriable)) {
    response.headers.set("retry-after", RETRY_AFTER_SECONDS);
  }
  errorNames.set(response, refusal.error);
  return response;
}

/** The error that a response of {@link errorAnswer} stands for; undefined for any other response. */
export function errorNameOf(response: Response): ErrorName | undefined {
  return errorNames.get(response);
}

/** A JSON answer. */
export function json(value: unknown, status = 200, contentType = "application/json"): Response {
  return jsonText(JSON.stringify(value), status, contentType);
}

/** An answer whose JSON is already text. */
export function jsonText(text: string, status = 200, contentType = "application/json"): Response {
  const response = new Response(text, { status, headers: { "content-type": contentType } });
  return ofTextBytes(response, text.length);
}

/** Tells a refusal from a response or any value of the contracts. */
export function isRefusal(value: { readonly ok: boolean }): value is Refusal {
  return !(value instanceof Response) && value.ok === false;
}
