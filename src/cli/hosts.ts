/** What the command line knows about addresses. */

/** Addresses that stand for all of a machine's: clients cannot connect to them. */
export const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** @param host IPv6 without brackets */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
