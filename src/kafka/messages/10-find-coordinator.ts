/**
 * FindCoordinator (10): who serves a group (key type 0) or a transactional id (1, from version 1 on).
 * Version 3 brings the compact encoding, 4 several keys at once (KIP-699), in `coordinatorKeys` and
 * `coordinators` instead of the fields beside them; 5 and 6 more to ask for, which is not here (KIP-890, KIP-932).
 */
import { array, defineApi, int16, int32, int8, string, struct } from "./schema.ts";

export const findCoordinator = defineApi({
  key: 10,
  name: "FindCoordinator",
  versions: [0, 6],
  flexibleFrom: 3,
  request: {
    key: string({ until: 3 }),
    keyType: int8({ since: 1, default: 0 }),
    coordinatorKeys: array(string(), { since: 4, default: [] }),
  },
  response: {
    throttleTimeMs: int32({ since: 1, default: 0 }),
    errorCode: int16({ until: 3 }),
    errorMessage: string({ since: 1, until: 3, nullable: 1, default: "" }),
    nodeId: int32({ until: 3 }),
    host: string({ until: 3 }),
    port: int32({ until: 3 }),
    coordinators: array(
      struct({
        key: string(),
        nodeId: int32(),
        host: string(),
        port: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: 4 }),
      }),
      { since: 4, default: [] },
    ),
  },
});
