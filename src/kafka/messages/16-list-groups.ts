/**
 * ListGroups (16): the groups of the cluster. Version 3 is the compact encoding, 4 has states (KIP-518), 5 types
 * (KIP-848).
 */
import { array, defineApi, int16, int32, string, struct } from "./schema.ts";

export const listGroups = defineApi({
  key: 16,
  name: "ListGroups",
  versions: [0, 5],
  flexibleFrom: 3,
  request: {
    /** Empty: groups in any state. */
    statesFilter: array(string(), { since: 4, default: [] }),
    /** Empty: groups of any type. */
    typesFilter: array(string(), { since: 5, default: [] }),
  },
  response: {
    throttleTimeMs: int32({ since: 1, default: 0 }),
    errorCode: int16(),
    groups: array(
      struct({
        groupId: string(),
        protocolType: string(),
        groupState: string({ since: 4, default: "" }),
        groupType: string({ since: 5, default: "" }),
      }),
    ),
  },
});
