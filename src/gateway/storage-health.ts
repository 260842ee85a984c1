/**
 * Whether storage accepts writes, as far as this isolate has seen: what `GET /healthz` reports, which may call no
 * object. A full disk refuses every append, while reads go on.
 */
import type { Refusal } from "../base/errors.ts";

/** A refusal counts for this long, in milliseconds, unless an append succeeds in between. */
const REFUSAL_COUNTS_MS = 60_000;

let refusedAtMs: number | null = null;

/** Notes how an append to a partition ended. */
export function noteAppend(answer: { readonly ok: true } | Refusal): void {
  if (answer.ok) refusedAtMs = null;
  else if (answer.error === "KAFKA_STORAGE_ERROR") refusedAtMs = Date.now();
}

/** Whether storage has refused an append recently, and has accepted none since. */
export function isStorageFailing(): boolean {
  return refusedAtMs !== null && Date.now() - refusedAtMs < REFUSAL_COUNTS_MS;
}
