/**
 * Who may call, over HTTP as over Kafka's protocol: the keys of the secret API_KEYS, compared in constant time, and
 * whether a caller is on this machine.
 */

/** Compares every key and every character, so that the time does not depend on them. */
export function isKey(presented: string, keys: readonly string[]): boolean {
  let found = false;
  for (const key of keys) found = sameText(presented, key) || found;
  return found;
}

function sameText(presented: string, key: string): boolean {
  let difference = presented.length ^ key.length;
  for (let i = 0; i < presented.length; i += 1) {
    difference |= presented.charCodeAt(i) ^ key.charCodeAt(i % key.length);
  }
  return difference === 0;
}

let lastAuthority = "";
let lastIsLoopback = false;

/** Whether an authority (`host:port`) is of this machine. The last result is cached, because every request asks. */
export function isLoopback(authority: string): boolean {
  if (authority === lastAuthority) return lastIsLoopback;
  lastAuthority = authority;
  lastIsLoopback = isLoopbackHost(authority);
  return lastIsLoopback;
}

function isLoopbackHost(authority: string): boolean {
  if (!URL.canParse(`http://${authority}`)) return false;
  const { hostname } = new URL(`http://${authority}`);
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
