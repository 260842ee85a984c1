/**
 * OffsetFetch (9): what a group has committed. From version 2 on null topics stand for all; 5 brings
 * the leader epoch, 6 the compact encoding, 7 waiting for transactions (KIP-447), 8 several groups at
 * once (KIP-709), in `groups` instead of the fields beside it.
 */
import { array, bool, defineApi, int16, int32, int64, string, struct } from "./schema.ts";

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
  versions: [1, 8],
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
        topics: array(struct({ name: string(), partitionIndexes: array(int32()) }), {
          nullable: 8,
        }),
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
        topics: array(struct({ name: string(), partitions })),
        errorCode: int16({ default: 0 }),
      }),
      { since: 8, default: [] },
    ),
  },
});
