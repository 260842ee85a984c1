/**
 * OffsetCommit (8): a group's offsets. Versions 2 to 4 say how long they are to be kept, 6 brings the
 * leader epoch, 7 static membership (KIP-345), 8 the compact encoding, 9 the epochs of members of the consumer
 * protocol (KIP-848) in place of generations, 10 topics by their ids (KIP-516).
 */
import { NO_TOPIC_ID } from "../../base/ids.ts";
import { array, defineApi, int16, int32, string, struct, uuid, wideInt64 } from "./schema.ts";

export const offsetCommit = defineApi({
  key: 8,
  name: "OffsetCommit",
  versions: [2, 10],
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
        name: string({ until: 9 }),
        topicId: uuid({ since: 10, default: NO_TOPIC_ID }),
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
        name: string({ until: 9 }),
        topicId: uuid({ since: 10, default: NO_TOPIC_ID }),
        partitions: array(struct({ partitionIndex: int32(), errorCode: int16() })),
      }),
    ),
  },
});
