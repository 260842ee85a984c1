/** EndTxn (26): commits or aborts a transaction (KIP-98). Version 3 is the compact encoding. */
import { bool, defineApi, int16, int32, int64, string } from "./schema.ts";

export const endTxn = defineApi({
  key: 26,
  name: "EndTxn",
  versions: [0, 3],
  flexibleFrom: 3,
  request: {
    transactionalId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    /** false: aborted. */
    committed: bool(),
  },
  response: { throttleTimeMs: int32({ default: 0 }), errorCode: int16() },
});
