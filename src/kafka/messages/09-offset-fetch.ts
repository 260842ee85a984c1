/**
 * OffsetFetch (9): what a group has committed. From version 2 on null topics stand for all; 5 brings
 * the leader epoch, 6 the compact encoding, 7 waiting for transactions (KIP-447), 8 several groups at
 * once (KIP-709), in `groups` instead of the fields beside it, 9 members of the consumer protocol (KIP-848), 10
 * topics by their ids (KIP-516).
 */
import { NO_TOPIC_ID } from "../../base/ids.ts";
import { array, bool, defineApi, int16, int32, int64, string, struct, uuid } from "./schema.ts";

const partitions = array(
  struct({
    partitionIndex: int32(),
    /** -1: none. */
    committedOffset: int64(),
    committedLeaderEpoch: int32({ since: 5, default: -1 }),
    metadata: string({ nullable: 0 }),
    errorCode: int16(),
  }),
);

export const offsetFetch = defineApi({
  key: 9,
  name: "OffsetFetch",
  versions: [1, 10],
  flexibleFrom: 6,
  request: {
    groupId: string({ until: 7 }),
    topics: array(struct({ name: string(), partitionIndexes: array(int32()) }), {
      until: 7,
      nullable: 2,
    }),
    groups: array(
      struct({
        groupId: string(),
        memberId: string({ since: 9, nullable: 9, default: null }),
        memberEpoch: int32({ since: 9, default: -1 }),
        topics: array(
          struct({
            name: string({ until: 9 }),
            topicId: uuid({ since: 10, default: NO_TOPIC_ID }),
            partitionIndexes: array(int32()),
          }),
          { nullable: 8 },
        ),
      }),
      { since: 8, default: [] },
    ),
    requireStable: bool({ since: 7, default: false }),
  },
  response: {
    throttleTimeMs: int32({ since: 3, default: 0 }),
    topics: array(struct({ name: string(), partitions }), { until: 7 }),
    errorCode: int16({ since: 2, until: 7 }),
    groups: array(
      struct({
        groupId: string(),
        topics: array(
          struct({
            name: string({ until: 9 }),
            topicId: uuid({ since: 10, default: NO_TOPIC_ID }),
            partitions,
          }),
        ),
        errorCode: int16({ default: 0 }),
      }),
      { since: 8, default: [] },
    ),
  },
});
