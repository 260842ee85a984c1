/** EndTxn (26): transactions are not served; it is refused. */
import { codeOf } from "../errors.ts";
import type { Handler } from "../served.ts";

export const endTxn: Handler<26> = () => ({
  errorCode: codeOf("TRANSACTIONAL_ID_AUTHORIZATION_FAILED"),
});
