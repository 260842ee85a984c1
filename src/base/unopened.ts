/**
 * Tells a call that failed because its object cannot be constructed, since its storage does not open, from one that
 * was merely cut off. The platform gives no cause: it answers with an internal error that is not marked as a reset,
 * an overload or a lost connection. A call that writes fails in the same way where the row cannot be committed, as on
 * a full disk; only a read shows that the storage does not open. A single such answer may be a passing fault, so
 * callers wait for more before they act on it.
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
  // An exception of the object's own code comes from an object that was constructed.
  if (remote || retryable || overloaded || durableObjectReset) return false;
  return INTERNAL.test(String(message));
}
