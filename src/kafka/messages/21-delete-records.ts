/** DeleteRecords (21): raises the log start offset (KIP-107). Version 2 is the compact encoding. */
import { array, defineApi, int16, int32, int64, string, struct, wideInt64 } from "./schema.ts";

export const deleteRecords = defineApi({
  key: 21,
  name: "DeleteRecords",
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    topics: array(
      struct({
        name: string(),
        /** Offset -1: up to the high watermark. */
        partitions: array(struct({ partitionIndex: int32(), offset: wideInt64() })),
      }),
    ),
    timeoutMs: int32(),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({ partitionIndex: int32(), lowWatermark: int64(), errorCode: int16() }),
        ),
      }),
    ),
  },
});
