/**
 * What happens around every handler: gate, cluster, failure, request id, CORS, counting and the
 * log line of a failed request. One function and no middleware, because it is on the hot path.
 */
import { refuse, type ErrorName, type Refusal } from "../base/errors.ts";
import { errorAnswer, errorNameOf, isRefusal } from "./answers.ts";
import { drain } from "./body.ts";
import { allowOrigin } from "./cors.ts";
import { pass, type Admitted } from "./gate.ts";
import { ANONYMOUS, mayDo } from "../gateway/principal.ts";
import { countError } from "../gateway/metrics.ts";
import { requestIdOf } from "./request-id.ts";
import { encodeFor } from "./response-encoding.ts";
import type { Ctx, Endpoint, Outcome } from "./route.ts";
import { serviceOf, type Service } from "../gateway/service.ts";
import { because, causeOf } from "../gateway/causes.ts";

/** Runs an endpoint for a request. Never throws. */
export async function answer(c: Ctx, endpoint: Endpoint): Promise<Response> {
  const startedMs = Date.now();
  const service = serviceOf(c.env);
  let outcome: Outcome;
  try {
    outcome = await handled(c, endpoint, service);
  } catch (error) {
    outcome = because(refuse("UNKNOWN_SERVER_ERROR"), error);
  }
  if (isRefusal(outcome) || outcome.status >= 400) await drain(c.req.raw);
  if (!isRefusal(outcome)) return finished(c, endpoint, service, outcome, startedMs);
  const answered = errorAnswer(worded(outcome, endpoint));
  return finished(c, endpoint, service, answered, startedMs, causeOf(outcome));
}

/** v3 has another code for an unknown partition than v2. */
function worded(refusal: Refusal, endpoint: Endpoint): Refusal {
  if (refusal.error !== "UNKNOWN_PARTITION" || !endpoint.inCluster) return refusal;
  return refuse("UNKNOWN_TOPIC_OR_PARTITION");
}

/** Open routes are served without a key. */
const OPEN: Admitted = { ok: true, principal: ANONYMOUS };

/** The outcome of the handler, or why it must not run. */
async function handled(c: Ctx, endpoint: Endpoint, service: Service): Promise<Outcome> {
  const admitted = endpoint.open === true ? OPEN : pass(c.req.raw, service);
  if (admitted instanceof Response || !admitted.ok) return admitted;
  const { principal } = admitted;
  if (!mayDo(principal, endpoint.needs)) return refuse("CLUSTER_AUTHORIZATION_FAILED");
  if (endpoint.inCluster && c.req.param("cluster_id") !== service.clusterId) {
    return refuse("UNKNOWN_CLUSTER");
  }
  return endpoint.handler(c, service, principal);
}

function finished(
  c: Ctx,
  endpoint: Endpoint,
  service: Service,
  response: Response,
  startedMs: number,
  cause?: string,
): Response {
  const request = c.req.raw;
  const id = requestIdOf(request);
  response.headers.set("x-request-id", id);
  response.headers.set("date", httpDate(Date.now()));
  response.headers.set("x-content-type-options", "nosniff");
  encodeFor(request, response);
  if (service.corsOrigins !== null) allowOrigin(request, response, service.corsOrigins);
  // Hono answers HEAD by the handler of GET and drops the body; a stream has to be cancelled.
  if (request.method === "HEAD" && response.body !== null) void response.body.cancel();
  const { status } = response;
  const statusClass = Math.floor(status / 100);
  endpoint.requestsByClass[statusClass] = (endpoint.requestsByClass[statusClass] ?? 0) + 1;
  if (status >= 400) {
    const error = errorNameOf(response) ?? "UNKNOWN_SERVER_ERROR";
    countError(error);
    logFailure({
      request_id: id,
      method: request.method,
      route: endpoint.path,
      status,
      error,
      ms: Date.now() - startedMs,
      cause,
    });
  }
  return response;
}

let dateSecond = -1;
let dateText = "";

/** A time in HTTP's format (RFC 9110, section 5.6.7); formatted once a second. */
function httpDate(timeMs: number): string {
  const second = Math.floor(timeMs / 1_000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(timeMs).toUTCString();
  }
  return dateText;
}

interface FailureLine {
  readonly request_id: string;
  readonly method: string;
  /** The path's template: the path itself may contain names that do not belong in a log. */
  readonly route: string;
  readonly status: number;
  readonly error: ErrorName;
  readonly ms: number;
  /** The exception, if one was thrown. */
  readonly cause: string | undefined;
}

function logFailure(line: FailureLine): void {
  const text = JSON.stringify(line);
  if (line.status >= 500) console.error(text);
  else console.log(text);
}
