/**
 * Authentication by SASL PLAIN (RFC 4616): the password is one of the service's keys, the user's name is ignored.
 * Where no keys are configured, every client that got this far is let in, whatever it presents.
 */
import { isKey } from "../gateway/keys.ts";

export const MECHANISMS = ["PLAIN"] as const;

/** Names and keys are short; a longer token is refused. */
const TOKEN_BYTES_MAX = 4_096;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class SaslState {
  private readonly keys: readonly string[];
  private authenticated: boolean;
  /** How the next token arrives; null where no mechanism was agreed on, and no token is expected. */
  private expected: "request" | "raw" | null = null;

  constructor(keys: readonly string[], isAuthenticated: boolean) {
    this.keys = keys;
    this.authenticated = isAuthenticated;
  }

  get isAuthenticated(): boolean {
    return this.authenticated;
  }

  /** Whether the next frame is a bare token, without a request around it (SaslHandshake 0). */
  get isRawTokenNext(): boolean {
    return this.expected === "raw";
  }

  /** Whether a SaslAuthenticate request is legal now. */
  get isTokenExpected(): boolean {
    return this.expected === "request";
  }

  /** Begins the exchange; version 0 of the handshake is followed by a bare token (KIP-152). */
  begin(handshakeVersion: number): void {
    this.expected = handshakeVersion === 0 ? "raw" : "request";
  }

  /** Checks a token; false where it is refused, and the connection is to end. */
  authenticate(token: Uint8Array): boolean {
    this.expected = null;
    const password = passwordOf(token);
    if (password === null) return false;
    if (this.keys.length > 0 && !isKey(password, this.keys)) return false;
    this.authenticated = true;
    return true;
  }
}

/** `[authzid] NUL authcid NUL passwd`; null where the token is malformed. */
function passwordOf(token: Uint8Array): string | null {
  if (token.byteLength > TOKEN_BYTES_MAX) return null;
  let text: string;
  try {
    text = utf8.decode(token);
  } catch {
    return null;
  }
  const fields = text.split("\0");
  return fields.length === 3 ? fields[2]! : null;
}
