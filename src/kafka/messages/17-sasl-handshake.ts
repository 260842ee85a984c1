/**
 * SaslHandshake (17): chooses a SASL mechanism. After version 0 the exchange goes on in bare frames,
 * after 1 in SaslAuthenticate (KIP-152).
 */
import { array, defineApi, int16, string } from "./schema.ts";

export const saslHandshake = defineApi({
  key: 17,
  name: "SaslHandshake",
  versions: [0, 1],
  request: { mechanism: string() },
  response: { errorCode: int16(), mechanisms: array(string()) },
});
