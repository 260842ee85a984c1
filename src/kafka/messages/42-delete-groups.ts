/** DeleteGroups (42): groups without members, with their offsets. Version 2 is the compact encoding. */
import { array, defineApi, int16, int32, string, struct } from "./schema.ts";

export const deleteGroups = defineApi({
  key: 42,
  name: "DeleteGroups",
  versions: [0, 2],
  flexibleFrom: 2,
  request: { groupsNames: array(string()) },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    results: array(struct({ groupId: string(), errorCode: int16() })),
  },
});
