/** AddOffsetsToTxn (25): transactions are not served; it is refused. */
import { codeOf } from "../errors.ts";
import type { Handler } from "../served.ts";

export const addOffsetsToTxn: Handler<25> = () => ({
  errorCode: codeOf("TRANSACTIONAL_ID_AUTHORIZATION_FAILED"),
});
