/**
 * DeleteTopics (20). Version 4 brings the compact encoding, 5 error messages, 6 topics by name or by id
 * (KIP-516), in `topics` instead of `topicNames`.
 */
import { NO_TOPIC_ID } from "../../base/ids.ts";
import { array, defineApi, int16, int32, string, struct, uuid } from "./schema.ts";

export const deleteTopics = defineApi({
  key: 20,
  name: "DeleteTopics",
  versions: [1, 6],
  flexibleFrom: 4,
  request: {
    /** By id where the name is null. */
    topics: array(
      struct({
        name: string({ nullable: 6, default: null }),
        topicId: uuid({ default: NO_TOPIC_ID }),
      }),
      { since: 6, default: [] },
    ),
    topicNames: array(string(), { until: 5 }),
    timeoutMs: int32(),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    responses: array(
      struct({
        /** null, from version 6 on, where the given id is unknown. */
        name: string({ nullable: 6 }),
        topicId: uuid({ since: 6, default: NO_TOPIC_ID }),
        errorCode: int16(),
        errorMessage: string({ since: 5, nullable: 5, default: null }),
      }),
    ),
  },
});
