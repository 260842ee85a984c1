/** SaslHandshake (17): chooses the mechanism, which is PLAIN. After version 0 a bare token follows. */
import { codeOf, NONE } from "../errors.ts";
import { MECHANISMS } from "../sasl.ts";
import type { Handler } from "../handler.ts";

export const saslHandshake: Handler<17> = ({ mechanism }, context) => {
  const mechanisms = [...MECHANISMS];
  if (!(MECHANISMS as readonly string[]).includes(mechanism)) {
    context.closeAfter();
    return { errorCode: codeOf("UNSUPPORTED_SASL_MECHANISM"), mechanisms };
  }
  context.session.sasl.begin(context.version);
  return { errorCode: NONE, mechanisms };
};
