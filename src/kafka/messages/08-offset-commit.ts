/**
 * OffsetCommit (8): a group's offsets. Versions 2 to 4 say how long they are to be kept, 6 brings the
 * leader epoch, 7 static membership (KIP-345), 8 the compact encoding.
 */
import { array, defineApi, int16, int32, string, struct, wideInt64 } from "./schema.ts";

export const offsetCommit = defineApi({
  key: 8,
  name: "OffsetCommit",
  versions: [2, 8],
  flexibleFrom: 8,
  request: {
    groupId: string(),
    /** -1 from one who is no member. */
    generationId: int32({ default: -1 }),
    memberId: string(),
    groupInstanceId: string({ since: 7, nullable: 7, default: null }),
    /** -1: as the service is set. */
    retentionTimeMs: wideInt64({ until: 4, default: -1 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            committedOffset: wideInt64(),
            committedLeaderEpoch: int32({ since: 6, default: -1 }),
            committedMetadata: string({ nullable: 0 }),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32({ since: 3, default: 0 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(struct({ partitionIndex: int32(), errorCode: int16() })),
      }),
    ),
  },
});
