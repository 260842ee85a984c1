/**
 * CreateTopics (19). From version 4 on -1 stands for the service's own numbers (KIP-464); 5 brings the
 * compact encoding and answers with the settings (KIP-525), 7 with the topic's id (KIP-516).
 */
import { array, bool, defineApi, int16, int32, int8, string, struct, uuid } from "./schema.ts";

export const createTopics = defineApi({
  key: 19,
  name: "CreateTopics",
  versions: [2, 7],
  flexibleFrom: 5,
  request: {
    topics: array(
      struct({
        name: string(),
        /** -1 where `assignments` says it, or where the service is to choose. */
        numPartitions: int32(),
        replicationFactor: int16(),
        assignments: array(struct({ partitionIndex: int32(), brokerIds: array(int32()) })),
        configs: array(struct({ name: string(), value: string({ nullable: 0 }) })),
      }),
    ),
    timeoutMs: int32({ default: 60_000 }),
    validateOnly: bool({ default: false }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    topics: array(
      struct({
        name: string(),
        topicId: uuid({ since: 7, default: "00000000000000000000000000000000" }),
        errorCode: int16(),
        errorMessage: string({ nullable: 0 }),
        /** The error for which the settings are left out. */
        topicConfigErrorCode: int16({ since: 5, default: 0, tag: 0 }),
        numPartitions: int32({ since: 5, default: -1 }),
        replicationFactor: int16({ since: 5, default: -1 }),
        configs: array(
          struct({
            name: string(),
            value: string({ nullable: 5 }),
            readOnly: bool(),
            configSource: int8({ default: -1 }),
            isSensitive: bool(),
          }),
          { since: 5, nullable: 5, default: [] },
        ),
      }),
    ),
  },
});
