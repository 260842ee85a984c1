/**
 * Who may call: holders of a key from the secret API_KEYS. Without a key configured nobody may,
 * except callers over loopback where the environment says so (`npm start`, `wrangler dev`).
 * Keys are compared in constant time and appear in no answer and no log line.
 *
 * A key comes as `Authorization: Bearer <key>`, as the password of HTTP Basic (what Kafka REST
 * clients send), or, for WebSockets of browsers, which can set no header, as the subprotocol
 * `bearer.<key>` beside {@link WEBSOCKET_PROTOCOL}. Never in a URL: those end up in logs.
 */
import { refuse, type Refusal } from "../base/errors.ts";
import { isKey, isLoopback } from "../gateway/keys.ts";
import { ANONYMOUS, KEY_HOLDER, type Principal } from "../gateway/principal.ts";
import type { Service } from "../gateway/service.ts";
import { offeredProtocols } from "../gateway/subprotocols.ts";
import { errorAnswer } from "./answers.ts";

const CHALLENGE = 'Bearer realm="odradek"';
/** Makes a browser ask its user for the key. Only for pages: requests of scripts would open the dialog too. */
const PAGE_CHALLENGE = `${CHALLENGE}, Basic realm="odradek", charset="UTF-8"`;
const NO_KEY_CONFIGURED =
  "No API key is configured, so nobody is let in. Set one with `npx wrangler secret put API_KEYS`.";
const KEY_NEEDED = "A key is needed: `Authorization: Bearer <key>`.";
const KEY_WRONG = "The key is not one of those configured.";
const FOREIGN_PAGE =
  "Without a key, pages of other origins may not call: allow the origin with CORS_ALLOW_ORIGINS, or configure a key.";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A caller that may pass, and its principal. */
export interface Admitted {
  readonly ok: true;
  readonly principal: Principal;
}

const ANYBODY: Admitted = { ok: true, principal: ANONYMOUS };
const HOLDER: Admitted = { ok: true, principal: KEY_HOLDER };

/** Who calls, or why it may not pass. */
export function pass(request: Request, service: Service): Admitted | Response | Refusal {
  if (service.keys.length === 0) return passWithoutKeys(request, service);
  const key = presentedKey(request);
  if (key === null) return unauthenticated(request, KEY_NEEDED);
  return isKey(key, service.keys) ? HOLDER : unauthenticated(request, KEY_WRONG);
}

function unauthenticated(request: Request, message: string): Response {
  const isPage = request.headers.get("accept")?.includes("text/html") === true;
  return errorAnswer(refuse("SASL_AUTHENTICATION_FAILED", message), {
    "www-authenticate": isPage ? PAGE_CHALLENGE : CHALLENGE,
  });
}

function passWithoutKeys(request: Request, service: Service): Admitted | Refusal {
  if (!service.openOnLoopback || !isLoopback(authorityOf(request.url))) {
    return refuse("CLUSTER_AUTHORIZATION_FAILED", NO_KEY_CONFIGURED);
  }
  // Any page in a browser can send requests to the machine that it runs on; it must not write to a log there.
  const origin = request.headers.get("origin");
  if (origin === null || isLoopback(authorityOf(origin))) return ANYBODY;
  const origins = service.corsOrigins;
  if (origins !== null && (origins.has("*") || origins.has(origin))) return ANYBODY;
  return refuse("CLUSTER_AUTHORIZATION_FAILED", FOREIGN_PAGE);
}

/** The key that a request presents; null if there is none. */
function presentedKey(request: Request): string | null {
  const authorization = request.headers.get("authorization");
  if (authorization !== null) {
    if (/^bearer /i.test(authorization)) return authorization.slice(7).trim();
    if (/^basic /i.test(authorization)) return basicPassword(authorization.slice(6).trim());
    return null;
  }
  for (const protocol of offeredProtocols(request)) {
    if (protocol.startsWith("bearer.")) return protocol.slice("bearer.".length);
  }
  return null;
}

/** The password of HTTP Basic. */
function basicPassword(encoded: string): string | null {
  let bytes: string;
  try {
    bytes = atob(encoded);
  } catch {
    return null;
  }
  const text = utf8Text(bytes);
  const colon = text.indexOf(":");
  return colon === -1 ? null : text.slice(colon + 1);
}

/** The text is UTF-8 (RFC 7617, section 2.1: the challenge asks for it); older clients send Latin-1. */
function utf8Text(bytes: string): string {
  try {
    return UTF8.decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
  } catch {
    return bytes;
  }
}

function authorityOf(url: string): string {
  const start = url.indexOf("//") + 2;
  const end = url.indexOf("/", start);
  return start === 1 ? "" : url.slice(start, end === -1 ? undefined : end);
}
