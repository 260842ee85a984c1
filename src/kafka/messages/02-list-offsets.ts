/**
 * ListOffsets (2): the offset at a timestamp. Version 2 brings isolation levels, 4 the leader epoch,
 * 6 the compact encoding, 7 the offset of the largest timestamp (KIP-734), 8, 9 and 11 questions about tiered
 * storage (KIP-405, KIP-1005, KIP-1023), 10 how long an answer out of that may take (KIP-1075).
 */
import {
  array,
  defineApi,
  int16,
  int32,
  int64,
  int8,
  string,
  struct,
  wideInt64,
} from "./schema.ts";

export const listOffsets = defineApi({
  key: 2,
  name: "ListOffsets",
  versions: [1, 11],
  flexibleFrom: 6,
  request: {
    /** -1 from a consumer. */
    replicaId: int32(),
    isolationLevel: int8({ since: 2, default: 0 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            currentLeaderEpoch: int32({ since: 4, default: -1 }),
            /** In ms; below 0 a question of another kind. */
            timestamp: wideInt64(),
          }),
        ),
      }),
    ),
    timeoutMs: int32({ since: 10, default: 0 }),
  },
  response: {
    throttleTimeMs: int32({ since: 2, default: 0 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            timestamp: int64({ default: -1 }),
            offset: int64({ default: -1 }),
            leaderEpoch: int32({ since: 4, default: -1 }),
          }),
        ),
      }),
    ),
  },
});
