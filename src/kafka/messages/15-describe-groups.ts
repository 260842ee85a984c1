/**
 * DescribeGroups (15): groups with their members. Version 3 brings authorized operations, 4 static membership
 * (KIP-345), 5 the compact encoding, 6 an error with a text for groups that do not exist (KIP-1043).
 */
import { array, bool, bytes, defineApi, int16, int32, string, struct } from "./schema.ts";

export const describeGroups = defineApi({
  key: 15,
  name: "DescribeGroups",
  versions: [0, 6],
  flexibleFrom: 5,
  request: {
    groups: array(string()),
    includeAuthorizedOperations: bool({ since: 3, default: false }),
  },
  response: {
    throttleTimeMs: int32({ since: 1, default: 0 }),
    groups: array(
      struct({
        errorCode: int16(),
        errorMessage: string({ since: 6, nullable: 6, default: null }),
        groupId: string(),
        groupState: string(),
        protocolType: string(),
        /** The protocol that was chosen; empty without one. */
        protocolData: string(),
        members: array(
          struct({
            memberId: string(),
            groupInstanceId: string({ since: 4, nullable: 4, default: null }),
            clientId: string(),
            clientHost: string(),
            memberMetadata: bytes(),
            memberAssignment: bytes(),
          }),
        ),
        authorizedOperations: int32({ since: 3, default: -2_147_483_648 }),
      }),
    ),
  },
});
