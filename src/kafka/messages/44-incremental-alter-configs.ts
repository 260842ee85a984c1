/** IncrementalAlterConfigs (44): changes single settings (KIP-339). Version 1 is the compact encoding. */
import { array, bool, defineApi, int16, int32, int8, string, struct } from "./schema.ts";

export const incrementalAlterConfigs = defineApi({
  key: 44,
  name: "IncrementalAlterConfigs",
  versions: [0, 1],
  flexibleFrom: 1,
  request: {
    resources: array(
      struct({
        /** 2: topic; 4: broker. */
        resourceType: int8(),
        resourceName: string(),
        configs: array(
          struct({
            name: string(),
            /** 0: set; 1: delete; 2: append; 3: subtract. */
            configOperation: int8(),
            value: string({ nullable: 0 }),
          }),
        ),
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
