/**
 * Tells a call whose object cannot be constructed, because its storage does not open, from one that merely broke
 * off. The platform names no cause: it answers with an internal error that has none of the marks of a reset, an
 * overload or a connection that was lost. A call that writes meets the same where the row cannot be committed, as
 * on a full disk: only one that reads shows that the storage does not open. One such answer may be a passing
 * fault; who decides by it waits for more.
 */

interface PlatformError {
  readonly message?: unknown;
  readonly remote?: unknown;
  readonly retryable?: unknown;
  readonly overloaded?: unknown;
  readonly durableObjectReset?: unknown;
}

const INTERNAL = /internal error; reference =/;

export function isUnopened(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { message, remote, retryable, overloaded, durableObjectReset }: PlatformError = error;
  // What the object's own code has thrown comes from an object that was constructed.
  if (remote || retryable || overloaded || durableObjectReset) return false;
  return INTERNAL.test(String(message));
}
