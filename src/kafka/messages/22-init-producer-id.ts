/**
 * InitProducerId (22): a producer's id and epoch (KIP-98). Version 2 brings the compact encoding, 3 the
 * id and epoch that are to be raised (KIP-360), 6 prepared transactions (KIP-939).
 */
import { bool, defineApi, int16, int32, int64, string, wideInt64 } from "./schema.ts";

export const initProducerId = defineApi({
  key: 22,
  name: "InitProducerId",
  versions: [0, 6],
  flexibleFrom: 2,
  request: {
    /** null: idempotence only. */
    transactionalId: string({ nullable: 0 }),
    transactionTimeoutMs: int32(),
    producerId: wideInt64({ since: 3, default: -1 }),
    producerEpoch: int16({ since: 3, default: -1 }),
    enable2Pc: bool({ since: 6, default: false }),
    keepPreparedTxn: bool({ since: 6, default: false }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    producerId: int64({ default: -1 }),
    producerEpoch: int16(),
    ongoingTxnProducerId: int64({ since: 6, default: -1 }),
    ongoingTxnProducerEpoch: int16({ since: 6, default: -1 }),
  },
});
