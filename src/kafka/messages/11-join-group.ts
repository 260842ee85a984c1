/**
 * JoinGroup (11): enters a rebalance. Version 1 brings a rebalance timeout of its own, 4 the member id
 * that is told first (KIP-394), 5 static membership (KIP-345), 6 the compact encoding.
 */
import { array, bytes, defineApi, int16, int32, string, struct } from "./schema.ts";

export const joinGroup = defineApi({
  key: 11,
  name: "JoinGroup",
  versions: [0, 6],
  flexibleFrom: 6,
  request: {
    groupId: string(),
    sessionTimeoutMs: int32(),
    /** -1: as long as the session. */
    rebalanceTimeoutMs: int32({ since: 1, default: -1 }),
    /** Empty from one who has none yet. */
    memberId: string(),
    groupInstanceId: string({ since: 5, nullable: 5, default: null }),
    protocolType: string(),
    /** In order of preference. */
    protocols: array(struct({ name: string(), metadata: bytes() })),
  },
  response: {
    throttleTimeMs: int32({ since: 2, default: 0 }),
    errorCode: int16(),
    generationId: int32({ default: -1 }),
    protocolName: string(),
    leader: string(),
    memberId: string(),
    /** Of the leader's answer only. */
    members: array(
      struct({
        memberId: string(),
        groupInstanceId: string({ since: 5, nullable: 5, default: null }),
        metadata: bytes(),
      }),
    ),
  },
});
