/** DescribeConfigs (32): settings, with where each comes from (version 1 on, KIP-226),
 * and from version 3 on its type and documentation (KIP-569). */
import { array, bool, defineApi, int16, int32, int8, string, struct } from "./schema.ts";

export const describeConfigs = defineApi({
  key: 32,
  name: "DescribeConfigs",
  versions: [1, 4],
  flexibleFrom: 4,
  request: {
    resources: array(
      struct({
        /** 2: topic; 4: broker. */
        resourceType: int8(),
        resourceName: string(),
        /** null: all. */
        configurationKeys: array(string(), { nullable: 0 }),
      }),
    ),
    includeSynonyms: bool({ default: false }),
    includeDocumentation: bool({ since: 3, default: false }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    results: array(
      struct({
        errorCode: int16(),
        errorMessage: string({ nullable: 0 }),
        resourceType: int8(),
        resourceName: string(),
        configs: array(
          struct({
            name: string(),
            value: string({ nullable: 0 }),
            readOnly: bool(),
            /** 1: of the topic; 4: of the broker, static; 5: the default. */
            configSource: int8({ default: -1 }),
            isSensitive: bool(),
            synonyms: array(
              struct({ name: string(), value: string({ nullable: 0 }), source: int8() }),
              { default: [] },
            ),
            /** By Kafka's numbers; 0: unknown. */
            configType: int8({ since: 3, default: 0 }),
            documentation: string({ since: 3, nullable: 3, default: "" }),
          }),
        ),
      }),
    ),
  },
});
