/**
 * SaslAuthenticate (36): the bytes of a SASL mechanism (KIP-152). Version 1 brings the session's
 * lifetime (KIP-368), 2 the compact encoding.
 */
import { bytes, defineApi, int16, int64, string } from "./schema.ts";

export const saslAuthenticate = defineApi({
  key: 36,
  name: "SaslAuthenticate",
  versions: [0, 2],
  flexibleFrom: 2,
  request: { authBytes: bytes() },
  response: {
    errorCode: int16(),
    errorMessage: string({ nullable: 0 }),
    authBytes: bytes(),
    /** 0: no expiry. */
    sessionLifetimeMs: int64({ since: 1, default: 0 }),
  },
});
