/** AlterConfigs (33): replaces all settings of a resource. Version 2 is the compact encoding. */
import { array, bool, defineApi, int16, int32, int8, string, struct } from "./schema.ts";

export const alterConfigs = defineApi({
  key: 33,
  name: "AlterConfigs",
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    resources: array(
      struct({
        /** 2: topic; 4: broker. */
        resourceType: int8(),
        resourceName: string(),
        configs: array(struct({ name: string(), value: string({ nullable: 0 }) })),
      }),
    ),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    responses: array(
      struct({
        errorCode: int16(),
        errorMessage: string({ nullable: 0 }),
        resourceType: int8(),
        resourceName: string(),
      }),
    ),
  },
});
