/** Heartbeat (12): a member is alive. Version 3 brings static membership (KIP-345), 4 the compact encoding. */
import { defineApi, int16, int32, string } from "./schema.ts";

export const heartbeat = defineApi({
  key: 12,
  name: "Heartbeat",
  versions: [0, 4],
  flexibleFrom: 4,
  request: {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ since: 3, nullable: 3, default: null }),
  },
  response: { throttleTimeMs: int32({ since: 1, default: 0 }), errorCode: int16() },
});
