/** AddOffsetsToTxn (25): a group's offsets enter a transaction (KIP-98). Version 3 is the compact encoding. */
import { defineApi, int16, int32, int64, string } from "./schema.ts";

export const addOffsetsToTxn = defineApi({
  key: 25,
  name: "AddOffsetsToTxn",
  versions: [0, 3],
  flexibleFrom: 3,
  request: {
    transactionalId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    groupId: string(),
  },
  response: { throttleTimeMs: int32({ default: 0 }), errorCode: int16() },
});
