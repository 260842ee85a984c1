/**
 * LeaveGroup (13): a member leaves. From version 3 on several may at once (KIP-345), in `members` instead of
 * `memberId`; 4 brings the compact encoding.
 */
import { array, defineApi, int16, int32, string, struct } from "./schema.ts";

export const leaveGroup = defineApi({
  key: 13,
  name: "LeaveGroup",
  versions: [0, 4],
  flexibleFrom: 4,
  request: {
    groupId: string(),
    memberId: string({ until: 2 }),
    members: array(
      struct({ memberId: string(), groupInstanceId: string({ nullable: 3, default: null }) }),
      { since: 3, default: [] },
    ),
  },
  response: {
    throttleTimeMs: int32({ since: 1, default: 0 }),
    errorCode: int16(),
    members: array(
      struct({
        memberId: string(),
        groupInstanceId: string({ nullable: 3 }),
        errorCode: int16(),
      }),
      { since: 3, default: [] },
    ),
  },
});
