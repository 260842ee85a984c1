/** ListGroups (16): the groups there are. Version 3 is the compact encoding, 4 knows states (KIP-518). */
import { array, defineApi, int16, int32, string, struct } from "./schema.ts";

export const listGroups = defineApi({
  key: 16,
  name: "ListGroups",
  versions: [0, 4],
  flexibleFrom: 3,
  request: {
    /** Empty: whatever its state. */
    statesFilter: array(string(), { since: 4, default: [] }),
  },
  response: {
    throttleTimeMs: int32({ since: 1, default: 0 }),
    errorCode: int16(),
    groups: array(
      struct({
        groupId: string(),
        protocolType: string(),
        groupState: string({ since: 4, default: "" }),
      }),
    ),
  },
});
