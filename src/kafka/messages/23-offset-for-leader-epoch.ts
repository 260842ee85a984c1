/**
 * OffsetForLeaderEpoch (23): where an epoch ends (KIP-101), which consumers ask to find out about
 * truncation (KIP-320). Version 3 tells consumers from replicas, 4 is the compact encoding.
 */
import { array, defineApi, int16, int32, int64, string, struct } from "./schema.ts";

export const offsetForLeaderEpoch = defineApi({
  key: 23,
  name: "OffsetForLeaderEpoch",
  versions: [2, 4],
  flexibleFrom: 4,
  request: {
    /** -1: a consumer; -2: not said. */
    replicaId: int32({ since: 3, default: -2 }),
    topics: array(
      struct({
        topic: string(),
        partitions: array(
          struct({
            partition: int32(),
            currentLeaderEpoch: int32({ default: -1 }),
            leaderEpoch: int32(),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    topics: array(
      struct({
        topic: string(),
        partitions: array(
          struct({
            errorCode: int16(),
            partition: int32(),
            leaderEpoch: int32({ default: -1 }),
            endOffset: int64({ default: -1 }),
          }),
        ),
      }),
    ),
  },
});
