/**
 * SyncGroup (14): the leader hands out assignments, every member gets its own. Version 3 brings static
 * membership (KIP-345), 4 the compact encoding.
 */
import { array, bytes, defineApi, int16, int32, string, struct } from "./schema.ts";

export const syncGroup = defineApi({
  key: 14,
  name: "SyncGroup",
  versions: [0, 4],
  flexibleFrom: 4,
  request: {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ since: 3, nullable: 3, default: null }),
    assignments: array(struct({ memberId: string(), assignment: bytes() })),
  },
  response: {
    throttleTimeMs: int32({ since: 1, default: 0 }),
    errorCode: int16(),
    assignment: bytes(),
  },
});
