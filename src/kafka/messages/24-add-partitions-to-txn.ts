/** AddPartitionsToTxn (24): partitions enter a transaction (KIP-98). Version 3 is the compact encoding. */
import { array, defineApi, int16, int32, int64, string, struct } from "./schema.ts";

export const addPartitionsToTxn = defineApi({
  key: 24,
  name: "AddPartitionsToTxn",
  versions: [0, 3],
  flexibleFrom: 3,
  request: {
    transactionalId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    topics: array(struct({ name: string(), partitions: array(int32()) })),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    resultsByTopic: array(
      struct({
        name: string(),
        resultsByPartition: array(struct({ partitionIndex: int32(), partitionErrorCode: int16() })),
      }),
    ),
  },
});
