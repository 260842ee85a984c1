/** Remembers which exception a refusal stands for: for the log line, never for the answer. */
import type { Refusal } from "../base/errors.ts";

const causes = new WeakMap<Refusal, string>();

/** Remembers the exception; returns the refusal. */
export function because(refusal: Refusal, error: unknown): Refusal {
  causes.set(refusal, describeException(error));
  return refusal;
}

/** The exception that {@link because} has remembered. */
export function causeOf(refusal: Refusal): string | undefined {
  return causes.get(refusal);
}

/** Class, message and place of an exception. A parser's message quotes its input, so it is left out. */
function describeException(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const text = error instanceof SyntaxError ? "" : `: ${error.message}`;
  const place = error.stack?.split("\n").find((line) => line.startsWith("    at "));
  return `${error.name}${text}${place === undefined ? "" : ` ${place.trim()}`}`.slice(0, 400);
}
