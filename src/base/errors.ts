/**
 * The one error table. The HTTP API, the wire protocol, the client's retry decisions and `docs/errors.md` are all
 * derived from it. The rows are in `errors/`, by what they are about.
 *
 * A row: Kafka's code (-1 where Kafka has none), the HTTP status, the REST code of the body
 * (`{"error_code": n, "message": "…"}`), whether the same request may succeed later, and the text that a caller reads
 * when the code that refuses has nothing more exact to say.
 */
import type { ErrorRow } from "./error-row.ts";
import { CLUSTER_ERRORS } from "./errors/cluster.ts";
import { GROUP_ERRORS } from "./errors/groups.ts";
import { MISSING_ERRORS } from "./errors/missing.ts";
import { PRODUCER_ERRORS } from "./errors/producers.ts";
import { REQUEST_ERRORS } from "./errors/requests.ts";

export const ERRORS = {
  ...REQUEST_ERRORS,
  ...PRODUCER_ERRORS,
  ...MISSING_ERRORS,
  ...GROUP_ERRORS,
  ...CLUSTER_ERRORS,
} as const satisfies Record<string, ErrorRow>;

export type ErrorName = keyof typeof ERRORS;

/** An operating error as a value. `message` is safe to show: no payloads, no keys. */
export interface Refusal {
  readonly ok: false;
  readonly error: ErrorName;
  readonly message: string;
}

/** Refuses with the table's text, or with a more exact one. */
export function refuse(error: ErrorName, message?: string): Refusal {
  return { ok: false, error, message: message ?? ERRORS[error].text };
}

/** A broken assumption, never an operating error: the object that meets it is reset. */
export class InvariantBroken extends Error {
  override readonly name = "InvariantBroken";
}

/** Crashes the object rather than going on with a state that cannot be. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new InvariantBroken(what);
}
