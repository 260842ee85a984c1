/**
 * SaslAuthenticate (36): the token of PLAIN. A wrong one is answered and ends the connection. Sessions do not expire
 * (KIP-368): a key is valid until it is removed from the configuration and the isolate ends.
 */
import { ERRORS } from "../../base/errors.ts";
import { countError } from "../../gateway/metrics.ts";
import { codeOf, NONE } from "../errors.ts";
import type { Handler } from "../handler.ts";

const NOTHING = new Uint8Array(0);

export const saslAuthenticate: Handler<36> = ({ authBytes }, context) => {
  const { sasl } = context.session;
  const failed = (error: "ILLEGAL_SASL_STATE" | "SASL_AUTHENTICATION_FAILED") => {
    countError(error);
    context.closeAfter();
    return { errorCode: codeOf(error), errorMessage: ERRORS[error].text, authBytes: NOTHING };
  };
  if (!sasl.isTokenExpected) return failed("ILLEGAL_SASL_STATE");
  if (!sasl.authenticate(authBytes)) return failed("SASL_AUTHENTICATION_FAILED");
  return { errorCode: NONE, errorMessage: null, authBytes: NOTHING };
};
